/*
 * MineNegatives through gRPC, all queries with their vectors in one request: against FAISS for the
 * same depth, and over the bare engine's call for it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/batch.h"
#include "tests/bench/partner.h"
#include "tests/bench/served.h"

struct mining {
	Pb__MineQuery rows[Q], *pointers[Q];
	const char *positives[Q][1];
	Pb__MineNegativesRequest request;
};

static struct mining *mining_new(struct bench *b, const char *strategy)
{
	const struct served *s = served_of(b);
	const struct data *d = data_of(b);
	struct mining *g = must_allocate(1, sizeof *g);

	for (size_t i = 0; i < Q; i++) {
		Pb__MineQuery *q = g->pointers[i] = &g->rows[i];
		pb__mine_query__init(q);
		q->has_vector_f32 = 1;
		q->vector_f32 =
			(ProtobufCBinaryData){D * sizeof(float), (uint8_t *)(d->queries + i * D)};
		g->positives[i][0] = s->ids[d->source[i]];
		q->positives = g->positives[i];
		q->n_positives = 1;
	}
	pb__mine_negatives_request__init(&g->request);
	g->request.collection = "vectors";
	g->request.strategy = (char *)strategy;
	g->request.has_num_negatives = 1;
	g->request.num_negatives = 8;
	g->request.queries = g->pointers;
	g->request.n_queries = Q;
	return g;
}

/* Seconds; `depth` is told how deep it went. */
static double mine_once(struct bench *b, const struct mining *g, size_t *depth)
{
	struct arena arena;

	arena_init(&arena, (size_t)1 << 30);
	double began = now_s();
	const Pb__MineNegativesResponse *answer = (void *)must_call(b, "MineNegatives",
		&g->request.base, &pb__mine_negatives_response__descriptor, &arena);
	double seconds = now_s() - began;
	*depth = answer->summary->depth_max;
	arena_free(&arena);
	return seconds;
}

void line_mine(struct bench *b, const struct measurement *m)
{
	struct partner *p = faiss_of(b);
	struct mining *g = mining_new(b, "topk");
	double ours[ROUNDS], theirs[ROUNDS];
	size_t depth;

	g->request.has_depth = 1;
	g->request.depth = 100;
	mine_once(b, g, &depth);
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = mine_once(b, g, &depth);
		theirs[r] = partner_seconds(p, "batch %zu %zu", b->cores, depth);
	}
	free(g);
	double seconds = median(ours, ROUNDS);
	line(m->name, Q / seconds, "queries/s", p->name, median(theirs, ROUNDS) / seconds);
}

void line_grpc_overhead(struct bench *b, const struct measurement *m)
{
	struct mining *g = mining_new(b, "margin");
	double ours[ROUNDS], theirs[ROUNDS];
	size_t depth;

	mine_once(b, g, &depth);
	fprintf(stderr, "# %s: depth %zu\n", m->name, depth);
	struct batch *bare = batch_new(b, exact_of(b), depth);
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = mine_once(b, g, &depth);
		theirs[r] = batch_run(bare, 0, Q, b->cores);
	}
	batch_free(bare);
	free(g);
	double seconds = median(ours, ROUNDS);
	line(m->name, Q / seconds, "queries/s", "bare-engine-call",
		seconds / median(theirs, ROUNDS));
}
