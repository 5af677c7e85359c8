/* The k best of a stream of hits, in memory of the caller's: highest score first, ties by `order`. */
#ifndef STORAGE_VECTORS_TOP_H
#define STORAGE_VECTORS_TOP_H

#include <stddef.h>

#include "storage/corpus.h"

struct top {
	struct hit *hit; /* a heap with the worst at [0]; room for k */
	size_t n, k;
	const uint32_t *order;
};

static inline bool top_before(const uint32_t *order, const struct hit *a, const struct hit *b)
{
	if (a->score != b->score)
		return a->score > b->score;
	return order[a->document] < order[b->document];
}

void top_offer(struct top *t, struct hit hit);
void top_sort(struct top *t); /* ends it: hit[0 .. n) is sorted */

#endif
