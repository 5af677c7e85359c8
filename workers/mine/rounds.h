/*
 * Many queries on many threads, in bounded memory: cut into slices, a round of slices worked on at
 * once, and what they made taken over in the request's order and freed before the next round.
 */
#ifndef WORKERS_MINE_ROUNDS_H
#define WORKERS_MINE_ROUNDS_H

#include "workers/mine/mining.h"

/* A few neighbouring queries, worked on by one thread: their vectors share a search. Slices share
 * nothing but what is pinned, and how queries are cut into them changes no answer. */
struct slice {
	const struct mining *m;
	size_t first, n; /* of the queries */
	struct arena arena;
	void *made; /* in the arena */
	size_t n_made;
	enum code code;
	struct error error;
};

struct rounds {
	const struct mining *m;
	struct pool *pool;				     /* NULL: one slice after the other */
	size_t slice_queries;				     /* at most */
	enum code (*work)(struct slice *s, struct error *e); /* any thread */
	enum code (*take)(void *arg, const struct slice *s, struct error *e);
	void *arg; /* of take */
};

/* Stops at the first slice that failed, or whose `take` did. */
enum code rounds_run(const struct rounds *r, struct arena *arena, struct error *e);

#endif
