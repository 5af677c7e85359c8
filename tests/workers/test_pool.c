#include "tests/runner.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "proto/fault.h"
#include "tests/workers/turns.h"

struct counted {
	struct job job;
	atomic_int *count;
};

static void count_run(struct job *job)
{
	atomic_fetch_add(((struct counted *)job)->count, 1);
}

START_TEST(a_full_lane_refuses_and_the_other_goes_on)
{
	struct pool *pool = start_pool(1, 1, 2);
	atomic_int count = 0;
	struct counted jobs[5];
	struct gate gate;

	for (int i = 0; i < 5; i++)
		jobs[i] = (struct counted){{.run = count_run}, &count};
	gate_close(&gate, pool, HEAVY);
	ck_assert(pool_submit(pool, HEAVY, &jobs[0].job));
	ck_assert(pool_submit(pool, HEAVY, &jobs[1].job));
	ck_assert(!pool_submit(pool, HEAVY, &jobs[2].job));
	ck_assert_uint_eq(pool_queued(pool, HEAVY), 2);
	pool_resume(pool, HEAVY, &jobs[3].job);
	ck_assert_uint_eq(pool_queued(pool, HEAVY), 3);
	ck_assert(pool_submit(pool, QUICK, &jobs[4].job));
	gate_open(&gate);
	pool_stop(pool);
	ck_assert_int_eq(count, 4);
}
END_TEST

START_TEST(stopping_runs_what_is_queued)
{
	enum { N = 200 };
	struct pool *pool = start_pool(3, 2, N);
	struct counted jobs[2 * N];
	atomic_int count = 0;
	struct gate gate;

	gate_close(&gate, pool, HEAVY);
	for (int i = 0; i < 2 * N; i++) {
		jobs[i] = (struct counted){{.run = count_run}, &count};
		ck_assert(pool_submit(pool, i % 2 ? HEAVY : QUICK, &jobs[i].job));
	}
	gate_open(&gate);
	pool_stop(pool);
	ck_assert_int_eq(count, 2 * N);
}
END_TEST

enum { SLICES = 500 };

/* A request that shares its slices out. */
struct sharing {
	struct job job;
	struct pool *pool;
	atomic_int times[SLICES];
	atomic_bool done;
};

static void count_slice(void *arg, size_t i)
{
	atomic_fetch_add(&((struct sharing *)arg)->times[i], 1);
}

static void sharing_run(struct job *job)
{
	struct sharing *s = (struct sharing *)job;

	pool_each(s->pool, SLICES, count_slice, s);
	for (size_t i = 0; i < SLICES; i++)
		ck_assert_int_eq(s->times[i], 1);
	s->done = true;
}

static void *sharing_thread(void *arg)
{
	sharing_run(arg);
	return NULL;
}

START_TEST(each_slice_is_called_exactly_once_whoever_shares_it_out)
{
	enum { N = 48 };
	static struct sharing s[N];
	struct pool *pool = start_pool(4, 2, N);
	pthread_t threads[N / 3];

	for (int i = 0; i < N; i++) {
		s[i].job.run = sharing_run;
		s[i].pool = pool;
		if (i % 3 == 0)
			pthread_create(&threads[i / 3], NULL, sharing_thread, &s[i]);
		else
			ck_assert(pool_submit(pool, i % 3 == 1 ? QUICK : HEAVY, &s[i].job));
	}
	for (int i = 0; i < N / 3; i++)
		pthread_join(threads[i], NULL);
	pool_stop(pool);
	for (int i = 0; i < N; i++)
		ck_assert(s[i].done);
}
END_TEST

START_TEST(more_large_requests_than_threads_all_come_through_one_core)
{
	enum { N = 32 };
	static struct sharing s[N];
	struct pool *pool = start_pool(1, 1, N);

	for (int i = 0; i < N; i++) {
		s[i].job.run = sharing_run;
		s[i].pool = pool;
		ck_assert(pool_submit(pool, HEAVY, &s[i].job));
	}
	pool_stop(pool);
	for (int i = 0; i < N; i++)
		ck_assert(s[i].done);
}
END_TEST

/* Two requests on one core: `small` is submitted while the first slice of `large` runs. */
struct meeting {
	struct job large;
	struct counted small;
	struct pool *pool;
	atomic_int small_ran;
	int small_had_run_at; /* the first slice that saw it */
};

static void meeting_slice(void *arg, size_t i)
{
	struct meeting *m = arg;

	if (i == 0)
		ck_assert(pool_submit(m->pool, HEAVY, &m->small.job));
	else if (m->small_ran && !m->small_had_run_at)
		m->small_had_run_at = (int)i;
}

static void meeting_run(struct job *job)
{
	struct meeting *m = (struct meeting *)job;

	pool_each(m->pool, SLICES, meeting_slice, m);
}

START_TEST(a_small_request_waits_for_one_slice_of_a_large_one)
{
	struct meeting m = {.large.run = meeting_run, .pool = start_pool(1, 1, 2)};

	m.small = (struct counted){{.run = count_run}, &m.small_ran};
	ck_assert(pool_submit(m.pool, HEAVY, &m.large));
	pool_stop(m.pool);
	ck_assert_int_eq(m.small_had_run_at, 2);
}
END_TEST

struct crowd {
	struct job job;
	atomic_int *now, *most;
};

static void crowd_run(struct job *job)
{
	struct crowd *c = (struct crowd *)job;
	int now = atomic_fetch_add(c->now, 1) + 1, most = *c->most;

	while (most < now && !atomic_compare_exchange_weak(c->most, &most, now))
		;
	for (volatile int i = 0; i < 20000; i++)
		;
	atomic_fetch_sub(c->now, 1);
}

START_TEST(no_more_than_the_lanes_threads_compute_at_once)
{
	enum { N = 400 };
	struct pool *pool = start_pool(1, 2, N);
	struct crowd jobs[N];
	atomic_int now = 0, most = 0;

	for (int i = 0; i < N; i++) {
		jobs[i] = (struct crowd){{.run = crowd_run}, &now, &most};
		ck_assert(pool_submit(pool, HEAVY, &jobs[i].job));
	}
	pool_stop(pool);
	ck_assert_int_le(most, 2);
	ck_assert_int_ge(most, 1);
}
END_TEST

/* A request that waits, in the crew's sense, for another that needs its place. */
struct leaving {
	struct job job;
	struct crew crew;
	struct gate *until;
};

static void leaving_run(struct job *job)
{
	struct leaving *l = (struct leaving *)job;

	l->crew.leave(l->crew.arg);
	if (l->until)
		sem_wait(&l->until->began);
	l->crew.back(l->crew.arg, IN_TURN);
}

START_TEST(who_leaves_makes_room_for_another)
{
	struct pool *pool = start_pool(1, 1, 2);
	struct gate other = {.job.run = gate_run};
	struct leaving l = {{.run = leaving_run}, pool_crew(pool), &other};

	sem_init(&other.began, 0, 0);
	sem_init(&other.go, 0, 0);
	ck_assert_uint_eq(l.crew.threads, 1);
	ck_assert(pool_submit(pool, HEAVY, &l.job));
	ck_assert(pool_submit(pool, HEAVY, &other.job));
	gate_open(&other);
	pool_stop(pool);
}
END_TEST

/* Also for one that has no place to leave: a thread that is not the pool's. */
START_TEST(who_is_back_has_its_place_again)
{
	enum { LEFT = 50, N = 400 };
	struct pool *pool = start_pool(1, 2, LEFT + N);
	struct crew crew = pool_crew(pool);
	struct leaving leaving[LEFT];
	struct crowd jobs[N];
	atomic_int now = 0, most = 0;

	for (int i = 0; i < LEFT; i++) {
		leaving[i] = (struct leaving){{.run = leaving_run}, crew, NULL};
		ck_assert(pool_submit(pool, HEAVY, &leaving[i].job));
	}
	crew.leave(crew.arg);
	for (int i = 0; i < N; i++) {
		jobs[i] = (struct crowd){{.run = crowd_run}, &now, &most};
		ck_assert(pool_submit(pool, HEAVY, &jobs[i].job));
	}
	pool_stop(pool);
	ck_assert_int_le(most, 2);
}
END_TEST

START_TEST(what_is_sent_goes_before_what_waits_even_when_the_lane_is_full)
{
	struct pool *pool = start_pool(1, 1, 1);
	struct crew crew = pool_crew(pool);
	int last = 0;
	struct ordered jobs[4];
	struct gate gate;

	for (int i = 0; i < 4; i++)
		jobs[i] = (struct ordered){{.run = ordered_run}, &last, 0};
	gate_close(&gate, pool, HEAVY);
	ck_assert(pool_submit(pool, HEAVY, &jobs[0].job));
	crew.send(crew.arg, &jobs[1].job);
	crew.send(crew.arg, &jobs[2].job);
	pool_resume(pool, HEAVY, &jobs[3].job);
	ck_assert_uint_eq(pool_queued(pool, HEAVY), 2);
	gate_open(&gate);
	pool_stop(pool);
	static const int came[] = {3, 2, 1, 4};
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(jobs[i].came, came[i]);
}
END_TEST

START_TEST(what_is_sent_takes_no_room_in_the_lane)
{
	struct pool *pool = start_pool(1, 1, 1);
	struct crew crew = pool_crew(pool);
	int last = 0;
	struct ordered jobs[3];
	struct gate gate;

	for (int i = 0; i < 3; i++)
		jobs[i] = (struct ordered){{.run = ordered_run}, &last, 0};
	gate_close(&gate, pool, HEAVY);
	crew.send(crew.arg, &jobs[0].job);
	ck_assert(pool_submit(pool, HEAVY, &jobs[1].job));
	ck_assert(!pool_submit(pool, HEAVY, &jobs[2].job));
	gate_open(&gate);
	pool_stop(pool);
	ck_assert_int_eq(jobs[0].came, 1);
	ck_assert_int_eq(jobs[1].came, 2);
}
END_TEST

START_TEST(a_place_is_wanted_while_somebody_stands_in_line)
{
	struct pool *pool = start_pool(1, 1, 2);
	struct crew crew = pool_crew(pool);
	atomic_int count = 0;
	struct counted waiting = {{.run = count_run}, &count};
	struct gate gate;

	gate_close(&gate, pool, HEAVY);
	ck_assert(!crew.wanted(crew.arg));
	ck_assert(pool_submit(pool, HEAVY, &waiting.job));
	ck_assert(crew.wanted(crew.arg));
	gate_open(&gate);
	pool_stop(pool);
}
END_TEST

static void append(void *arg, size_t i)
{
	size_t *list = arg;

	list[1 + list[0]++] = i;
}

enum { LARGE = 9, LARGE_SLICES = 30, AT_WORK = 16 };

/* Large requests whose slices all wait without a place, which holds a thread each. */
struct throng {
	struct crew crew;
	struct pool *pool;
	sem_t inside, go;
	pthread_barrier_t together;
};

struct large {
	struct job job;
	struct throng *throng;
};

static void wait_outside(void *arg, size_t i)
{
	struct throng *c = arg;

	(void)i;
	c->crew.leave(c->crew.arg);
	sem_post(&c->inside);
	sem_wait(&c->go);
	sem_post(&c->go);
	c->crew.back(c->crew.arg, IN_TURN);
}

static void large_run(struct job *job)
{
	struct throng *c = ((struct large *)job)->throng;

	pthread_barrier_wait(&c->together);
	pool_each(c->pool, LARGE_SLICES, wait_outside, c);
}

START_TEST(large_requests_leave_threads_for_small_ones)
{
	struct throng c = {.pool = start_pool(1, AT_WORK, LARGE + 1)};
	struct large large[LARGE];
	struct gate small;

	c.crew = pool_crew(c.pool);
	sem_init(&c.inside, 0, 0);
	sem_init(&c.go, 0, 0);
	pthread_barrier_init(&c.together, NULL, LARGE);
	for (int i = 0; i < LARGE; i++) {
		large[i] = (struct large){{.run = large_run}, &c};
		ck_assert(pool_submit(c.pool, HEAVY, &large[i].job));
	}
	/* More than there are threads left stand in the line before the small one. */
	for (int i = 0; i < AT_WORK + 40 - (LARGE - 1); i++)
		sem_wait(&c.inside);
	gate_close(&small, c.pool, HEAVY);
	gate_open(&small);
	sem_post(&c.go);
	pool_stop(c.pool);
	pthread_barrier_destroy(&c.together);
}
END_TEST

/* Somebody from outside, with one thing to do, while the only place is taken. */
struct outsider {
	struct pool *pool;
	atomic_bool opened, came, had_turn;
};

static void note_turn(void *arg)
{
	struct outsider *o = arg;

	o->had_turn = o->opened;
}

static void *come_from_outside(void *arg)
{
	struct outsider *o = arg;

	o->came = true;
	pool_run(o->pool, note_turn, o);
	return NULL;
}

START_TEST(who_has_no_place_waits_for_one)
{
	enum { TIMES = 200 };

	for (int time = 0; time < TIMES; time++) {
		struct outsider o = {.pool = start_pool(1, 1, 2)};
		struct gate gate;
		pthread_t thread;
		gate_close(&gate, o.pool, HEAVY);
		pthread_create(&thread, NULL, come_from_outside, &o);
		while (!o.came)
			sched_yield();
		sched_yield();
		o.opened = true;
		gate_open(&gate);
		pthread_join(thread, NULL);
		ck_assert(o.had_turn);
		pool_stop(o.pool);
	}
}
END_TEST

START_TEST(without_a_pool_slices_run_in_order_on_the_caller)
{
	size_t list[11] = {0};

	pool_each(NULL, 10, append, list);
	ck_assert_uint_eq(list[0], 10);
	for (size_t i = 0; i < 10; i++)
		ck_assert_uint_eq(list[1 + i], i);
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(a_pool_that_cannot_start_leaves_nothing)
{
	struct pool *pool = NULL;

	for (long n = 0; !pool; n++) {
		fault_arm(n);
		pool = pool_start(&(struct pool_options){{2, 1}, {1, 1}});
		ck_assert(!!pool == !fault_fired());
	}
	pool_stop(pool);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("pool");
	TCase *t = tcase_create("pool");

	tcase_add_test(t, a_full_lane_refuses_and_the_other_goes_on);
	tcase_add_test(t, stopping_runs_what_is_queued);
	tcase_add_test(t, each_slice_is_called_exactly_once_whoever_shares_it_out);
	tcase_add_test(t, more_large_requests_than_threads_all_come_through_one_core);
	tcase_add_test(t, a_small_request_waits_for_one_slice_of_a_large_one);
	tcase_add_test(t, no_more_than_the_lanes_threads_compute_at_once);
	tcase_add_test(t, who_leaves_makes_room_for_another);
	tcase_add_test(t, who_is_back_has_its_place_again);
	tcase_add_test(t, what_is_sent_goes_before_what_waits_even_when_the_lane_is_full);
	tcase_add_test(t, what_is_sent_takes_no_room_in_the_lane);
	tcase_add_test(t, a_place_is_wanted_while_somebody_stands_in_line);
	tcase_add_test(t, large_requests_leave_threads_for_small_ones);
	tcase_add_test(t, who_has_no_place_waits_for_one);
	tcase_add_test(t, without_a_pool_slices_run_in_order_on_the_caller);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, a_pool_that_cannot_start_leaves_nothing);
#endif
	suite_add_tcase(s, t);
	return s;
}
