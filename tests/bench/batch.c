#include "tests/bench/batch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/exact/shared.h"
#include "workers/pool.h"

struct batch *batch_new(struct bench *b, const struct exact *x, size_t k)
{
	const struct data *d = data_of(b);
	struct batch *a = must_allocate(1, sizeof *a);

	a->x = x;
	a->order = d->order;
	a->hits = must_allocate(Q * k, sizeof *a->hits);
	for (size_t i = 0; i < Q; i++)
		a->queries[i] = (struct exact_query){.vector = d->queries + i * D,
			.k = k,
			.floor = -INFINITY,
			.out = a->hits + i * k};
	return a;
}

void batch_free(struct batch *a)
{
	free(a->hits);
	free(a);
}

static double product(const float *x, const float *y)
{
	double sum = 0;

	for (int i = 0; i < D; i++)
		sum += (double)x[i] * y[i];
	return sum;
}

void batch_put_ceilings(struct batch *a, const struct data *d, double share)
{
	for (size_t i = 0; i < Q; i++) {
		const float *positive = vectors_row(&d->documents, d->source[i]);
		double score = product(a->queries[i].vector, positive);
		a->ceilings[i] = (struct hit){NO_LIMIT, share * score};
		a->queries[i].behind = &a->ceilings[i];
	}
}

const struct crew *crew_of(size_t threads)
{
	static struct crew crew;
	static struct pool *pool;

	if (!pool) {
		pool = pool_start(
			&(struct pool_options){.threads = {1, threads}, .queue = {1, 1024}});
		if (!pool) {
			fprintf(stderr, "bench: no threads\n");
			exit(1);
		}
		crew = pool_crew(pool);
	}
	return &crew;
}

static void run_shared(struct batch *a, size_t first, size_t n, size_t threads)
{
	struct shared *s = shared_new(a->x);
	struct shared_request r = {.queries = a->queries + first,
		.n = n,
		.order = a->order,
		.bulk = n > 1,
		.crew = crew_of(threads)};
	struct error e;

	must(s ? shared_search(s, &r, &e) : error_memory(&e), &e, "search");
	shared_free(s);
}

double batch_run(struct batch *a, size_t first, size_t n, size_t threads)
{
	struct error e;
	double began = now_s();

	if (threads > 1)
		run_shared(a, first, n, threads);
	else
		must(exact_search(a->x, a->order, a->queries + first, n, NULL, &e), &e, "search");
	return now_s() - began;
}
