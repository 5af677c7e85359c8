/* Callers of one query each who come at once, over the same ones alone, one after another. */
#include <stdlib.h>

#include "storage/exact/shared.h"
#include "tests/bench/batch.h"
#include "workers/pool.h"

struct callers {
	struct batch *batch;
	struct shared *shared;
	const struct crew *crew;
};

static void call_one(void *arg, size_t i)
{
	const struct callers *c = arg;
	struct shared_request r = {.queries = &c->batch->queries[i],
		.n = 1,
		.order = c->batch->order,
		.crew = c->crew};
	struct error e;

	must(shared_search(c->shared, &r, &e), &e, "search");
}

static double one_after_another(struct callers *c, size_t n)
{
	double began = now_s();

	for (size_t i = 0; i < n; i++)
		call_one(c, i);
	return now_s() - began;
}

void line_coalesced(struct bench *b, const struct measurement *m)
{
	struct batch *a = batch_new(b, exact_of(b), 100);
	struct callers c = {a, shared_new(a->x), crew_of(b->cores)};
	double ours[ROUNDS], theirs[ROUNDS];
	struct error e;

	must(c.shared ? OK : error_memory(&e), &e, "search");
	one_after_another(&c, (size_t)m->n);
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = on_threads((size_t)m->n, call_one, &c);
		theirs[r] = one_after_another(&c, (size_t)m->n);
	}
	shared_free(c.shared);
	batch_free(a);
	double seconds = median(ours, ROUNDS);
	line(m->name, m->n / seconds, "queries/s", "alone-one-after-another",
		median(theirs, ROUNDS) / seconds);
}
