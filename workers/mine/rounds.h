/*
 * Many queries on many threads, in bounded memory: a round of them at a time. Some of a round's work is
 * done for all of its queries at once, the rest is cut into parts that threads work on side by side.
 * How queries are cut changes no answer.
 */
#ifndef WORKERS_MINE_ROUNDS_H
#define WORKERS_MINE_ROUNDS_H

#include "proto/limits.h"
#include "workers/mine/mining.h"

enum {
	ROUND_QUERIES = 1024,
	PART_QUERIES = 32,
	FEW_QUERIES = 8, /* mostly not worth another thread */
	ARENA_LIMIT = LIMIT_REQUEST_MEMORY / 8
};

struct round {
	const struct mining *m;
	struct pool *pool;  /* NULL: one thing after the other, on the calling thread */
	size_t first, n;    /* of the queries */
	struct arena arena; /* the calling thread's; gone when the round is over */
};

struct rounds {
	const struct mining *m;
	struct pool *pool;
	size_t most; /* queries of a round */
	/* How much the query may be answered with: hits, or negatives and positives. */
	size_t (*weight)(const struct mining *m, const struct query *q);
	enum code (*work)(void *arg, struct round *round, struct error *e);
	void *arg;
};

/* Works on round after round, and stops at the first that fails. */
enum code rounds_run(const struct rounds *r, struct error *e);

/* Does the work for n things, `least` to PART_QUERIES at a time, and returns when all are done: for those
 * from `first` on, so many. When some fail, the error is that of the first of them. */
enum code round_each(const struct round *round, size_t n, size_t least,
	enum code (*work)(void *arg, size_t first, size_t n, struct error *e), void *arg,
	struct error *e);
/* Does what has threads of its own for all of a round's queries. */
enum code round_once(const struct round *round, enum code (*work)(void *arg, struct error *e),
	void *arg, struct error *e);

#endif
