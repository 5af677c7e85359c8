/* The bench's queries asked of the bare engine at once. */
#ifndef TESTS_BENCH_BATCH_H
#define TESTS_BENCH_BATCH_H

#include "tests/bench/data.h"

struct batch {
	const struct exact *x;
	const uint32_t *order;
	struct exact_query queries[Q];
	struct hit *hits, ceilings[Q];
};

struct batch *batch_new(struct bench *b, const struct exact *x, size_t k);
void batch_free(struct batch *a);
/* Scores below `share` of the score of the document that a query was made from. */
void batch_put_ceilings(struct batch *a, const struct data *d, double share);
/* Seconds for queries first .. first + n on so many threads. */
double batch_run(struct batch *a, size_t first, size_t n, size_t threads);

/* Threads for it, as the daemon has them; the whole program's. */
const struct crew *crew_of(size_t threads);

#endif
