/*
 * Each document's row is sorted and packed as it comes; the postings are the rows turned over once
 * all of them are there, straight into arrays of the exact size.
 */
#include "storage/text/bm25_fill.h"

#include <stdlib.h>
#include <string.h>

#include "storage/text/array.h"

bool fill_open(struct filling *f)
{
	*f = (struct filling){.segment = segment_new()};
	return f->segment;
}

void fill_close(struct filling *f)
{
	segment_release(f->segment);
	free(f->row);
	free(f->frequency);
	*f = (struct filling){0};
}

bool fill_reach(uint32_t **array, size_t *cap, size_t n)
{
	size_t before = *cap;

	if (!array_grow(array, cap, n, sizeof **array))
		return false;
	memset(*array + before, 0, (*cap - before) * sizeof **array);
	return true;
}

bool fill_entry(struct filling *f, uint32_t term, uint32_t tf)
{
	if (!fill_reach(&f->frequency, &f->frequency_cap, (size_t)term + 1) ||
		!array_grow(&f->row, &f->row_cap, f->row_n + 1, sizeof *f->row))
		return false;
	f->frequency[term]++;
	f->row[f->row_n++] = (struct entry){term, tf};
	return true;
}

static int by_term(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->term > y->term) - (x->term < y->term);
}

/* Rows that are merged mostly come sorted. */
static void sort_row(struct filling *f)
{
	size_t i = 1;

	while (i < f->row_n && f->row[i - 1].term < f->row[i].term)
		i++;
	if (i < f->row_n)
		qsort(f->row, f->row_n, sizeof *f->row, by_term);
}

static unsigned char *pack(unsigned char *to, uint32_t value)
{
	for (; value >= 0x80; value >>= 7)
		*to++ = (unsigned char)(value | 0x80);
	*to++ = (unsigned char)value;
	return to;
}

/* Packs the row at hand behind the others and empties it. */
static void pack_row(struct filling *f)
{
	struct segment *s = f->segment;
	unsigned char *to = s->rows + f->rows_n;
	uint32_t previous = 0;

	sort_row(f);
	for (size_t i = 0; i < f->row_n; i++) {
		to = pack(pack(to, f->row[i].term - previous), f->row[i].tf);
		previous = f->row[i].term;
	}
	f->rows_n = (size_t)(to - s->rows);
	f->row_n = 0;
}

/* Room for one more document, with a row of so many bytes at most. */
static bool make_room(struct filling *f, size_t bytes)
{
	struct segment *s = f->segment;
	size_t n = s->n;

	if (!array_grow(&s->rows, &f->rows_cap, f->rows_n + bytes + 1, 1) ||
		!array_grow(&s->row_start, &f->row_start_cap, n + 2, sizeof *s->row_start) ||
		!array_grow(&s->length, &f->length_cap, n + 1, sizeof *s->length) ||
		!array_grow(&s->document, &f->document_cap, n + 1, sizeof *s->document))
		return false;
	s->row_start[n] = f->rows_n;
	return true;
}

/* Its row is there. */
static void end_document(struct filling *f, uint32_t document, uint32_t length)
{
	struct segment *s = f->segment;

	s->length[s->n] = length;
	s->document[s->n] = document;
	s->n++;
	s->row_start[s->n] = f->rows_n;
	s->filled += length > 0;
	s->n_tokens += length;
}

bool fill_document(struct filling *f, uint32_t document, uint32_t length)
{
	if (!make_room(f, f->row_n * 10))
		return false;
	pack_row(f);
	end_document(f, document, length);
	return true;
}

uint32_t *fill_start(struct filling *f, const struct terms *terms, struct stop *stop)
{
	return terms_copy(&f->segment->terms, terms, stop) &&
			       fill_reach(&f->frequency, &f->frequency_cap, terms->n)
		       ? f->frequency
		       : NULL;
}

bool fill_packed(struct filling *f, const unsigned char *row, size_t bytes, uint32_t document,
	uint32_t length)
{
	if (!make_room(f, bytes))
		return false;
	memcpy(f->segment->rows + f->rows_n, row, bytes);
	f->rows_n += bytes;
	end_document(f, document, length);
	return true;
}

static void trim(struct filling *f)
{
	struct segment *s = f->segment;

	terms_trim(&s->terms);
	array_trim(&s->rows, f->rows_n, 1);
	array_trim(&s->row_start, (size_t)s->n + 1, sizeof *s->row_start);
	array_trim(&s->length, s->n, sizeof *s->length);
	array_trim(&s->document, s->n, sizeof *s->document);
}

struct segment *fill_done(struct filling *f, struct stop *stop)
{
	struct segment *s = f->segment;

	trim(f);
	if (!segment_post(s, f->frequency, stop))
		return NULL;
	f->segment = NULL;
	return s;
}
