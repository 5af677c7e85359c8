/*
 * The inside of a BM25 index, for the engines of storage/text/ alone. An index is its parts, the
 * largest first, and what holds for all of them: statistics and the caller's order. Every document
 * lives in one part and no other: there it has its place, and where it was before, it is lost.
 *
 * What a count weighs is bm25_idf(...) * bm25_saturated(tf, norm of the document's length).
 */
#ifndef STORAGE_TEXT_BM25_MATRIX_H
#define STORAGE_TEXT_BM25_MATRIX_H

#include <assert.h>
#include <math.h>

#include "storage/text/bm25.h"
#include "storage/text/bm25_codes.h"
#include "storage/text/bm25_segment.h"

/* A segment as one index sees it: the segment's documents but for those that have been replaced
 * since. The segment and its codes are shared, what is lost is not: an older index has it yet. */
struct part {
	struct segment *segment;
	struct bm25_codes *codes;
	uint32_t n_lost, filled_lost;
	uint64_t tokens_lost;
	uint64_t *lost;	     /* a place: whether it is lost, 64 a word; NULL: none is */
	uint32_t *lost_with; /* a term: lost documents with it; NULL likewise */
};

struct bm25 {
	double k1, b;
	double average;	 /* tokens of a document that has any; 1 when none has */
	uint32_t n;	 /* documents */
	uint32_t filled; /* of them have a token: N of the formula */
	bool at_once;	 /* not the successor of another */
	char *stemmer;	 /* or NULL */
	size_t n_parts;
	struct part *parts;
	const uint32_t *order; /* the caller's */
};

struct bm25_query {
	size_t n;	     /* terms that a document has, each once, in the order of the text */
	double *weight;	     /* a term: how often the query says it * idf */
	uint64_t *frequency; /* a term: documents with it */
	size_t stride;
	uint32_t *term; /* a part: stride of them, of which n count */
};

/* The term's number in a part, or NO_TERM. */
static inline uint32_t query_term(const struct bm25_query *q, size_t part, size_t i)
{
	return q->term[part * q->stride + i];
}

static inline double bm25_idf(const struct bm25 *b, double frequency)
{
	return log(1 + (b->filled - frequency + 0.5) / (frequency + 0.5));
}

static inline double bm25_norm_of(const struct bm25 *b, uint32_t length)
{
	return bm25_norm(b->k1, b->b, b->average, length);
}

static inline bool part_lost(const struct part *p, uint32_t place)
{
	return p->lost && p->lost[place / 64] >> place % 64 & 1;
}

static inline uint32_t part_lost_with(const struct part *p, uint32_t term)
{
	return p->lost_with ? p->lost_with[term] : 0;
}

/* The one segment of an index that was built at once. */
static inline const struct segment *bm25_whole(const struct bm25 *b)
{
	assert(b->at_once);
	return b->parts[0].segment;
}

/* Scores of documents of one part, at rising places; the same numbers that bm25_score gives. */
void bm25_scores(const struct bm25 *b, size_t part, const struct bm25_query *q,
	const uint32_t *places, size_t n, double *scores);

#endif
