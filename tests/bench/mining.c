#include "tests/bench/mining.h"

#include <stdlib.h>

void mining_put_vector(Pb__MineQuery *q, const float *vector)
{
	q->has_vector_f32 = 1;
	q->vector_f32 = (ProtobufCBinaryData){D * sizeof(float), (uint8_t *)vector};
}

static void put_query(const struct bench *b, struct mining *g, size_t i, const struct served *s)
{
	const struct data *d = b->data;
	Pb__MineQuery *q = g->pointers[i];

	mining_put_vector(q, d->queries + i % Q * D);
	g->positives[i] = s->shelf.ids[d->source[i % Q]];
	q->positives = &g->positives[i];
	q->n_positives = 1;
}

struct mining *mining_of(const char *collection, const char *strategy, uint32_t negatives, size_t n)
{
	struct mining *g = must_allocate(1, sizeof *g);

	g->rows = must_allocate(n, sizeof *g->rows);
	g->pointers = must_allocate(n, sizeof *g->pointers);
	for (size_t i = 0; i < n; i++) {
		g->pointers[i] = &g->rows[i];
		pb__mine_query__init(g->pointers[i]);
	}
	pb__mine_negatives_request__init(&g->request);
	g->request.collection = (char *)collection;
	g->request.strategy = (char *)strategy;
	g->request.has_num_negatives = 1;
	g->request.num_negatives = negatives;
	g->request.queries = g->pointers;
	g->request.n_queries = n;
	return g;
}

struct mining *mining_new(struct bench *b, const char *strategy, size_t n)
{
	const struct served *s = served_of(b);
	struct mining *g = mining_of("vectors", strategy, 8, n);

	g->positives = must_allocate(n, sizeof *g->positives);
	for (size_t i = 0; i < n; i++)
		put_query(b, g, i, s);
	return g;
}

void mining_free(struct mining *g)
{
	free(g->rows);
	free(g->pointers);
	free(g->positives);
	free(g);
}

const Pb__MineNegativesResponse *mining_answer(
	struct bench *b, const struct mining *g, struct arena *arena)
{
	return (void *)must_call(b, "MineNegatives", &g->request.base,
		&pb__mine_negatives_response__descriptor, arena);
}

double mining_run(struct bench *b, const struct mining *g, size_t *depth)
{
	struct arena arena;

	arena_init(&arena, (size_t)1 << 30);
	double began = now_s();
	const Pb__MineNegativesResponse *answer = mining_answer(b, g, &arena);
	double seconds = now_s() - began;
	*depth = answer->summary->depth_max;
	arena_free(&arena);
	return seconds;
}
