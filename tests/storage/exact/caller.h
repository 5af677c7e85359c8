/* One who asks a shared engine, on a thread of its own or on the test's. */
#ifndef TESTS_STORAGE_EXACT_CALLER_H
#define TESTS_STORAGE_EXACT_CALLER_H

#include <pthread.h>
#include <semaphore.h>

#include "storage/exact/shared.h"
#include "tests/storage/exact/ask.h"

/* An engine about a world, with the portable kernel, which makes the most portions of the least rows. */
struct engine {
	struct world world;
	struct shared *shared;
};

void engine_begin(struct engine *e, const struct shape *shape, uint64_t *seed);
void engine_end(struct engine *e);

/* Several portions of a pass for all of an ask's questions. */
extern const struct shape large_shape;

/*
 * A crew that shows where a request stands, and can hold it there. It has no threads: what it is to
 * send is kept until the test runs it.
 */
struct watcher {
	struct crew crew; /* arg is the watcher */
	struct job *kept; /* latest first */
	size_t sent, left;
	atomic_bool *when_sent, *when_left; /* set to true then; may be NULL */

	size_t ways;	       /* so often it will say that somebody wants the place */
	atomic_bool *when_way; /* set to true when it does for the last time; may be NULL */
	sem_t *gone;	       /* posted by who leaves; may be NULL */
	sem_t *hold;	       /* waited for by who is to be back after the last way; may be NULL */
};

void watcher_init(struct watcher *w, size_t threads);
/* Runs the jobs kept, on this thread. */
void watcher_run(struct watcher *w);

struct caller {
	struct shared *shared;
	struct ask ask;
	struct exact_query alone[ASK_MOST]; /* the same questions, asked of exact_search alone */
	struct shared_request request;
	size_t part; /* queries that go at once, where that is not all */
	atomic_bool cancelled, ended;
	enum code rc;
	struct error error;
	pthread_t thread;
};

/* n questions, for documents in the world's order. */
void caller_init(struct caller *c, const struct engine *e, size_t n, uint64_t *seed);
/* The same, in another order. */
void caller_init_order(
	struct caller *c, const struct engine *e, const uint32_t *order, size_t n, uint64_t *seed);
void caller_free(struct caller *c);

void caller_ask(struct caller *c); /* as if nothing had been asked before */
void caller_start(struct caller *c);
void caller_join(struct caller *c);
/* Aborts the test unless the answers are, to the bit, those it would get alone. */
void caller_check(const struct caller *c);
/* Aborts the test unless it was CANCELLED, and nothing was answered. */
void caller_check_cancelled(const struct caller *c);

#endif
