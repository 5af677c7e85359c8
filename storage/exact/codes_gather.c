#include "storage/exact/codes_gather.h"

#include <string.h>

static void copy_row(const struct codes *to, uint32_t at, const struct codes *from, uint32_t row)
{
	float *y = codes_floats(to, at);
	const float *x = codes_floats(from, row);

	/* The floats, and then a word for every four dimensions of the head, all 32 apart. */
	for (uint32_t i = 0; i < BLOCK_FLOATS / CODE_BLOCK + to->steps; i++)
		memcpy(y + (size_t)i * CODE_BLOCK, x + (size_t)i * CODE_BLOCK, sizeof *y);
	if (to->tail)
		memcpy(codes_tail(to, at), codes_tail(from, row), to->tail);
}

struct codes *codes_gather(const struct codes *from, const uint32_t *row, uint32_t n)
{
	struct codes *c = codes_new(from->dimension, from->similarity, &from->rotation.basis);

	if (!c)
		return NULL;
	while (c->blocks < (n + (uint64_t)CODE_BLOCK - 1) / CODE_BLOCK)
		if (!codes_add_block(c)) {
			codes_free(c);
			return NULL;
		}
	c->rows = n;
	c->longest = from->longest;
	for (uint32_t i = 0; i < n; i++)
		copy_row(c, i, from, row[i]);
	return c;
}
