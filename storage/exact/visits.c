#include "storage/exact/visits.h"

#include <string.h>

enum { DIGIT = 11, DIGITS = 1 << DIGIT };

static uint32_t digit_of(const struct visit *v, int shift)
{
	return v->row >> shift & (DIGITS - 1);
}

/* Where each digit's visits begin, once all are ordered by it. */
static void count(const struct visit *at, size_t n, int shift, size_t *begin)
{
	size_t before = 0;

	memset(begin, 0, DIGITS * sizeof *begin);
	for (size_t i = 0; i < n; i++)
		begin[digit_of(&at[i], shift)]++;
	for (size_t d = 0; d < DIGITS; d++) {
		size_t here = begin[d];
		begin[d] = before;
		before += here;
	}
}

void visits_sort(struct visit *at, struct visit *scratch, size_t n, uint32_t rows)
{
	struct visit *from = at, *to = scratch;
	size_t begin[DIGITS];

	for (int shift = 0; shift < 32 && rows >> shift; shift += DIGIT) {
		count(from, n, shift, begin);
		for (size_t i = 0; i < n; i++)
			to[begin[digit_of(&from[i], shift)]++] = from[i];
		struct visit *swap = from;
		from = to;
		to = swap;
	}
	if (from != at)
		memcpy(at, from, n * sizeof *at);
}
