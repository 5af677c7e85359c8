/* Inside the recipe stage: the table of strategies and the checks. */
#ifndef WORKERS_MINE_RECIPE_H
#define WORKERS_MINE_RECIPE_H

#include "workers/mine/candidate.h"
#include "workers/mine/mine.h"

/* A strategy or preset is the settings that it has an opinion on: those whose has_ is set. */
struct strategy {
	const char *name;
	Pb__SourceKind source;
	Pb__MineNegativesRequest set;
	bool automatic; /* without range_max, sentence-transformers' rule for depth and window */
};

extern const struct strategy strategies[];
extern const size_t n_strategies;

/* A resolved recipe's numbers and their contradictions: INVALID_ARGUMENT at the field. */
enum code recipe_check(const Pb__MineNegativesRequest *recipe, struct error *e);

/* What the stages of a resolved recipe look at. */
bool recipe_needs_vector(const Pb__MineNegativesRequest *recipe);
bool recipe_needs_text(const Pb__MineNegativesRequest *recipe);

#endif
