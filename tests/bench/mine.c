/*
 * MineNegatives through gRPC, all queries with their vectors in one request: against FAISS for the
 * same depth, and over the bare engine's call for it.
 */
#include <stdio.h>

#include "tests/bench/batch.h"
#include "tests/bench/mining.h"
#include "tests/bench/partner.h"

void line_mine(struct bench *b, const struct measurement *m)
{
	struct partner *p = faiss_of(b);
	struct mining *g = mining_new(b, "topk", Q);
	double ours[ROUNDS], theirs[ROUNDS];
	size_t depth;

	g->request.has_depth = 1;
	g->request.depth = 100;
	mining_run(b, g, &depth);
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = mining_run(b, g, &depth);
		theirs[r] = partner_seconds(p, "batch %zu %zu", b->cores, depth);
	}
	mining_free(g);
	double seconds = median(ours, ROUNDS);
	line(m->name, Q / seconds, "queries/s", p->name, median(theirs, ROUNDS) / seconds);
}

void line_grpc_overhead(struct bench *b, const struct measurement *m)
{
	struct mining *g = mining_new(b, "margin", Q);
	double ours[ROUNDS], theirs[ROUNDS];
	size_t depth;

	mining_run(b, g, &depth);
	fprintf(stderr, "# %s: depth %zu\n", m->name, depth);
	struct batch *bare = batch_new(b, exact_of(b), depth);
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = mining_run(b, g, &depth);
		theirs[r] = batch_run(bare, 0, Q, b->cores);
	}
	batch_free(bare);
	mining_free(g);
	double seconds = median(ours, ROUNDS);
	line(m->name, Q / seconds, "queries/s", "bare-engine-call",
		seconds / median(theirs, ROUNDS));
}
