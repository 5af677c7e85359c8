/*
 * MineNegatives through gRPC, all queries with their vectors in one request: against FAISS for the
 * same depth, over the bare engine's call for it, and where positives rank low over where they are first.
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

enum { DEEP_QUERIES = 256, DEEP_RANK = 10000 };

/* Makes each query's positive the document that ranks so low. */
static void sink_positives(struct bench *b, struct mining *g)
{
	const struct served *s = served_of(b);
	struct batch *a = batch_new(b, exact_of(b), DEEP_RANK);

	batch_run(a, 0, DEEP_QUERIES, b->cores);
	for (size_t i = 0; i < DEEP_QUERIES; i++)
		g->positives[i] = s->shelf.ids[a->queries[i].out[DEEP_RANK - 1].document];
	batch_free(a);
}

void line_mine_deep(struct bench *b, const struct measurement *m)
{
	struct mining *high = mining_new(b, "margin", DEEP_QUERIES);
	struct mining *low = mining_new(b, "margin", DEEP_QUERIES);
	double ours[ROUNDS], theirs[ROUNDS];
	size_t depth, shallow;

	sink_positives(b, low);
	mining_run(b, low, &depth);
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = mining_run(b, low, &depth);
		theirs[r] = mining_run(b, high, &shallow);
	}
	fprintf(stderr, "# %s: depth %zu, where positives are first %zu\n", m->name, depth,
		shallow);
	mining_free(high);
	mining_free(low);
	double seconds = median(ours, ROUNDS);
	line(m->name, DEEP_QUERIES / seconds, "queries/s", "positives-are-first",
		seconds / median(theirs, ROUNDS));
}
