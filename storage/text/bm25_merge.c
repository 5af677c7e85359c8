/*
 * Several parts made one, from their rows: no text is read again. Documents are taken by rising number
 * from whichever part has the next. The terms of the largest part (but not of one that gives its front
 * alone) keep their numbers, so that its rows are copied as they stand; those which only its lost
 * documents had stay as terms that no document has, unless they are many. Terms of other parts get new
 * numbers as they come.
 */
#include <stdlib.h>

#include "storage/text/array.h"
#include "storage/text/bm25_fill.h"
#include "storage/text/bm25_parts.h"

enum { GONE_SHARE = 8 /* of the terms, at most, stay without a document */ };

struct source {
	const struct part *part;
	uint32_t at, end; /* the place of its next document, and where it has no more */
	uint32_t *number; /* a term: 1 + its number in the merged segment; 0: it has none yet */
	bool copied;	  /* its terms keep their numbers */
};

/* The source with the lowest document; NULL at the end. */
static struct source *next_source(struct source *sources, size_t n)
{
	struct source *best = NULL;
	uint32_t lowest = 0;

	for (size_t i = 0; i < n; i++) {
		const struct segment *g = sources[i].part->segment;
		if (sources[i].at == sources[i].end ||
			(best && g->document[sources[i].at] > lowest))
			continue;
		best = &sources[i];
		lowest = g->document[sources[i].at];
	}
	return best;
}

static bool number_term(struct filling *f, struct source *s, uint32_t term)
{
	size_t length;
	const char *bytes = terms_get(&s->part->segment->terms, term, &length);
	uint32_t number = terms_add(&f->segment->terms, bytes, length);

	if (number == NO_TERM)
		return false;
	s->number[term] = number + 1;
	return true;
}

static bool copy_document(struct filling *f, const struct source *s)
{
	const struct segment *g = s->part->segment;
	size_t start = g->row_start[s->at], end = g->row_start[s->at + 1];

	return fill_packed(f, g->rows + start, end - start, g->document[s->at], g->length[s->at]);
}

static bool translate_document(struct filling *f, struct source *s)
{
	const struct segment *g = s->part->segment;

	for (struct bm25_row row = segment_row(g, s->at); bm25_row_next(&row);)
		if ((!s->number[row.term] && !number_term(f, s, row.term)) ||
			!fill_entry(f, s->number[row.term] - 1, row.tf))
			return false;
	return fill_document(f, g->document[s->at], g->length[s->at]);
}

static bool take_document(struct filling *f, struct source *s)
{
	if (!(s->copied ? copy_document(f, s) : translate_document(f, s)))
		return false;
	s->at = part_next(s->part, s->at + 1, s->end);
	return true;
}

static bool open_source(struct source *s, const struct part *part, uint32_t end)
{
	s->part = part;
	s->end = end;
	s->number = array_new(part->segment->terms.n, sizeof *s->number);
	s->at = part_next(part, 0, end);
	return s->number;
}

/* How many documents have a term. */
static uint32_t living_with(const struct part *p, uint32_t term)
{
	return (uint32_t)segment_frequency(p->segment, term) - part_lost_with(p, term);
}

static bool keeps_most_terms(const struct part *p)
{
	uint64_t gone = 0, n = p->segment->terms.n;

	for (uint32_t t = 0; t < n; t++)
		gone += !living_with(p, t);
	return n && gone * GONE_SHARE <= n;
}

/* Whose rows are copied is decided before any term has a number. */
static bool copy_largest(struct filling *f, struct source *sources, size_t n, struct stop *stop)
{
	struct source *largest = sources;

	for (size_t i = 1; i < n; i++)
		if (part_living(sources[i].part) > part_living(largest->part))
			largest = &sources[i];
	if (!keeps_most_terms(largest->part))
		return true;
	const struct part *p = largest->part;
	uint32_t *frequency = fill_start(f, &p->segment->terms, stop);
	for (uint32_t t = 0; frequency && t < p->segment->terms.n; t++)
		frequency[t] = living_with(p, t);
	largest->copied = true;
	return frequency;
}

static bool open_all(struct source *sources, const struct part *parts, size_t n,
	const struct part *front, uint32_t end)
{
	for (size_t i = 0; i < n; i++)
		if (!open_source(&sources[i], &parts[i], parts[i].segment->n))
			return false;
	return !front || open_source(&sources[n], front, end);
}

static bool take_all(struct filling *f, struct source *sources, size_t n, struct stop *stop)
{
	for (struct source *s; (s = next_source(sources, n));) {
		size_t work = segment_row_bytes(s->part->segment, s->at);
		if (!take_document(f, s) || stop_after(stop, work))
			return false;
	}
	return true;
}

struct segment *parts_merge(const struct part *parts, size_t n, const struct part *front,
	uint32_t end, struct stop *stop)
{
	const size_t all = n + (front != NULL);
	struct source *sources = array_new(all, sizeof *sources);
	struct segment *merged = NULL;
	struct filling f;

	if (fill_open(&f) && sources && open_all(sources, parts, n, front, end) &&
		copy_largest(&f, sources, n, stop) && take_all(&f, sources, all, stop))
		merged = fill_done(&f, stop);
	fill_close(&f);
	for (size_t i = 0; sources && i < all; i++)
		free(sources[i].number);
	free(sources);
	return merged;
}
