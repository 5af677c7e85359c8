/* Threads that give their places in a lane up and come back for one. */
#include "tests/runner.h"

#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "tests/workers/turns.h"

/* One that leaves its place to the gate, and comes back while that is closed. */
struct comer {
	struct job job;
	struct crew crew;
	enum haste haste;
	sem_t left, come, is_back;
	int *last, came;
};

static void comer_run(struct job *job)
{
	struct comer *c = (struct comer *)job;

	c->crew.leave(c->crew.arg);
	sem_post(&c->left);
	sem_wait(&c->come);
	c->crew.back(c->crew.arg, c->haste);
	c->came = ++*c->last;
	sem_post(&c->is_back);
}

static void comer_leave(struct comer *c, struct pool *pool, enum haste haste, int *last)
{
	*c = (struct comer){
		{.run = comer_run}, .crew = pool_crew(pool), .haste = haste, .last = last};
	sem_init(&c->left, 0, 0);
	sem_init(&c->come, 0, 0);
	sem_init(&c->is_back, 0, 0);
	ck_assert(pool_submit(pool, HEAVY, &c->job));
	sem_wait(&c->left);
}

START_TEST(who_is_back_waits_for_a_place)
{
	struct pool *pool = start_pool(1, 1, 2);
	struct crew crew = pool_crew(pool);
	struct comer c;
	struct gate gate;
	int last = 0;

	comer_leave(&c, pool, FIRST, &last);
	gate_close(&gate, pool, HEAVY);
	ck_assert(!crew.awaited(crew.arg));
	sem_post(&c.come);
	while (!crew.awaited(crew.arg))
		sched_yield();
	ck_assert_int_eq(sem_trywait(&c.is_back), -1);
	gate_open(&gate);
	sem_wait(&c.is_back);
	pool_stop(pool);
}
END_TEST

START_TEST(who_must_be_back_at_once_does_not_wait)
{
	struct pool *pool = start_pool(1, 1, 2);
	struct comer c;
	struct gate gate;
	int last = 0;

	comer_leave(&c, pool, AT_ONCE, &last);
	gate_close(&gate, pool, HEAVY);
	sem_post(&c.come);
	sem_wait(&c.is_back);
	gate_open(&gate);
	pool_stop(pool);
}
END_TEST

/* The two lines take turns, and in that of those who are back the first go first. */
START_TEST(who_is_back_and_what_waits_take_turns)
{
	enum { N = 3 };
	static const enum haste haste[N] = {IN_TURN, IN_TURN, FIRST};
	static const int places[N] = {3, 5, 1};
	struct pool *pool = start_pool(1, 1, 2 * N);
	struct crew crew = pool_crew(pool);
	struct comer comers[N];
	struct ordered jobs[N];
	struct gate gate;
	int last = 0;

	for (int i = 0; i < N; i++)
		comer_leave(&comers[i], pool, haste[i], &last);
	gate_close(&gate, pool, HEAVY);
	for (int i = 0; i < N; i++) {
		jobs[i] = (struct ordered){{.run = ordered_run}, &last, 0};
		ck_assert(pool_submit(pool, HEAVY, &jobs[i].job));
	}
	for (size_t i = 0; i < N; i++) {
		sem_post(&comers[i].come);
		while (crew.awaited(crew.arg) <= i)
			sched_yield();
	}
	gate_open(&gate);
	for (int i = 0; i < N; i++)
		sem_wait(&comers[i].is_back);
	pool_stop(pool);
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(comers[i].came, places[i]);
		ck_assert_int_eq(jobs[i].came, 2 * (i + 1));
	}
}
END_TEST

/* One in its turn, and more in haste than may go before it. */
START_TEST(who_was_passed_by_often_is_not_passed_any_more)
{
	enum { MAY = 8, N = MAY + 2 };
	struct pool *pool = start_pool(1, 1, N + 1);
	struct crew crew = pool_crew(pool);
	struct comer comers[N];
	struct gate gate;
	int last = 0;

	for (int i = 0; i < N; i++)
		comer_leave(&comers[i], pool, i ? FIRST : IN_TURN, &last);
	gate_close(&gate, pool, HEAVY);
	for (size_t i = 0; i < N; i++) {
		sem_post(&comers[i].come);
		while (crew.awaited(crew.arg) <= i)
			sched_yield();
	}
	gate_open(&gate);
	for (int i = 0; i < N; i++)
		sem_wait(&comers[i].is_back);
	pool_stop(pool);
	ck_assert_int_eq(comers[0].came, MAY + 1);
	ck_assert_int_eq(comers[MAY].came, MAY);
	ck_assert_int_eq(comers[MAY + 1].came, MAY + 2);
}
END_TEST

/* One that gives its place up for what it does. */
struct asider {
	struct job job;
	struct pool *pool;
	sem_t began, go;
	atomic_bool *before, ended; /* before: that of the one before it, or NULL */
	bool was_second;
};

static void wait_aside(void *arg)
{
	struct asider *a = arg;

	a->was_second = !a->before || *a->before;
	sem_post(&a->began);
	sem_wait(&a->go);
	a->ended = true;
}

static void asider_run(struct job *job)
{
	struct asider *a = (struct asider *)job;

	pool_aside(a->pool, HEAVY, wait_aside, a, IN_TURN);
}

static void asider_submit(struct asider *a, struct pool *pool, atomic_bool *before)
{
	*a = (struct asider){.job.run = asider_run, .pool = pool, .before = before};
	sem_init(&a->began, 0, 0);
	sem_init(&a->go, 0, 0);
	ck_assert(pool_submit(pool, HEAVY, &a->job));
}

/* A job runs beside one that is aside and one that waits for that. */
START_TEST(no_more_are_aside_than_may_compute)
{
	struct pool *pool = start_pool(1, 1, 3);
	struct asider first, second;
	struct gate job;

	asider_submit(&first, pool, NULL);
	sem_wait(&first.began);
	asider_submit(&second, pool, &first.ended);
	gate_close(&job, pool, HEAVY);
	gate_open(&job);
	sem_post(&first.go);
	sem_post(&second.go);
	sem_wait(&second.began);
	pool_stop(pool);
	ck_assert(second.was_second);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("places");
	TCase *t = tcase_create("places");

	tcase_add_test(t, who_is_back_waits_for_a_place);
	tcase_add_test(t, who_must_be_back_at_once_does_not_wait);
	tcase_add_test(t, who_is_back_and_what_waits_take_turns);
	tcase_add_test(t, who_was_passed_by_often_is_not_passed_any_more);
	tcase_add_test(t, no_more_are_aside_than_may_compute);
	suite_add_tcase(s, t);
	return s;
}
