/*
 * The inside of a BM25 index, for the engines of storage/text/ alone. An index is its segments, the
 * largest first, and what holds for all of them: statistics and the caller's order.
 *
 * What a count weighs is bm25_idf(...) * bm25_saturated(tf, norm of the document's length).
 */
#ifndef STORAGE_TEXT_BM25_MATRIX_H
#define STORAGE_TEXT_BM25_MATRIX_H

#include <math.h>

#include "storage/text/bm25.h"
#include "storage/text/bm25_segment.h"

struct bm25 {
	double k1, b;
	double average;	 /* tokens of a document that has any; 1 when none has */
	uint32_t n;	 /* documents */
	uint32_t filled; /* of them have a token: N of the formula */
	char *stemmer;	 /* or NULL */
	struct segment *whole;
	const uint32_t *order; /* the caller's */
};

struct bm25_query {
	size_t n;
	struct query_term *terms; /* in the order of the text, each once, known ones alone */
};

struct query_term {
	uint32_t term;
	double weight; /* how often the query says it * idf */
};

static inline double bm25_idf(const struct bm25 *b, double frequency)
{
	return log(1 + (b->filled - frequency + 0.5) / (frequency + 0.5));
}

static inline double bm25_norm_of(const struct bm25 *b, uint32_t length)
{
	return bm25_norm(b->k1, b->b, b->average, length);
}

/* Scores of documents of one segment, at rising places; the same numbers that bm25_score gives. */
void bm25_scores(const struct bm25 *b, const struct bm25_query *q, const uint32_t *places, size_t n,
	double *scores);

#endif
