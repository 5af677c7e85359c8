/* Jobs for tests of the pool: one that keeps a place, and one that tells when it came. */
#ifndef TESTS_WORKERS_TURNS_H
#define TESTS_WORKERS_TURNS_H

#include <semaphore.h>

#include "workers/pool.h"

/* Both lanes' queues take as many. */
struct pool *start_pool(size_t quick, size_t heavy, size_t queue);

/* A job that says that it began and then waits to be let go. */
struct gate {
	struct job job;
	sem_t began, go;
};

void gate_run(struct job *job);
/* Returns when the gate's job holds a thread of the lane. */
void gate_close(struct gate *g, struct pool *pool, enum lane lane);
void gate_open(struct gate *g);

/* Says which of them came when. */
struct ordered {
	struct job job;
	int *last, came;
};

void ordered_run(struct job *job);

#endif
