#include "tests/storage/exact/asked.h"

/* FNV-1a. */
static uint64_t mixed(uint64_t mark, const void *bytes, size_t n)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < n; i++)
		mark = (mark ^ byte[i]) * 0x100000001b3u;
	return mark;
}

static uint64_t mark_of(const struct exact_query *q, uint32_t dimension)
{
	uint64_t mark = 0xcbf29ce484222325u;

	mark = mixed(mark, q->vector, dimension * sizeof *q->vector);
	mark = mixed(mark, &q->k, sizeof q->k);
	mark = mixed(mark, &q->floor, sizeof q->floor);
	mark = mixed(mark, q->excluded, q->n_excluded * sizeof *q->excluded);
	if (q->behind) {
		mark = mixed(mark, &q->behind->document, sizeof q->behind->document);
		mark = mixed(mark, &q->behind->score, sizeof q->behind->score);
	}
	return mark ? mark : 1;
}

/* Two questions of one mark count as one: there are never fewer than were counted. */
size_t asked_anew(struct asked *asked, const struct ask *a)
{
	size_t anew = 0;

	for (size_t i = 0; i < a->n; i++) {
		uint64_t mark = mark_of(&a->queries[i], a->w->shape.dimension);
		size_t slot = mark % ASKED_SLOTS;
		while (asked->mark[slot] && asked->mark[slot] != mark)
			slot = (slot + 1) % ASKED_SLOTS;
		anew += !asked->mark[slot];
		asked->mark[slot] = mark;
	}
	return anew;
}
