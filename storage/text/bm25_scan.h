/*
 * The inside of a search, for its files alone: bm25_bounds.c proves which sums may matter, bm25_seed.c
 * where that starts, bm25_scan.c makes sums and takes candidates from them, bm25_search.c goes through
 * the parts.
 */
#ifndef STORAGE_TEXT_BM25_SCAN_H
#define STORAGE_TEXT_BM25_SCAN_H

#include <stdalign.h>

#include "storage/text/bm25_kernels.h"
#include "storage/text/bm25_matrix.h"

enum { UNITS = 65535 };

struct candidate {
	uint32_t place, sum, part;
};

/* A term that adds to the sums, on its way through the ranges. */
struct lane {
	size_t number; /* in the query */
	double asked;  /* w_i */
	uint32_t term; /* in the part at hand, or NO_TERM */
	const struct chunk *chunk, *end;
	uint16_t weight[CODES]; /* a_i */
};

struct bm25_scratch {
	alignas(64) uint16_t sums[RANGE]; /* zero between searches */
	uint32_t swept[BLOCK];
	struct lane *lanes;
	struct candidate *pool;
	uint32_t *places; /* the pool's, while it is scored */
	double *scores;
	size_t lanes_cap, pool_cap, places_cap, scores_cap;
};

struct scan {
	const struct bm25 *b;
	const struct bm25_request *r;
	struct bm25_scratch *s;
	struct hit *out; /* a heap of the best that are scored; its root is the worst */
	size_t kept, k;
	size_t reach;	/* the best of so many have all that is asked for; 0: not known */
	double ceiling; /* the lowest of the request's */
	size_t guess;	/* where reach is not known: the best of so many may have it all */
	size_t n_lanes, n_pool, tighten_at;
	double rate;	      /* r: units a score */
	uint32_t error, rest; /* E of the parts so far, R */
	uint32_t low, high;   /* sums of candidates */
	uint32_t not_above;   /* what is above it has been searched */
	uint32_t proved;      /* no sum below it is of use; low is this, or a guess */
	uint32_t certain;     /* sums under this are below the ceiling for sure */

	/* the part at hand */
	size_t number;
	const struct part *part;
	const struct segment *segment;
	const struct bm25_codes *codes;
};

static inline uint32_t minus(uint32_t a, uint32_t b)
{
	return a > b ? a - b : 0;
}

/* bm25_seed.c: a score that `best` documents or more reach by one term alone; 0 when that is not known. */
double seed_score(const struct scan *s, size_t best);

/* bm25_bounds.c: chooses which terms of the query add to sums, and where the thresholds start. */
void bounds_start(struct scan *s);
/* What the codes of the part at hand weigh. False when nothing of use is in the part. */
bool bounds_enter(struct scan *s);
/* The guess is too high, and what is above it and not above `done`, is done: what is left, or some of it,
 * comes next. */
void bounds_guess_lower(struct scan *s, uint32_t done);
/* Nothing of use has fewer units than these, by sums alone. */
void bounds_raise(struct scan *s, uint32_t units);
/* By the k-th best score so far. */
void bounds_raise_by_kept(struct scan *s);

/* bm25_scan.c: takes the candidates of all ranges of the part at hand. */
enum code scan_ranges(struct scan *s, struct error *e);
/* Scores the candidates that are left and keeps the best. */
void scan_finish(struct scan *s);

#endif
