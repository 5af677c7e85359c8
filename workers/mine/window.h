/*
 * The part of the list to choose from: ranks range_min .. range_max - 1, counted from the base that
 * the recipe names, since "rank 10" means different documents when positives, or what the filters
 * rejected, take up ranks. Also how deep sources must be asked so that the window can be filled.
 */
#ifndef WORKERS_MINE_WINDOW_H
#define WORKERS_MINE_WINDOW_H

#include <stdbool.h>

#include "workers/mine/candidate.h"

enum { OPEN_WINDOW = UINT32_MAX };

struct window {
	uint32_t begin, end;	   /* end is past the last, or OPEN_WINDOW */
	uint32_t depth, max_depth; /* what sources are asked for, positives included */
};

/* For a query with so many positives; the recipe is a resolved one. */
struct window window_for(const Pb__MineNegativesRequest *recipe, size_t n_positives);

/* Numbers the ranks among negatives and survivors and rejects what lies outside. */
struct window_count {
	size_t ranked;	 /* candidates that have a rank of the base */
	size_t eligible; /* survivors inside the window */
};
struct window_count window_list(
	const Pb__MineNegativesRequest *recipe, const struct window *w, struct list *list);

/* Whether asking deeper can change nothing that matters: the query has what it needs, or the window
 * is full. Random sampling must see the whole of a closed window. */
bool window_settled(
	const Pb__MineNegativesRequest *recipe, const struct window *w, struct window_count count);

#endif
