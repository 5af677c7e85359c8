/*
 * The inside of a BM25 index, for the engines of storage/text/ alone: the documents x terms matrix
 * of term counts, both ways round.
 *
 *   rows      a document's terms, rising, as variable-length integers: the step from the previous
 *             term, then how often it occurs. Some 2.5 bytes an entry, so that keeping them costs
 *             little beside the postings.
 *   postings  a term's documents, rising, with the same counts.
 *
 * What a count weighs is idf[t] * bm25_saturated(tf, norm[d]).
 */
#ifndef STORAGE_TEXT_BM25_MATRIX_H
#define STORAGE_TEXT_BM25_MATRIX_H

#include "storage/text/bm25.h"
#include "storage/text/terms.h"

struct posting {
	uint32_t document, tf;
};

struct bm25 {
	double k1, b;
	double average;	 /* tokens of a document that has any; 1 when none has */
	uint32_t n;	 /* documents */
	uint32_t filled; /* of them have a token: N of the formula */
	char *stemmer;	 /* or NULL */
	struct terms terms;
	double *idf;		  /* a term */
	double *norm;		  /* a document: bm25_norm of its length */
	unsigned char *rows;	  /* all rows */
	size_t *row_start;	  /* n + 1, into rows */
	struct posting *postings; /* all postings */
	size_t *posting_start;	  /* terms + 1, into postings */
	const uint32_t *order;	  /* the caller's */
};

/* A document's row, read from the left. */
struct bm25_row {
	const unsigned char *at, *end;
	uint32_t term, tf;
};

static inline double bm25_norm(double k1, double b, double average, double length)
{
	return k1 * (1 - b + b * length / average);
}

static inline double bm25_saturated(uint32_t tf, double norm)
{
	return tf / (tf + norm);
}

static inline size_t bm25_document_frequency(const struct bm25 *b, uint32_t term)
{
	return b->posting_start[term + 1] - b->posting_start[term];
}

static inline struct bm25_row bm25_row(const struct bm25 *b, uint32_t document)
{
	return (struct bm25_row){.at = b->rows + b->row_start[document],
		.end = b->rows + b->row_start[document + 1]};
}

static inline uint32_t bm25_row_integer(struct bm25_row *row)
{
	uint32_t value = *row->at & 0x7f;

	for (unsigned shift = 7; *row->at++ & 0x80; shift += 7)
		value |= (uint32_t)(*row->at & 0x7f) << shift;
	return value;
}

/* False at the row's end. */
static inline bool bm25_row_next(struct bm25_row *row)
{
	if (row->at == row->end)
		return false;
	row->term += bm25_row_integer(row);
	row->tf = bm25_row_integer(row);
	return true;
}

#endif
