/*
 * Many queries on many threads, in bounded memory: a round of them at a time. Some of a round's work is
 * done for all of its queries at once, for the rest they are cut into slices that threads work on side
 * by side. What they made is taken over in the request's order and freed before the next round.
 */
#ifndef WORKERS_MINE_ROUNDS_H
#define WORKERS_MINE_ROUNDS_H

#include "workers/mine/mining.h"

enum { MOST_SLICES = 64 };

/* A few neighbouring queries, which one thread works on at a time. Slices share nothing but what is
 * pinned, and how queries are cut into them changes no answer. */
struct slice {
	size_t first, n; /* of the queries */
	struct arena arena;
	void *made; /* in the arena */
	size_t n_made;
	enum code code;
	struct error error;
};

struct round {
	const struct mining *m;
	struct pool *pool;
	size_t first, n;    /* of the queries */
	struct arena arena; /* the calling thread's */
	struct slice slices[MOST_SLICES];
	size_t n_slices;
};

struct rounds {
	const struct mining *m;
	struct pool *pool;    /* NULL: one slice after the other */
	size_t slice_queries; /* at most */
	size_t slices;	      /* of a round, where there are no more threads */
	/* How many hits or negatives the query may be answered with. */
	size_t (*results)(const struct mining *m, const struct query *q);
	enum code (*work)(void *arg, struct round *round, struct error *e);
	enum code (*take)(void *arg, const struct slice *s, struct error *e);
	void *arg;
};

/* Stops at the first round whose `work` failed, or slice whose `take` did. */
enum code rounds_run(const struct rounds *r, struct arena *arena, struct error *e);

/* Does the work for every slice, on any threads, and returns when all is done. When some fail, the error
 * is that of the first of them. */
enum code round_each(struct round *round,
	enum code (*work)(void *arg, struct slice *s, struct error *e), void *arg, struct error *e);

#endif
