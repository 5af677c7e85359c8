/* A MineNegatives request of the bench's queries, over and over if it has more. */
#ifndef TESTS_BENCH_MINING_H
#define TESTS_BENCH_MINING_H

#include "tests/bench/served.h"

struct mining {
	Pb__MineQuery *rows, **pointers;
	const char **positives;
	Pb__MineNegativesRequest request;
};

/* With their vectors; 8 negatives. */
struct mining *mining_new(struct bench *b, const char *strategy, size_t n);
void mining_free(struct mining *g);
/* Seconds; `depth` is told how deep it went. */
double mining_run(struct bench *b, const struct mining *g, size_t *depth);

#endif
