/*
 * What a segment's postings weigh, in 8 bits each, for one average length. Immutable once made and
 * counted. The average of an index moves with every upload; its codes need not: what is found stays
 * right, as bm25_bounds.c shows, however far it has moved. Beyond CODES_DRIFT they make too many candidates,
 * and the segment gets new ones, in an update that may write so much (bm25_renew.c).
 *
 *   code   of a posting, which weighs saturated = tf / (tf + norm): with the term's own scale,
 *          code_value(scale, code - 1) < saturated <= code_value(scale, code), and equal to
 *          code_value(scale, 0) when the code is 0.
 *   best   of a term with df documents, for each j up to log2(df): the highest code that 2^j of its
 *          postings or more reach.
 */
#ifndef STORAGE_TEXT_BM25_CODES_H
#define STORAGE_TEXT_BM25_CODES_H

#include "storage/text/bm25_segment.h"

#define CODES_DRIFT (1.0 / 32) /* of the average length, as a part of it */

struct scale {
	float base, step;
};

struct bm25_codes {
	atomic_int references;
	double average;	     /* the average length that they were made with */
	uint8_t *code;	     /* a posting */
	struct scale *scale; /* a term */
	size_t *best_start;  /* terms + 1, into best */
	uint8_t *best;
};

/* With one reference; NULL when memory ran out, or when stopped. */
struct bm25_codes *bm25_codes_new(
	const struct segment *s, double k1, double b, double average, struct stop *stop);
/* The same without its arrays. */
struct bm25_codes *bm25_codes_empty(double average);
/* Makes best_start, of which best has the last. False when memory ran out. */
bool bm25_codes_start(struct bm25_codes *c, const struct segment *s);
struct bm25_codes *bm25_codes_acquire(struct bm25_codes *c);
void bm25_codes_release(struct bm25_codes *c); /* NULL is fine */

static inline double code_value(struct scale scale, unsigned code)
{
	return (double)scale.base + code * (double)scale.step;
}

/* d of bm25_bounds.c, of a term whose lowest value is this: how far the average length took its counts
 * since they got their codes. */
static inline double codes_drift(const struct bm25_codes *c, double average, double lowest)
{
	double ratio = c->average / average;

	return ratio == 1 ? 1 : 1 / (lowest + ratio * (1 - lowest));
}

#endif
