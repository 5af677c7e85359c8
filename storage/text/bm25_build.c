/*
 * Building an index. Each document's row is counted, sorted and packed as it comes; the postings are
 * the rows turned over once all of them are there, straight into one array of the exact size.
 */
#include <math.h>
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
	struct bm25 *index; /* what is built */
	struct tokens tokens;
	struct error broken; /* why the builder never worked; code OK otherwise */
	struct entry *row;   /* the document at hand */
	uint32_t *place;     /* a term: 1 + where it is in the row at hand; 0: not there */
	uint32_t *frequency; /* a term: documents with it */
	size_t row_n, row_cap, place_cap, frequency_cap;
	size_t rows_n, rows_cap, row_start_cap, norm_cap; /* of the index */
	uint64_t n_tokens;
};

static bool open_builder(struct bm25_builder *b, const struct bm25_options *options)
{
	const char *stemmer = options ? options->stemmer : NULL;

	b->index = array_new(1, sizeof *b->index);
	if (!b->index)
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
	terms_free(&b->terms);
	free(b->stemmer);
	free(b->idf);
	free(b->norm);
	free(b->rows);
	free(b->row_start);
	free(b->postings);
	free(b->posting_start);
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
	struct terms *terms = &b->index->terms;
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
	struct bm25 *index = b->index;
	uint32_t previous = 0;

	if (!array_grow(&index->rows, &b->rows_cap, b->rows_n + b->row_n * 10 + 1, 1))
		return false;
	if (b->row_n)
		qsort(b->row, b->row_n, sizeof *b->row, by_term);
	unsigned char *to = index->rows + b->rows_n;
	for (size_t i = 0; i < b->row_n; i++) {
		to = pack(pack(to, b->row[i].term - previous), b->row[i].tf);
		previous = b->row[i].term;
		b->place[previous] = 0;
	}
	b->rows_n = (size_t)(to - index->rows);
	b->row_n = 0;
	return true;
}

enum code bm25_builder_add(
	struct bm25_builder *b, const char *title, const char *text, struct error *e)
{
	struct bm25 *index = b->index;
	bool failed = false;

	if (b->broken.code) {
		*e = b->broken;
		return e->code;
	}
	if (!array_grow(&index->row_start, &b->row_start_cap, (size_t)index->n + 2,
		    sizeof *index->row_start) ||
		!array_grow(&index->norm, &b->norm_cap, (size_t)index->n + 1, sizeof *index->norm))
		return error_memory(e);
	uint64_t length = count_text(b, title, &failed);
	length += failed ? 0 : count_text(b, text, &failed);
	index->row_start[index->n] = b->rows_n;
	if (failed || !keep_row(b))
		return error_memory(e);
	index->row_start[index->n + 1] = b->rows_n;
	index->norm[index->n++] = (double)length; /* until the average is known */
	index->filled += length > 0;
	b->n_tokens += length;
	return OK;
}

/* Turns the rows over. posting_start[t] walks to the start of t + 1 and is put back after. */
static void fill_postings(struct bm25 *b)
{
	for (uint32_t d = 0; d < b->n; d++)
		for (struct bm25_row row = bm25_row(b, d); bm25_row_next(&row);)
			b->postings[b->posting_start[row.term]++] = (struct posting){d, row.tf};
	for (size_t t = b->terms.n; t; t--)
		b->posting_start[t] = b->posting_start[t - 1];
	b->posting_start[0] = 0;
}

static void weigh(struct bm25 *b, const struct bm25_builder *builder)
{
	b->average = b->filled ? (double)builder->n_tokens / b->filled : 1;
	for (uint32_t d = 0; d < b->n; d++)
		b->norm[d] = bm25_norm(b->k1, b->b, b->average, b->norm[d]);
	for (uint32_t t = 0; t < b->terms.n; t++) {
		double df = builder->frequency[t];
		b->idf[t] = log(1 + (b->filled - df + 0.5) / (df + 0.5));
	}
}

static bool index_terms(struct bm25 *b, const struct bm25_builder *builder)
{
	uint32_t n = b->terms.n;
	size_t total = 0;

	b->posting_start = array_new((size_t)n + 1, sizeof *b->posting_start);
	b->idf = array_new(n, sizeof *b->idf);
	if (!b->posting_start || !b->idf)
		return false;
	for (uint32_t t = 0; t < n; t++) {
		b->posting_start[t] = total;
		total += builder->frequency[t];
	}
	b->posting_start[n] = total;
	b->postings = array_new(total, sizeof *b->postings);
	return b->postings;
}

enum code bm25_build(
	struct bm25_builder *builder, const uint32_t *order, struct bm25 **out, struct error *e)
{
	struct bm25 *b = builder->index;

	if (builder->broken.code) {
		*e = builder->broken;
		bm25_builder_free(builder);
		return e->code;
	}
	terms_trim(&b->terms);
	array_trim(&b->rows, builder->rows_n, 1);
	array_trim(&b->row_start, (size_t)b->n + 1, sizeof *b->row_start);
	array_trim(&b->norm, b->n, sizeof *b->norm);
	if (!index_terms(b, builder)) {
		bm25_builder_free(builder);
		return error_memory(e);
	}
	weigh(b, builder);
	fill_postings(b);
	b->order = order;
	builder->index = NULL;
	bm25_builder_free(builder);
	*out = b;
	return OK;
}
