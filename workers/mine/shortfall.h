/*
 * What happens to a query that has fewer than num_negatives though nothing deeper would help. A fill
 * is never a positive, a duplicate, the query's own text, of an excluded group, or chosen already;
 * it may be a candidate that a threshold rejected: random documents come without a promise.
 */
#ifndef WORKERS_MINE_SHORTFALL_H
#define WORKERS_MINE_SHORTFALL_H

#include "workers/mine/identity.h"
#include "workers/mine/deck.h"
#include "workers/mine/score.h"

struct fill {
	const struct corpus *corpus;
	const struct identity *identity;
	const struct scoring *scoring;
	struct stream random;
	/* out: in the order drawn, NaN where there is no score */
	struct hit *filled;
	size_t n;
};

/* After sampling. OUT_OF_RANGE/SHORTFALL is the query's failure alone. */
enum code shortfall_apply(const Pb__MineNegativesRequest *recipe, struct list *list,
	struct fill *fill, struct arena *arena, struct error *e);

#endif
