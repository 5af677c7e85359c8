#include "storage/vectors/top.h"

/* Puts `hit` where the hole at `i` is, or below it. */
static void sink(struct hit *heap, size_t n, size_t i, struct hit hit, const uint32_t *order)
{
	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && hit_before(&heap[child], &heap[child + 1], order))
			child++;
		if (!hit_before(&hit, &heap[child], order))
			break;
		heap[i] = heap[child];
	}
	heap[i] = hit;
}

static void rise(struct hit *heap, size_t i, struct hit hit, const uint32_t *order)
{
	for (size_t parent; i && (parent = (i - 1) / 2, hit_before(&heap[parent], &hit, order));
		i = parent)
		heap[i] = heap[parent];
	heap[i] = hit;
}

void top_offer(struct top *t, struct hit hit)
{
	if (t->n < t->k)
		rise(t->hit, t->n++, hit, t->order);
	else if (t->k && hit_before(&hit, &t->hit[0], t->order))
		sink(t->hit, t->n, 0, hit, t->order);
}

void top_sort(struct top *t)
{
	for (size_t n = t->n; n > 1; n--) {
		struct hit last = t->hit[n - 1];
		t->hit[n - 1] = t->hit[0];
		sink(t->hit, n - 1, 0, last, t->order);
	}
}
