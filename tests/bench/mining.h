/* MineNegatives requests. */
#ifndef TESTS_BENCH_MINING_H
#define TESTS_BENCH_MINING_H

#include "tests/bench/served.h"

struct mining {
	Pb__MineQuery *rows, **pointers;
	const char **positives; /* one a query, or NULL: the caller's */
	Pb__MineNegativesRequest request;
};

/* Of n queries that have nothing yet. */
struct mining *mining_of(
	const char *collection, const char *strategy, uint32_t negatives, size_t n);
/* D floats, which stay the caller's. */
void mining_put_vector(Pb__MineQuery *q, const float *vector);
/* Of the bench's queries, over and over if it is to have more, with their vectors; 8 negatives. */
struct mining *mining_new(struct bench *b, const char *strategy, size_t n);
void mining_free(struct mining *g);
/* The answer lives in the arena. */
const Pb__MineNegativesResponse *mining_answer(
	struct bench *b, const struct mining *g, struct arena *arena);
/* Seconds; `depth` is told how deep it went. */
double mining_run(struct bench *b, const struct mining *g, size_t *depth);

#endif
