#include "tests/workers/turns.h"

#include "tests/runner.h"

struct pool *start_pool(size_t quick, size_t heavy, size_t queue)
{
	struct pool *pool = pool_start(&(struct pool_options){{quick, heavy}, {queue, queue}});

	ck_assert_ptr_nonnull(pool);
	return pool;
}

void gate_run(struct job *job)
{
	struct gate *g = (struct gate *)job;

	sem_post(&g->began);
	sem_wait(&g->go);
}

void gate_close(struct gate *g, struct pool *pool, enum lane lane)
{
	*g = (struct gate){.job.run = gate_run};
	sem_init(&g->began, 0, 0);
	sem_init(&g->go, 0, 0);
	ck_assert(pool_submit(pool, lane, &g->job));
	sem_wait(&g->began);
}

void gate_open(struct gate *g)
{
	sem_post(&g->go);
}

void ordered_run(struct job *job)
{
	struct ordered *o = (struct ordered *)job;

	o->came = ++*o->last;
}
