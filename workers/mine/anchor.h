/* The positive from which margins are measured, and its score p. */
#ifndef WORKERS_MINE_ANCHOR_H
#define WORKERS_MINE_ANCHOR_H

#include <stdbool.h>

#include "workers/mine/query.h"
#include "workers/mine/stream.h"

struct anchor {
	double score;	   /* NaN: no positive has a score */
	uint32_t document; /* NO_DOCUMENT where p is of no single one */
};

/* Out of n positives with their scores, those that are NaN left out. With ANCHOR_EACH give it one
 * at a time. `random` is for ANCHOR_RANDOM. */
struct anchor anchor_pick(Pb__Anchor rule, const uint32_t *positives, const double *scores,
	size_t n, struct stream random);

#endif
