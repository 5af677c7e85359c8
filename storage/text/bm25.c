/*
 * Searching. Terms are taken in rising order, each adding to its documents' sums; a score is thus
 * 0 + w1 + w2 + ... in the order of terms, and bm25_score adds up the same numbers in the same order
 * from one document's side.
 */
#include "storage/text/bm25.h"

#include <stdlib.h>

#include "proto/fault.h"
#include "storage/text/array.h"
#include "storage/text/bm25_matrix.h"
#include "storage/text/tokens.h"

struct query_term {
	uint32_t term, count;
};

struct bm25_query {
	size_t n, cap;
	struct query_term *terms; /* rising, each once */
};

static int by_term(const void *a, const void *b)
{
	const struct query_term *x = a, *y = b;

	return (x->term > y->term) - (x->term < y->term);
}

/* Sorts, and counts what was there twice. */
static void settle(struct bm25_query *q)
{
	size_t kept = 0;

	if (!q->n)
		return;
	qsort(q->terms, q->n, sizeof *q->terms, by_term);
	for (size_t i = 1; i < q->n; i++) {
		if (q->terms[i].term == q->terms[kept].term)
			q->terms[kept].count++;
		else
			q->terms[++kept] = q->terms[i];
	}
	q->n = kept + 1;
}

static bool look_up(struct bm25_query *q, const struct bm25 *b, struct tokens *tokens)
{
	size_t length;

	for (const char *token; (token = tokens_next(tokens, &length));) {
		uint32_t term = terms_find(&b->terms, token, length);
		if (term == NO_TERM)
			continue;
		if (!array_grow(&q->terms, &q->cap, q->n + 1, sizeof *q->terms))
			return false;
		q->terms[q->n++] = (struct query_term){term, 1};
	}
	return !tokens->failed;
}

struct bm25_query *bm25_query(const struct bm25 *b, const char *text)
{
	struct tokens tokens;
	struct error e;

	if (tokens_open(&tokens, b->stemmer, &e))
		return NULL;
	tokens_start(&tokens, text);
	struct bm25_query *q = array_new(1, sizeof *q);
	if (q && look_up(q, b, &tokens)) {
		settle(q);
	} else {
		bm25_query_free(q);
		q = NULL;
	}
	tokens_close(&tokens);
	return q;
}

void bm25_query_free(struct bm25_query *q)
{
	if (!q)
		return;
	free(q->terms);
	free(q);
}

static double weight_of(const struct bm25 *b, const struct query_term *t)
{
	return t->count * b->idf[t->term];
}

static size_t most_touched(const struct bm25 *b, const struct bm25_query *q)
{
	size_t n = 0;

	for (size_t i = 0; i < q->n; i++)
		n += bm25_document_frequency(b, q->terms[i].term);
	return n < b->n ? n : b->n;
}

/* Sums up every document with a term of the query; returns how many. Weights are above 0, so a sum
 * of 0 is a document not seen yet. */
static size_t sum_up(
	const struct bm25 *b, const struct bm25_query *q, double *sum, uint32_t *touched)
{
	size_t n = 0;

	for (size_t i = 0; i < q->n; i++) {
		uint32_t term = q->terms[i].term;
		double weight = weight_of(b, &q->terms[i]);
		const struct posting *p = b->postings + b->posting_start[term];
		for (const struct posting *end = b->postings + b->posting_start[term + 1]; p < end;
			p++) {
			double before = sum[p->document];
			touched[n] = p->document;
			n += before == 0;
			sum[p->document] =
				before + weight * bm25_saturated(p->tf, b->norm[p->document]);
		}
	}
	return n;
}

/* A heap whose root is the worst: moves the root of heap[0..n) to where it belongs. */
static void sink(struct hit *heap, size_t n, const uint32_t *order)
{
	struct hit moving = heap[0];
	size_t at = 0;

	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && hit_before(&heap[child], &heap[child + 1], order))
			child++;
		if (!hit_before(&moving, &heap[child], order))
			break;
		heap[at] = heap[child];
	}
	heap[at] = moving;
}

static void rise(struct hit *heap, size_t at, const uint32_t *order)
{
	struct hit moving = heap[at];

	for (size_t parent; at; at = parent) {
		parent = (at - 1) / 2;
		if (!hit_before(&heap[parent], &moving, order))
			break;
		heap[at] = heap[parent];
	}
	heap[at] = moving;
}

/* The k best of n documents into `out`: a heap of the best so far, then sorted in place. */
static size_t select_best(const struct bm25 *b, const double *sum, const uint32_t *touched,
	size_t n, size_t k, struct hit *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct hit h = {touched[i], sum[touched[i]]};
		if (kept < k) {
			out[kept] = h;
			rise(out, kept++, b->order);
		} else if (h.score >= out[0].score && hit_before(&h, &out[0], b->order)) {
			out[0] = h;
			sink(out, kept, b->order);
		}
	}
	for (size_t left = kept; left > 1;) {
		struct hit worst = out[0];
		out[0] = out[--left];
		sink(out, left, b->order);
		out[left] = worst;
	}
	return kept;
}

size_t bm25_search(const struct bm25 *b, const struct bm25_query *q, size_t k, struct hit *out)
{
	if (!k || !q->n)
		return 0;
	double *sum = array_new(b->n, sizeof *sum);
	/* one more than are kept: the place after the last is written before it is known to count */
	uint32_t *touched = array_new(most_touched(b, q) + 1, sizeof *touched);
	size_t found = SIZE_MAX;
	if (sum && touched)
		found = select_best(b, sum, touched, sum_up(b, q, sum, touched), k, out);
	free(sum);
	free(touched);
	return found;
}

/* How often a term occurs in a document. */
static uint32_t occurrences(const struct bm25 *b, uint32_t term, uint32_t document)
{
	size_t low = b->posting_start[term], high = b->posting_start[term + 1];

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (b->postings[middle].document < document)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == b->posting_start[term + 1] || b->postings[low].document != document)
		return 0;
	return b->postings[low].tf;
}

double bm25_score(const struct bm25 *b, const struct bm25_query *q, uint32_t document)
{
	double sum = 0;

	for (size_t i = 0; i < q->n; i++) {
		uint32_t tf = occurrences(b, q->terms[i].term, document);
		if (tf)
			sum += weight_of(b, &q->terms[i]) * bm25_saturated(tf, b->norm[document]);
	}
	return sum;
}
