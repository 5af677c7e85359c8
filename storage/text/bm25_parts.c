/*
 * How an index stays a few parts. Each upload brings a part. It takes in every part that is not
 * GROWTH times as large as it has become by then, and every one of which a third is lost. So a part
 * stays beside others that are at most a GROWTHth of it, or were before it lost some: the number of
 * parts grows with the logarithm of that of documents. A document is written anew some GROWTH times
 * for each time that its part becomes GROWTH times as large; and at most a third of all places is lost.
 *
 * That bounds what updates cost together, not what one does: once in a while a few documents make one
 * part of everything, which takes some 4 to 6 us a document (of 50 words), and a large part that gets new
 * codes takes 1 us a document. It happens where the index is needed, in the request that comes first
 * after the upload. To put it off would leave every later search with more parts, and each costs a
 * search as much as some 100,000 documents do; to do it in pieces would take an unfinished part from
 * one index to the next. Instead, the work can be given up at any step, and who waits for the same index
 * keeps it going (catalog_entry.c).
 */
#include "storage/text/bm25_parts.h"

#include <stdlib.h>
#include <string.h>

#include "storage/text/array.h"

enum { GROWTH = 4, LOST_SHARE = 3 };

static void part_free(struct part *p)
{
	segment_release(p->segment);
	bm25_codes_release(p->codes);
	free(p->lost);
	free(p->lost_with);
	*p = (struct part){0};
}

void parts_free(struct part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		part_free(&parts[i]);
	free(parts);
}

static size_t lost_words(const struct segment *s)
{
	return s->n / 64 + 1;
}

static bool make_lost(struct part *p)
{
	p->lost = array_new(lost_words(p->segment), sizeof *p->lost);
	p->lost_with = array_new(p->segment->terms.n, sizeof *p->lost_with);
	return p->lost && p->lost_with;
}

/* The same part, for another index. */
static bool copy_part(struct part *to, const struct part *from)
{
	*to = *from;
	segment_acquire(to->segment);
	bm25_codes_acquire(to->codes);
	to->lost = NULL;
	to->lost_with = NULL;
	if (!from->lost)
		return true;
	if (!make_lost(to))
		return false;
	memcpy(to->lost, from->lost, lost_words(to->segment) * sizeof *to->lost);
	memcpy(to->lost_with, from->lost_with, to->segment->terms.n * sizeof *to->lost_with);
	return true;
}

static bool lose(struct part *p, uint32_t place)
{
	if (place == NO_PLACE || part_lost(p, place))
		return true;
	if (!p->lost && !make_lost(p))
		return false;
	p->lost[place / 64] |= (uint64_t)1 << place % 64;
	p->n_lost++;
	p->filled_lost += p->segment->length[place] > 0;
	p->tokens_lost += p->segment->length[place];
	for (struct bm25_row row = segment_row(p->segment, place); bm25_row_next(&row);)
		p->lost_with[row.term]++;
	return true;
}

static bool lose_all(struct part *p, const struct segment *fresh, struct stop *stop)
{
	for (uint32_t i = 0; i < fresh->n; i++) {
		uint32_t place = segment_place(p->segment, fresh->document[i]);
		uint32_t words = place == NO_PLACE ? 0 : p->segment->length[place];
		if (!lose(p, place) || stop_after(stop, LOSING + words))
			return false;
	}
	return true;
}

static uint32_t living(const struct part *p)
{
	return p->segment->n - p->n_lost;
}

static int largest_first(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return (living(x) < living(y)) - (living(x) > living(y));
}

/* Moves the parts that are to be one behind the others, the newest last already; returns how many
 * stay. */
static size_t choose(struct part *parts, size_t n)
{
	uint64_t together = living(&parts[n - 1]);
	size_t stay = n - 1;

	qsort(parts, stay, sizeof *parts, largest_first);
	for (size_t i = stay; i-- > 0;) {
		struct part p = parts[i];
		bool worn = (uint64_t)p.n_lost * LOST_SHARE > p.segment->n;
		if (!worn && living(&p) >= together * GROWTH)
			continue;
		together += living(&p);
		memmove(&parts[i], &parts[i + 1], (--stay - i) * sizeof *parts);
		parts[stay] = p;
		i = stay; /* what was too large may not be any more */
	}
	return stay;
}

/* Of a part that has lost all, nothing needs to be merged. */
static void drop_empty(struct bm25 *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->n_parts; i++)
		if (living(&b->parts[i]))
			b->parts[kept++] = b->parts[i];
		else
			part_free(&b->parts[i]);
	b->n_parts = kept;
}

static bool unite(struct bm25 *b, struct stop *stop)
{
	size_t stay = choose(b->parts, b->n_parts);

	if (b->n_parts - stay < 2)
		return true;
	struct segment *merged = parts_merge(b->parts + stay, b->n_parts - stay, stop);
	if (!merged)
		return false;
	while (b->n_parts > stay)
		part_free(&b->parts[--b->n_parts]);
	b->parts[b->n_parts++] = (struct part){.segment = merged};
	return true;
}

bool parts_succeed(
	struct bm25 *b, const struct bm25 *before, struct segment *fresh, struct stop *stop)
{
	size_t n = before ? before->n_parts : 0;

	b->parts = array_new(n + 1, sizeof *b->parts);
	if (!b->parts)
		return false;
	for (; b->n_parts < n; b->n_parts++) {
		struct part *p = &b->parts[b->n_parts];
		if (!copy_part(p, &before->parts[b->n_parts]) || !lose_all(p, fresh, stop)) {
			b->n_parts++;
			return false;
		}
	}
	if (n && !fresh->n)
		return true;
	drop_empty(b);
	b->parts[b->n_parts++] = (struct part){.segment = segment_acquire(fresh)};
	return unite(b, stop);
}

static void count(struct bm25 *b)
{
	uint64_t n_tokens = 0;

	for (size_t i = 0; i < b->n_parts; i++) {
		const struct part *p = &b->parts[i];
		b->n += living(p);
		b->filled += p->segment->filled - p->filled_lost;
		n_tokens += p->segment->n_tokens - p->tokens_lost;
	}
	b->average = b->filled ? (double)n_tokens / b->filled : 1;
}

bool parts_weigh(struct bm25 *b, struct stop *stop)
{
	count(b);
	qsort(b->parts, b->n_parts, sizeof *b->parts, largest_first);
	for (size_t i = 0; i < b->n_parts; i++) {
		struct part *p = &b->parts[i];
		if (p->codes && fabs(p->codes->average / b->average - 1) <= CODES_DRIFT)
			continue;
		bm25_codes_release(p->codes);
		p->codes = bm25_codes_new(p->segment, b->k1, b->b, b->average, stop);
		if (!p->codes)
			return false;
	}
	return true;
}
