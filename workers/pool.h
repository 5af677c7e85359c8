/*
 * Threads that run whole requests. Two lanes with bounded queues: QUICK for storage, where many
 * threads wait for one fsync together, HEAVY for computing, one at work a core. Work is pushed from
 * the loop and comes back to it through a mailbox.
 */
#ifndef WORKERS_POOL_H
#define WORKERS_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/operations.h"
#include "storage/crew.h"

struct pool;

struct pool_options {
	size_t threads[2]; /* at work at once, by lane; 1 or more */
	size_t queue[2];   /* waiting jobs a lane takes before it refuses; 1 or more */
};

struct pool *pool_start(const struct pool_options *options); /* NULL: no threads to be had */
/* Runs what is queued, then joins. Nothing may be submitted any more. NULL is fine. */
struct pool *pool_stop(struct pool *pool);

/* False when the lane is full: refuse the request, now. Any thread. */
bool pool_submit(struct pool *pool, enum lane lane, struct job *job);
/* For the next part of a request that was admitted: taken even when the lane is full. */
void pool_resume(struct pool *pool, enum lane lane, struct job *job);
size_t pool_queued(struct pool *pool, enum lane lane);
size_t pool_threads(const struct pool *pool, enum lane lane);

/* Calls each(arg, i) once for every i < n, on the calling thread and on HEAVY threads that are idle;
 * returns when all calls have returned. Slices of several callers and submitted jobs take turns: a
 * thread takes one slice at a time, first come, first served by slice. A NULL pool runs them in
 * order on the caller. Any thread. */
void pool_each(struct pool *pool, size_t n, void (*each)(void *arg, size_t i), void *arg);

/* Calls run(arg) once, with a place among those of HEAVY that compute, and returns after it: at once on a
 * calling thread that has one, else in its turn as an admitted job on one of the lane's. */
void pool_run(struct pool *pool, void (*run)(void *arg), void *arg);

/* Calls run(arg) on the calling thread, which gives its place in the lane up meanwhile: for what takes
 * long and cannot be cut. So many as the lane computes at once do so at a time, more wait. Then waits to
 * be back. A thread that runs no turn of the lane just calls it. */
void pool_aside(
	struct pool *pool, enum lane lane, void (*run)(void *arg), void *arg, enum haste haste);

/* The HEAVY lane as storage borrows it. The pool outlives it. */
struct crew pool_crew(struct pool *pool);

#endif
