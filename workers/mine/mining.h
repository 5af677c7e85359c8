/*
 * One run of mining, as every stage sees it: the recipe, what is pinned, and the queries. It does
 * not change while slices run, on any number of threads.
 */
#ifndef WORKERS_MINE_MINING_H
#define WORKERS_MINE_MINING_H

#include "workers/mine/mine.h"
#include "workers/mine/query.h"

/* Positives of the request's queries, by document: who else has it decides who may be given it. */
struct batch_positive {
	uint32_t document;
	uint32_t owner; /* index of the only query that has it, or SEVERAL_OWNERS */
};

enum { SEVERAL_OWNERS = UINT32_MAX };

struct mining {
	const Pb__MineNegativesRequest *recipe;
	struct database *db;
	struct view view;
	atomic_bool *cancelled; /* NULL: cannot be */
	struct crew crew;	/* threads 0: the calling one alone */
	const struct query *queries;
	size_t n_queries;
	const struct batch_positive *batch; /* for the source in_batch */
	size_t n_batch;
};

/* Before anything is pinned. */
struct mining mining_of(const struct mine *mine, const Pb__MineNegativesRequest *recipe);

/* INVALID_ARGUMENT at "queries" for none or too many. */
enum code queries_check_count(size_t n, struct error *e);
/* Fills in m->queries by the view and the recipe. */
enum code mining_read_queries(struct mining *m, Pb__MineQuery *const *brought, size_t n,
	struct arena *arena, struct error *e);
/* Collects what the source in_batch needs. */
enum code batch_positives(const struct query *queries, size_t n, struct arena *arena,
	const struct batch_positive **out, size_t *n_out, struct error *e);

#endif
