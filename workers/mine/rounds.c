#include "workers/mine/rounds.h"

#include "proto/limits.h"
#include "storage/progress.h"

enum {
	SLICE_MEMORY = LIMIT_REQUEST_MEMORY / 8,
	LEAST_QUERIES = 8, /* of a slice */
	MOST_RESULTS =
		1 << 20, /* of a round, where it is not one slice: some 100 MB without texts */
};

static size_t slices_a_round(const struct rounds *r)
{
	size_t busy = r->pool ? 2 * pool_threads(r->pool, HEAVY) : 1;
	size_t n = busy < r->slices ? r->slices : busy;

	return n > MOST_SLICES ? MOST_SLICES : n;
}

/* Few queries are cut finer, so that every thread has some. */
static size_t slice_size(const struct rounds *r)
{
	size_t threads = r->pool ? pool_threads(r->pool, HEAVY) : 1;
	size_t share = (r->m->n_queries + threads - 1) / threads;

	if (share < LEAST_QUERIES)
		share = LEAST_QUERIES;
	return share < r->slice_queries ? share : r->slice_queries;
}

static size_t results_of(const struct rounds *r, const struct slice *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += r->results(r->m, &r->m->queries[s->first + i]);
	return n;
}

/* Cuts the round that begins with query `first`. */
static void cut(const struct rounds *r, struct round *round, size_t first)
{
	size_t most = slices_a_round(r), size = slice_size(r), results = 0;

	*round = (struct round){.m = r->m, .pool = r->pool, .first = first};
	arena_init(&round->arena, SLICE_MEMORY);
	while (round->n_slices < most && first < r->m->n_queries && results < MOST_RESULTS) {
		struct slice *s = &round->slices[round->n_slices++];
		size_t left = r->m->n_queries - first;
		*s = (struct slice){.first = first, .n = left < size ? left : size};
		arena_init(&s->arena, SLICE_MEMORY);
		results += results_of(r, s);
		first += s->n;
	}
	round->n = first - round->first;
}

static enum code run(const struct rounds *r, struct round *round, struct error *e)
{
	enum code rc = check_cancelled(r->m->cancelled, e);

	if (rc == OK)
		rc = r->work(r->arg, round, e);
	for (size_t i = 0; i < round->n_slices; i++) {
		if (rc == OK)
			rc = r->take(r->arg, &round->slices[i], e);
		arena_free(&round->slices[i].arena);
	}
	arena_free(&round->arena);
	return rc;
}

enum code rounds_run(const struct rounds *r, struct arena *arena, struct error *e)
{
	struct round *round = arena_alloc(arena, sizeof *round);
	enum code rc = OK;

	if (!round)
		return error_memory(e);
	for (size_t first = 0; first < r->m->n_queries && rc == OK; first += round->n) {
		cut(r, round, first);
		rc = run(r, round, e);
	}
	return rc;
}

struct each {
	struct round *round;
	enum code (*work)(void *arg, struct slice *s, struct error *e);
	void *arg;
};

static void work(void *arg, size_t i)
{
	struct each *each = arg;
	struct slice *s = &each->round->slices[i];

	s->code = check_cancelled(each->round->m->cancelled, &s->error);
	if (s->code == OK)
		s->code = each->work(each->arg, s, &s->error);
}

enum code round_each(struct round *round,
	enum code (*each)(void *arg, struct slice *s, struct error *e), void *arg, struct error *e)
{
	struct each all = {round, each, arg};

	pool_each(round->pool, round->n_slices, work, &all);
	for (size_t i = 0; i < round->n_slices; i++) {
		const struct slice *s = &round->slices[i];
		if (s->code) {
			*e = s->error;
			return s->code;
		}
	}
	return OK;
}
