#include "workers/mine/rounds.h"

#include <pthread.h>

#include "storage/progress.h"

enum { MOST_WEIGHT = 1 << 20 /* of a round of more than one query: some 100 MB without texts */ };

/* The round that begins with query `first`. */
static struct round cut(const struct rounds *r, size_t first)
{
	const struct query *queries = r->m->queries + first;
	size_t left = r->m->n_queries - first, weight = 0, n = 0;

	while (n < left && n < r->most && weight < MOST_WEIGHT)
		weight += r->weight(r->m, &queries[n++]);
	return (struct round){.m = r->m, .pool = r->pool, .first = first, .n = n};
}

enum code rounds_run(const struct rounds *r, struct error *e)
{
	size_t n;

	for (size_t first = 0; first < r->m->n_queries; first += n) {
		struct round round = cut(r, first);
		n = round.n;
		if (check_cancelled(r->m->cancelled, e))
			return e->code;
		arena_init(&round.arena, ARENA_LIMIT);
		enum code rc = r->work(r->arg, &round, e);
		arena_free(&round.arena);
		if (rc)
			return rc;
	}
	return OK;
}

struct each {
	const struct round *round;
	size_t n, part;
	enum code (*work)(void *arg, size_t first, size_t n, struct error *e);
	void *arg;
	pthread_mutex_t lock; /* of the rest */
	size_t failed;	      /* the first part that did */
	struct error *error;
};

static void do_part(void *arg, size_t i)
{
	struct each *each = arg;
	size_t first = i * each->part, left = each->n - first;
	struct error e;

	if (!check_cancelled(each->round->m->cancelled, &e) &&
		!each->work(each->arg, first, left < each->part ? left : each->part, &e))
		return;
	pthread_mutex_lock(&each->lock);
	if (i < each->failed) {
		each->failed = i;
		*each->error = e;
	}
	pthread_mutex_unlock(&each->lock);
}

/* So that every thread has some, but for what is too little for that. */
static size_t part_of(const struct round *round, size_t n, size_t least)
{
	size_t threads = round->pool ? pool_threads(round->pool, HEAVY) : 1;
	size_t share = (n + threads - 1) / threads;

	if (share < least)
		return least;
	return share < PART_QUERIES ? share : PART_QUERIES;
}

enum code round_each(const struct round *round, size_t n, size_t least,
	enum code (*each)(void *arg, size_t first, size_t n, struct error *e), void *arg,
	struct error *e)
{
	struct each all = {.round = round,
		.n = n,
		.part = part_of(round, n, least),
		.work = each,
		.arg = arg,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.failed = SIZE_MAX,
		.error = e};

	pool_each(round->pool, (n + all.part - 1) / all.part, do_part, &all);
	return all.failed < SIZE_MAX ? e->code : OK;
}

struct once {
	enum code (*work)(void *arg, struct error *e);
	void *arg;
	struct error *error;
	enum code code;
};

static void do_once(void *arg)
{
	struct once *once = arg;

	once->code = once->work(once->arg, once->error);
}

/* Who comes from pool_each may have a place beyond those there are, which is for who has little left to do:
 * it waits for one in its turn. Who has none at all, such as a job, has it done by one who has. */
enum code round_once(const struct round *round, enum code (*work)(void *arg, struct error *e),
	void *arg, struct error *e)
{
	const struct crew *crew = &round->m->crew;
	struct once once = {.work = work, .arg = arg, .error = e};

	if (crew->threads && round->n > PART_QUERIES) {
		crew->leave(crew->arg);
		crew->back(crew->arg, IN_TURN);
	}
	pool_run(round->pool, do_once, &once);
	return once.code;
}
