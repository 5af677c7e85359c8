/*
 * Rows made to be hard for an engine that first looks at bytes, and what the true answer about them
 * is: scores by their definition (storage/exact/score.h) in loops of our own, ranks by counting.
 * Nothing here calls the engine but world_make, which has it make its codes.
 */
#ifndef TESTS_STORAGE_EXACT_WORLD_H
#define TESTS_STORAGE_EXACT_WORLD_H

#include "storage/exact/pass.h"

#define KINDS(X) \
	X(UNIFORM)  /* in every dimension */ \
	X(FEW)	    /* three rows, over and over */ \
	X(EQUAL)    /* one row, over and over */ \
	X(WHOLE)    /* small whole numbers: many scores are equal */ \
	X(ZEROS)    /* half of them zero; for cosine one-hot */ \
	X(LONG)	    /* up to the longest that may be */ \
	X(TINY)	    /* 1e-30 */ \
	X(DENORMAL) /* a few times the smallest float */ \
	X(SHORT)    /* squares about as large as the smallest float */ \
	X(ULPS)	    /* one row, its values off by some ulps */ \
	X(POSITIVE) /* every value */ \
	X(DOMINANT) /* one dimension a thousand times the others */ \
	X(CLUSTERS) /* sorted by cluster */ \
	X(SIZES)    /* of lengths from 1e-30 to 1e4 */ \
	X(LEVEL)    /* nearly one score with `aim`, whatever their bytes say */ \
	X(TIGHT)    /* the same, and their bytes say as much else as the bound allows */ \
	X(STEEP)    /* every byte is as large as it may be: so are sums of a row with itself */ \
	X(FALLING)  /* along a few directions mostly, as what encoders make */ \
	X(ALIKE)    /* one row, its values off by a thousandth */

enum kind {
#define X(name) KIND_##name,
	KINDS(X)
#undef X
		KIND_COUNT
};

struct shape {
	Pb__Similarity similarity;
	Pb__Dtype dtype;
	enum kind kind;
	uint32_t n, dimension;
	uint32_t holes;	 /* one row in so many is dropped; 0: none */
	uint32_t sample; /* rows that the basis is learned from; 0: as many as the builder wants */
};

/* Says which instruction sets this machine has not: what a test forces on it then is the best there is,
 * once more. For suites that force each. */
void world_tell_sets(void);

struct world {
	struct shape shape;
	struct exact exact; /* what the engine gets */
	struct vectors rows;
	uint32_t documents; /* their numbers are below */
	uint32_t *numbers;  /* n; DEAD_ROW: dropped */
	uint32_t *row_of;   /* documents: the row of each, or UINT32_MAX */
	uint32_t *order;    /* documents */
	float *value;	    /* n x dimension: what the stored rows mean */
	uint16_t *half;	    /* the same as stored, for f16 */
	float *aim;	    /* dimension: a query */
	struct rotation rotation;
};

void world_make(struct world *w, const struct shape *shape, uint64_t *seed);
void world_free(struct world *w);
void tight_aim(const struct world *w, float *out);
void tight_row(const struct world *w, float *out, uint64_t *seed);
void steep_row(const struct world *w, float *out, uint64_t *seed);

/* The rows' codes, made anew: rows come in pieces of any size; of the dead ones some are dropped before
 * they come, the others after. */
struct codes *world_codes(const struct world *w, uint64_t *seed);
/* Its name for messages; valid until the next call. */
const char *world_name(const struct world *w);

/* A query that makes sense, or none, about this world: finite, and for cosine not zero. */
void world_query(const struct world *w, uint64_t *seed, float *out);

double world_score(const struct world *w, const float *query, uint32_t row);
void world_scores(const struct world *w, const float *query, double *out); /* n */
/* Aborts the test unless what the engine filled in is the answer, to the bit; scores: world_scores. */
void world_check(const struct world *w, const struct exact_query *q, const double *scores);

#endif
