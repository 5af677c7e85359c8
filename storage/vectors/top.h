/* The k best of a stream of hits, in memory of the caller's: highest score first, ties by `order`. */
#ifndef STORAGE_VECTORS_TOP_H
#define STORAGE_VECTORS_TOP_H

#include <stddef.h>

#include "storage/hit.h"

struct top {
	struct hit *hit; /* a heap with the worst at [0]; room for k */
	size_t n, k;
	const uint32_t *order; /* as hit_before wants it */
};

void top_offer(struct top *t, struct hit hit);
void top_sort(struct top *t); /* ends it: hit[0 .. n) is sorted */

#endif
