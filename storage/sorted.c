#include "storage/sorted.h"

#include <stdlib.h>
#include <string.h>

#include "storage/text/array.h"

enum {
	RUN = 1024,
	PLACING = 16 /* units (stop.h) that a number takes to be put where it belongs */
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

struct way {
	sorted_compare compare;
	void *arg;
	struct stop *stop;
};

/* Two runs, one behind the other, become one. */
static bool merge_runs(
	const struct way *w, uint32_t *out, const uint32_t *a, size_t n_a, size_t n_b)
{
	const uint32_t *b = a + n_a, *end_a = b, *end_b = b + n_b;

	while (a < end_a || b < end_b) {
		bool from_b = a == end_a || (b < end_b && w->compare(b, a, w->arg) < 0);
		*out++ = from_b ? *b++ : *a++;
		if (stop_after(w->stop, PLACING))
			return false;
	}
	return true;
}

/* Runs of `width` become runs of twice that, elsewhere. */
static bool merge_pairs(
	const struct way *w, uint32_t *out, const uint32_t *list, size_t n, size_t width)
{
	for (size_t i = 0; i < n; i += 2 * width) {
		size_t a = least(width, n - i), b = least(width, n - i - a);
		if (!merge_runs(w, out + i, list + i, a, b))
			return false;
	}
	return true;
}

/* The library sorts short runs, as it cannot be stopped. */
static bool sort(const struct way *w, uint32_t *list, size_t n)
{
	uint32_t *spare = n > RUN ? array_new(n, sizeof *spare) : NULL, *from = list, *to = spare;
	bool done = n <= RUN || spare;

	for (size_t i = 0; done && i < n; i += RUN) {
		size_t run = least(RUN, n - i);
		qsort_r(list + i, run, sizeof *list, w->compare, w->arg);
		done = !stop_after(w->stop, run * PLACING);
	}
	for (size_t width = RUN; done && width < n; width *= 2) {
		done = merge_pairs(w, to, from, n, width);
		uint32_t *swap = from;
		from = to;
		to = swap;
	}
	if (from != list)
		memcpy(list, from, n * sizeof *list);
	free(spare);
	return done;
}

/* How many of the list come before x. */
static uint32_t before(const struct way *w, const uint32_t *list, uint32_t n, uint32_t x)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (w->compare(&list[middle], &x, w->arg) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* From the end: what comes behind a fresh number moves once, to where it stays. */
bool sorted_merge(uint32_t *list, uint32_t n, uint32_t *fresh, uint32_t m, sorted_compare compare,
	void *arg, struct stop *stop)
{
	const struct way w = {compare, arg, stop};

	if (!sort(&w, fresh, m))
		return false;
	for (; m; m--) {
		uint32_t at = before(&w, list, n, fresh[m - 1]);
		memmove(list + at + m, list + at, (n - at) * sizeof *list);
		list[at + m - 1] = fresh[m - 1];
		n = at;
		if (stop_after(stop, PLACING))
			return false;
	}
	return true;
}
