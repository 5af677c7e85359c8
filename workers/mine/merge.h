/* Several sources' lists become one: first which documents, then, once scored, in which order. */
#ifndef WORKERS_MINE_MERGE_H
#define WORKERS_MINE_MERGE_H

#include "workers/mine/candidate.h"
#include "workers/mine/source.h"

/* Every document that a source found, once, unscored and undecided; the list lives in the arena.
 * `places` is corpus->order. */
enum code merge_sources(const struct found *found, const uint32_t *places, struct arena *arena,
	struct list *out, struct error *e);
/* Sorts by score or fused rank, ties by document id, and numbers the raw ranks. */
void merge_order(const Pb__MineNegativesRequest *recipe, struct list *list);

#endif
