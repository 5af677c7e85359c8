#include "storage/sorted.h"

#include <stdlib.h>
#include <string.h>

/* How many of the list come before x. */
static uint32_t before(
	const uint32_t *list, uint32_t n, uint32_t x, sorted_compare compare, void *arg)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (compare(&list[middle], &x, arg) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* From the end: what comes behind a fresh number moves once, to where it stays. */
void sorted_merge(
	uint32_t *list, uint32_t n, uint32_t *fresh, uint32_t m, sorted_compare compare, void *arg)
{
	qsort_r(fresh, m, sizeof *fresh, compare, arg);
	for (; m; m--) {
		uint32_t at = before(list, n, fresh[m - 1], compare, arg);
		memmove(list + at + m, list + at, (n - at) * sizeof *list);
		list[at + m - 1] = fresh[m - 1];
		n = at;
	}
}
