#include "storage/text/best.h"

/* Moves the root of heap[0..n) to where it belongs. */
static void sink(struct hit *heap, size_t n, const uint32_t *order)
{
	struct hit moving = heap[0];
	size_t at = 0;

	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && hit_before(&heap[child], &heap[child + 1], order))
			child++;
		if (!hit_before(&moving, &heap[child], order))
			break;
		heap[at] = heap[child];
	}
	heap[at] = moving;
}

static void rise(struct hit *heap, size_t at, const uint32_t *order)
{
	struct hit moving = heap[at];

	for (size_t parent; at; at = parent) {
		parent = (at - 1) / 2;
		if (!hit_before(&heap[parent], &moving, order))
			break;
		heap[at] = heap[parent];
	}
	heap[at] = moving;
}

void best_keep(struct hit *best, size_t *n, size_t k, struct hit h, const uint32_t *order)
{
	if (*n < k) {
		best[*n] = h;
		rise(best, (*n)++, order);
	} else if (hit_before(&h, &best[0], order)) {
		best[0] = h;
		sink(best, k, order);
	}
}

void best_sort(struct hit *best, size_t n, const uint32_t *order)
{
	while (n > 1) {
		struct hit worst = best[0];
		best[0] = best[--n];
		sink(best, n, order);
		best[n] = worst;
	}
}
