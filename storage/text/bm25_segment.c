#include "storage/text/bm25_segment.h"

#include <stdlib.h>

#include "storage/text/array.h"

struct segment *segment_new(void)
{
	struct segment *s = array_new(1, sizeof *s);

	if (s)
		atomic_init(&s->references, 1);
	return s;
}

struct segment *segment_acquire(struct segment *s)
{
	atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
	return s;
}

void segment_release(struct segment *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
		return;
	terms_free(&s->terms);
	free(s->document);
	free(s->rows);
	free(s->row_start);
	free(s->length);
	free(s->posting_start);
	free(s->place);
	free(s->tf);
	free(s->chunk_start);
	free(s->chunks);
	free(s);
}

/* A term's chunks are counted, then written, by one walk each over all rows; `last` is the range of
 * the term's previous posting + 1. False when stopped. */
static bool count_chunks(
	const struct segment *s, uint32_t *chunks, uint32_t *last, size_t *total, struct stop *stop)
{
	*total = 0;
	for (uint32_t d = 0; d < s->n; d++) {
		if (stop_after(stop, segment_row_bytes(s, d)))
			return false;
		for (struct bm25_row row = segment_row(s, d); bm25_row_next(&row);)
			if (last[row.term] != d / RANGE + 1) {
				last[row.term] = d / RANGE + 1;
				chunks[row.term]++;
				(*total)++;
			}
	}
	return true;
}

/* Turns the rows over. Both starts of a term walk to those of the next and are put back after. False
 * when stopped. */
static bool fill(struct segment *s, const size_t *begin, uint32_t *last, struct stop *stop)
{
	for (uint32_t d = 0; d < s->n; d++) {
		if (stop_after(stop, segment_row_bytes(s, d)))
			return false;
		for (struct bm25_row row = segment_row(s, d); bm25_row_next(&row);) {
			uint32_t t = row.term;
			size_t at = s->posting_start[t]++;
			if (last[t] != d / RANGE + 1) {
				last[t] = d / RANGE + 1;
				s->chunks[s->chunk_start[t]++] =
					(struct chunk){d / RANGE, (uint32_t)(at - begin[t])};
			}
			s->place[at] = (uint16_t)(d % RANGE);
			s->tf[at] = row.tf < MANY ? (uint8_t)row.tf : MANY;
		}
	}
	for (size_t t = s->terms.n; t; t--) {
		s->posting_start[t] = s->posting_start[t - 1];
		s->chunk_start[t] = s->chunk_start[t - 1];
	}
	s->posting_start[0] = s->chunk_start[0] = 0;
	return true;
}

static size_t *add_up(const uint32_t *counts, uint32_t n)
{
	size_t *start = array_new((size_t)n + 1, sizeof *start);

	for (uint32_t i = 0; start && i < n; i++)
		start[i + 1] = start[i] + counts[i];
	return start;
}

static bool post(struct segment *s, const uint32_t *frequency, uint32_t *chunks, uint32_t *last,
	struct stop *stop)
{
	uint32_t n = s->terms.n;
	size_t total;

	if (!count_chunks(s, chunks, last, &total, stop))
		return false;
	size_t *begin = add_up(frequency, n);

	s->posting_start = add_up(frequency, n);
	s->chunk_start = add_up(chunks, n);
	if (begin && s->posting_start && s->chunk_start) {
		s->place = array_new(begin[n], sizeof *s->place);
		s->tf = array_new(begin[n], 1);
		s->chunks = array_new(total, sizeof *s->chunks);
	}
	bool done = s->place && s->tf && s->chunks;
	for (uint32_t t = 0; t < n; t++)
		last[t] = 0;
	done = done && fill(s, begin, last, stop);
	free(begin);
	return done;
}

bool segment_post(struct segment *s, const uint32_t *frequency, struct stop *stop)
{
	uint32_t *chunks = array_new(s->terms.n, sizeof *chunks);
	uint32_t *last = array_new(s->terms.n, sizeof *last);
	bool done = chunks && last && post(s, frequency, chunks, last, stop);

	free(chunks);
	free(last);
	return done;
}

uint32_t segment_occurrences(const struct segment *s, uint32_t term, uint32_t place)
{
	for (struct bm25_row row = segment_row(s, place); bm25_row_next(&row);)
		if (row.term >= term)
			return row.term == term ? row.tf : 0;
	return 0;
}

/* Places rise with numbers, by as much where no number is left out. */
uint32_t segment_place(const struct segment *s, uint32_t document)
{
	if (!s->n || document < s->document[0] || document > s->document[s->n - 1])
		return NO_PLACE;
	uint32_t high = document - s->document[0], low = 0;
	if (high < s->n && s->document[high] == document)
		return high;
	high = high < s->n ? high : s->n - 1;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (s->document[middle] < document)
			low = middle + 1;
		else
			high = middle;
	}
	return s->document[low] == document ? low : NO_PLACE;
}
