/*
 * The ten candidates that the semantics of all tools can be checked on by hand:
 *
 *   p1 .90  d1 .88  d2 .86  p2 .80  d3 .79  d4 .76  d5 .75  d6 .72  d7 .60  d8 .50
 *
 * p1 and p2 are the query's positives. Numbers of documents are not in the order of scores.
 */
#ifndef TESTS_WORKERS_MINE_GOLDEN_H
#define TESTS_WORKERS_MINE_GOLDEN_H

#include "tests/runner.h"
#include "workers/mine/candidate.h"

enum { GOLDEN = 10 };

extern const char *const golden_ids[GOLDEN]; /* by number */
extern const double golden_scores[GOLDEN];

/* A request with this strategy and number of negatives. */
Pb__MineNegativesRequest golden_request(const char *strategy, uint32_t num_negatives);
/* The negatives that the stages choose for the request, hardest first: "d1 d2 d3". `anchor` is the
 * positive of a pair, or NULL. The string and the list live in the arena. */
const char *golden_mine(const Pb__MineNegativesRequest *req, const char *anchor,
	struct arena *arena, struct list *list);

#endif
