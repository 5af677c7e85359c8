#include "workers/mine/rounds.h"

#include "proto/limits.h"
#include "storage/progress.h"

enum {
	SLICE_MEMORY = LIMIT_REQUEST_MEMORY / 8,
	LEAST_QUERIES = 8, /* of a slice */
	LEAST_SLICES = 8,  /* of a round */
	MOST_SLICES = 64
};

struct round {
	const struct rounds *rounds;
	struct slice slices[MOST_SLICES];
	size_t n;
};

static size_t slices_a_round(const struct rounds *r)
{
	size_t n = r->pool ? 2 * pool_threads(r->pool, HEAVY) : LEAST_SLICES;

	return n < LEAST_SLICES ? LEAST_SLICES : n > MOST_SLICES ? MOST_SLICES : n;
}

/* Few queries are cut finer, so that every thread has some; but not so fine that searching them
 * together saves nothing. */
static size_t slice_size(const struct rounds *r)
{
	size_t threads = r->pool ? pool_threads(r->pool, HEAVY) : 1;
	size_t share = (r->m->n_queries + threads - 1) / threads;

	if (share < LEAST_QUERIES)
		share = LEAST_QUERIES;
	return share < r->slice_queries ? share : r->slice_queries;
}

/* Cuts the next slices, from query `first` on; returns the first query that is left. */
static size_t cut(struct round *round, size_t first)
{
	const struct rounds *r = round->rounds;
	size_t most = slices_a_round(r), size = slice_size(r);

	for (round->n = 0; round->n < most && first < r->m->n_queries; round->n++) {
		struct slice *s = &round->slices[round->n];
		size_t left = r->m->n_queries - first;
		*s = (struct slice){.m = r->m, .first = first, .n = left < size ? left : size};
		arena_init(&s->arena, SLICE_MEMORY);
		first += s->n;
	}
	return first;
}

static void work(void *arg, size_t i)
{
	struct round *round = arg;
	struct slice *s = &round->slices[i];

	s->code = check_cancelled(s->m->cancelled, &s->error);
	if (s->code == OK)
		s->code = round->rounds->work(s, &s->error);
}

static enum code take(const struct rounds *r, const struct slice *s, struct error *e)
{
	if (s->code) {
		*e = s->error;
		return s->code;
	}
	return r->take(r->arg, s, e);
}

static enum code run(struct round *round, struct error *e)
{
	enum code rc = OK;

	pool_each(round->rounds->pool, round->n, work, round);
	for (size_t i = 0; i < round->n; i++) {
		if (rc == OK)
			rc = take(round->rounds, &round->slices[i], e);
		arena_free(&round->slices[i].arena);
	}
	return rc;
}

enum code rounds_run(const struct rounds *r, struct arena *arena, struct error *e)
{
	struct round *round = arena_alloc(arena, sizeof *round);
	enum code rc = OK;

	if (!round)
		return error_memory(e);
	round->rounds = r;
	for (size_t first = 0; first < r->m->n_queries && rc == OK;) {
		first = cut(round, first);
		rc = run(round, e);
	}
	return rc;
}
