/*
 * The summary of a run, added up from its results alone: whoever has stored results and their
 * recipe can make it again.
 */
#ifndef WORKERS_MINE_REPORT_H
#define WORKERS_MINE_REPORT_H

#include "proto/arena.h"
#include "workers/mine/distribution.h"

struct report {
	uint32_t num_negatives;
	Pb__Shortfall shortfall;
	uint64_t queries, queries_short, queries_dropped, queries_failed;
	uint64_t negatives, candidates;
	uint32_t depth_max;
	Pb__Rejected rejected;
	/* A row a pair of a scored positive and a scored negative. */
	struct numbers positive, negative, difference;
	/* p - s, for every scored negative where there is an anchor. */
	struct numbers margins;
	uint64_t at_or_above_anchor, random;
};

/* `recipe` is a resolved one. */
void report_init(struct report *r, const Pb__MineNegativesRequest *recipe);
void report_free(struct report *r);
enum code report_add(struct report *r, const Pb__MineResult *result, struct error *e);
/* Fills counts, scores and risk; the rest of the summary is as it was. */
enum code report_finish(
	struct report *r, struct arena *arena, Pb__MineSummary *out, struct error *e);

#endif
