#include "storage/text/bm25_parts.h"

#include <stdlib.h>

#include "storage/text/array.h"

void part_free(struct part *p)
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

static bool make_lost(struct part *p)
{
	p->lost = array_new(lost_words(p->segment), sizeof *p->lost);
	p->lost_with = array_new(p->segment->terms.n, sizeof *p->lost_with);
	return p->lost && p->lost_with;
}

/* The same part, for another index. False when memory ran out, or when stopped. */
static bool copy_part(struct part *to, const struct part *from, struct stop *stop)
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
	return stop_copy(stop, to->lost, from->lost, lost_words(to->segment) * sizeof *to->lost) &&
	       stop_copy(stop, to->lost_with, from->lost_with,
		       to->segment->terms.n * sizeof *to->lost_with);
}

bool part_lose(struct part *p, uint32_t place)
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
		if (!part_lose(p, place) || stop_after(stop, LOSING + words))
			return false;
	}
	return true;
}

void parts_drop_empty(struct bm25 *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->n_parts; i++)
		if (part_living(&b->parts[i]))
			b->parts[kept++] = b->parts[i];
		else
			part_free(&b->parts[i]);
	b->n_parts = kept;
}

void parts_count(struct bm25 *b)
{
	uint64_t n_tokens = 0;

	for (size_t i = 0; i < b->n_parts; i++) {
		const struct part *p = &b->parts[i];
		b->n += part_living(p);
		b->filled += p->segment->filled - p->filled_lost;
		n_tokens += p->segment->n_tokens - p->tokens_lost;
	}
	b->average = b->filled ? (double)n_tokens / b->filled : 1;
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
		if (!copy_part(p, &before->parts[b->n_parts], stop) || !lose_all(p, fresh, stop)) {
			b->n_parts++;
			return false;
		}
	}
	if (!n || fresh->n) {
		parts_drop_empty(b);
		b->parts[b->n_parts++] = (struct part){.segment = segment_acquire(fresh)};
	}
	parts_count(b);
	return true;
}
