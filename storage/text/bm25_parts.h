/* The parts of an index: which documents each has lost, and when parts become one. */
#ifndef STORAGE_TEXT_BM25_PARTS_H
#define STORAGE_TEXT_BM25_PARTS_H

#include "storage/text/bm25_matrix.h"

enum { LOSING = 32 /* units (stop.h) that a document to lose takes, as it is searched for */ };

/* Gives the index the parts of `before` (NULL: none), which lose the documents of `fresh`, and that
 * segment, as the last, without codes; and counts the documents that are there. The segment is shared.
 * False when memory ran out, or when stopped: what is there then bm25_free frees. */
bool parts_succeed(
	struct bm25 *b, const struct bm25 *before, struct segment *fresh, struct stop *stop);
/* Makes parts one and gives codes to those that have none or outdated ones, as far as that writes no
 * more documents anew than `most`, or four times those that came: see the top of bm25_renew.c. False
 * likewise. */
bool parts_renew(struct bm25 *b, uint32_t came, uint32_t most, struct stop *stop);
/* Counts the documents that are there, in parts whose counts are not in the index yet. */
void parts_count(struct bm25 *b);
void parts_free(struct part *parts, size_t n);

/* Of a part that has lost all, nothing needs to be kept. */
void parts_drop_empty(struct bm25 *b);
void part_free(struct part *p);
/* Loses the document at a place; NO_PLACE, or lost already: nothing happens. False when memory ran out. */
bool part_lose(struct part *p, uint32_t place);

/* Of a segment's bits, of which the last may have none. */
static inline size_t lost_words(const struct segment *s)
{
	return s->n / 64 + 1;
}

static inline uint32_t part_living(const struct part *p)
{
	return p->segment->n - p->n_lost;
}

/* The first place from `at` on, under `end`, whose document lives; `end` when there is none. */
static inline uint32_t part_next(const struct part *p, uint32_t at, uint32_t end)
{
	while (at < end && part_lost(p, at))
		at += p->lost[at / 64] == UINT64_MAX ? 64 - at % 64 : 1;
	return at < end ? at : end;
}

/* One segment of the documents that live in these parts, and of those that live at the places below
 * `end` of another, `front` (NULL: none), by rising number. NULL when memory ran out, or when stopped. */
struct segment *parts_merge(const struct part *parts, size_t n, const struct part *front,
	uint32_t end, struct stop *stop);

#endif
