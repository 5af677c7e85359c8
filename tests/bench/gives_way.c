/*
 * How long a search of one query takes while one request mines for 10,000, over the same with nothing
 * else to do: the worst of each, since nobody remembers the others.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "tests/bench/mining.h"

enum { QUERIES = 10000, SEARCHES = 32 };

struct scene {
	struct bench *b;
	struct mining *mining;
	atomic_bool mined; /* once, to its end */
	double worst, sum;
	size_t n; /* searches that began while it was mined */
};

static double search_once(struct bench *b, size_t query)
{
	Pb__SearchRequest request = PB__SEARCH_REQUEST__INIT;
	Pb__MineQuery row = PB__MINE_QUERY__INIT, *pointer = &row;
	struct arena arena;

	row.has_vector_f32 = 1;
	row.vector_f32 = (ProtobufCBinaryData){
		D * sizeof(float), (uint8_t *)(data_of(b)->queries + query % Q * D)};
	request.collection = "vectors";
	request.has_k = 1;
	request.k = 100;
	request.queries = &pointer;
	request.n_queries = 1;
	arena_init(&arena, 1 << 24);
	double began = now_s();
	must_call(b, "Search", &request.base, &pb__search_response__descriptor, &arena);
	double seconds = now_s() - began;
	arena_free(&arena);
	return seconds;
}

/* The first thread mines; the other searches, one after another, until that is over. */
static void mine_or_search(void *arg, size_t i)
{
	struct scene *s = arg;
	size_t depth;

	if (i == 0) {
		mining_run(s->b, s->mining, &depth);
		s->mined = true;
		return;
	}
	for (size_t n = 0; !s->mined; n++) {
		double seconds = search_once(s->b, n);
		s->sum += seconds;
		s->n++;
		if (seconds > s->worst)
			s->worst = seconds;
	}
}

static double worst_alone(struct bench *b)
{
	double worst = 0;

	for (size_t n = 0; n < SEARCHES / 2; n++) {
		double seconds = search_once(b, n);
		worst = seconds > worst ? seconds : worst;
	}
	return worst;
}

void line_gives_way(struct bench *b, const struct measurement *m)
{
	struct scene s = {.b = b, .mining = mining_new(b, "topk", QUERIES)};

	search_once(b, 0);
	double alone = worst_alone(b);
	while (s.n < SEARCHES) {
		s.mined = false;
		on_threads(2, mine_or_search, &s);
	}
	double after = worst_alone(b);
	alone = after > alone ? after : alone;
	fprintf(stderr, "# %s: %zu searches, %.1f ms in the mean; 50 ms would be a ratio of %.1f\n",
		m->name, s.n, 1e3 * s.sum / (double)s.n, .05 / alone);
	line(m->name, s.worst * 1e3, "ms", "alone", s.worst / alone);
	mining_free(s.mining);
}
