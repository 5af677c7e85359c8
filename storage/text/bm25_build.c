/*
 * Building an index. Each document's row is counted, sorted and packed as it comes; the postings are
 * the rows turned over once all of them are there, straight into arrays of the exact size.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/text/array.h"
#include "storage/text/bm25_matrix.h"
#include "storage/text/tokens.h"

struct entry {
	uint32_t term, tf;
};

struct bm25_builder {
	struct bm25 *index;	 /* what is built */
	struct segment *segment; /* its documents */
	struct tokens tokens;
	struct error broken; /* why the builder never worked; code OK otherwise */
	struct entry *row;   /* the document at hand */
	uint32_t *place;     /* a term: 1 + where it is in the row at hand; 0: not there */
	uint32_t *frequency; /* a term: documents with it */
	size_t row_n, row_cap, place_cap, frequency_cap;
	size_t rows_n, rows_cap, row_start_cap, length_cap; /* of the segment */
};

static bool open_builder(struct bm25_builder *b, const struct bm25_options *options)
{
	const char *stemmer = options ? options->stemmer : NULL;

	b->index = array_new(1, sizeof *b->index);
	b->segment = segment_new();
	if (!b->index || !b->segment)
		return false;
	b->index->k1 = options ? options->k1 : 0.9;
	b->index->b = options ? options->b : 0.4;
	if (stemmer && !(b->index->stemmer = FAULT() ? NULL : strdup(stemmer)))
		return false;
	tokens_open(&b->tokens, stemmer, &b->broken);
	return b->broken.code != RESOURCE_EXHAUSTED;
}

struct bm25_builder *bm25_builder_new(const struct bm25_options *options)
{
	struct bm25_builder *b = array_new(1, sizeof *b);

	if (b && !open_builder(b, options)) {
		bm25_builder_free(b);
		return NULL;
	}
	return b;
}

void bm25_builder_free(struct bm25_builder *b)
{
	if (!b)
		return;
	bm25_free(b->index);
	segment_release(b->segment);
	tokens_close(&b->tokens);
	free(b->row);
	free(b->place);
	free(b->frequency);
	free(b);
}

void bm25_free(struct bm25 *b)
{
	if (!b)
		return;
	segment_release(b->whole);
	free(b->stemmer);
	free(b);
}

/* Zeroed room for every term there is. */
static bool reach(uint32_t **array, size_t *cap, size_t n)
{
	size_t before = *cap;

	if (!array_grow(array, cap, n, sizeof **array))
		return false;
	memset(*array + before, 0, (*cap - before) * sizeof **array);
	return true;
}

static bool count_term(struct bm25_builder *b, const char *token, size_t length)
{
	struct terms *terms = &b->segment->terms;
	uint32_t term = terms_add(terms, token, length);

	if (term == NO_TERM || !reach(&b->place, &b->place_cap, terms->n) ||
		!reach(&b->frequency, &b->frequency_cap, terms->n))
		return false;
	if (b->place[term]) {
		b->row[b->place[term] - 1].tf++;
		return true;
	}
	if (!array_grow(&b->row, &b->row_cap, b->row_n + 1, sizeof *b->row))
		return false;
	b->row[b->row_n++] = (struct entry){term, 1};
	b->place[term] = (uint32_t)b->row_n;
	b->frequency[term]++;
	return true;
}

/* Counts a text's tokens into the row at hand; returns how many. */
static uint64_t count_text(struct bm25_builder *b, const char *text, bool *failed)
{
	uint64_t n = 0;
	size_t length;

	tokens_start(&b->tokens, text);
	for (const char *token; (token = tokens_next(&b->tokens, &length)) && !*failed; n++)
		*failed = !count_term(b, token, length);
	*failed = *failed || b->tokens.failed;
	return n;
}

static int by_term(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->term > y->term) - (x->term < y->term);
}

static unsigned char *pack(unsigned char *to, uint32_t value)
{
	for (; value >= 0x80; value >>= 7)
		*to++ = (unsigned char)(value | 0x80);
	*to++ = (unsigned char)value;
	return to;
}

/* Packs the row at hand behind the others and empties it. */
static bool keep_row(struct bm25_builder *b)
{
	struct segment *s = b->segment;
	uint32_t previous = 0;

	if (!array_grow(&s->rows, &b->rows_cap, b->rows_n + b->row_n * 10 + 1, 1))
		return false;
	if (b->row_n)
		qsort(b->row, b->row_n, sizeof *b->row, by_term);
	unsigned char *to = s->rows + b->rows_n;
	for (size_t i = 0; i < b->row_n; i++) {
		to = pack(pack(to, b->row[i].term - previous), b->row[i].tf);
		previous = b->row[i].term;
		b->place[previous] = 0;
	}
	b->rows_n = (size_t)(to - s->rows);
	b->row_n = 0;
	return true;
}

enum code bm25_builder_add(
	struct bm25_builder *b, const char *title, const char *text, struct error *e)
{
	struct segment *s = b->segment;
	bool failed = false;

	if (b->broken.code) {
		*e = b->broken;
		return e->code;
	}
	if (!array_grow(&s->row_start, &b->row_start_cap, (size_t)s->n + 2, sizeof *s->row_start) ||
		!array_grow(&s->length, &b->length_cap, (size_t)s->n + 1, sizeof *s->length))
		return error_memory(e);
	uint64_t length = count_text(b, title, &failed);
	length += failed ? 0 : count_text(b, text, &failed);
	s->row_start[s->n] = b->rows_n;
	if (failed || !keep_row(b))
		return error_memory(e);
	s->row_start[s->n + 1] = b->rows_n;
	s->length[s->n++] = (uint32_t)length;
	s->filled += length > 0;
	s->n_tokens += length;
	return OK;
}

static void trim(struct bm25_builder *b)
{
	struct segment *s = b->segment;

	terms_trim(&s->terms);
	array_trim(&s->rows, b->rows_n, 1);
	array_trim(&s->row_start, (size_t)s->n + 1, sizeof *s->row_start);
	array_trim(&s->length, s->n, sizeof *s->length);
}

static enum code finish(struct bm25_builder *b, struct error *e)
{
	struct bm25 *index = b->index;
	struct segment *s = b->segment;

	if (b->broken.code) {
		*e = b->broken;
		return e->code;
	}
	trim(b);
	index->n = s->n;
	index->filled = s->filled;
	index->average = s->filled ? (double)s->n_tokens / s->filled : 1;
	if (!segment_post(s, b->frequency) ||
		!segment_weigh(s, index->k1, index->b, index->average))
		return error_memory(e);
	return OK;
}

enum code bm25_build(
	struct bm25_builder *b, const uint32_t *order, struct bm25 **out, struct error *e)
{
	enum code rc = finish(b, e);

	if (!rc) {
		*out = b->index;
		(*out)->order = order;
		(*out)->whole = b->segment;
		b->index = NULL;
		b->segment = NULL;
	}
	bm25_builder_free(b);
	return rc;
}
