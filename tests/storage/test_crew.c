/*
 * Slices, done by whoever is there: each once, by a pool's threads; and step by step by a crew without
 * threads, whose helpers come when the test says so.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/crew.h"
#include "tests/runner.h"
#include "workers/pool.h"

static struct error err;

enum { N = 500 };

struct work {
	atomic_uint times[N];
	size_t fails; /* this one; N: none */
	atomic_bool failed;
	size_t told;
	/* A crew without threads: */
	struct crew crew;
	struct job *kept;
	size_t sent, left, back;
	bool wanted;
	size_t help_at; /* the helper comes when so many are taken */
	size_t done_by_helper, stop_helper_after;
	bool in_helper;
};

static enum code each(void *arg, size_t i, struct error *e)
{
	struct work *w = arg;

	ck_assert_uint_lt(i, N);
	atomic_fetch_add(&w->times[i], 1);
	if (w->in_helper && ++w->done_by_helper == w->stop_helper_after)
		w->wanted = true;
	if (i != w->fails)
		return OK;
	atomic_store(&w->failed, true);
	return error_set(e, DATA_LOSS, "ROTTEN", "Slice %zu is rotten.", i);
}

static void run_kept(struct work *w)
{
	struct job *job = w->kept;

	w->kept = NULL;
	w->in_helper = true;
	if (job)
		job->run(job);
	w->in_helper = false;
}

static void told(void *arg, size_t taken)
{
	struct work *w = arg;

	ck_assert_uint_le(w->told, taken);
	ck_assert_uint_lt(taken, N);
	w->told = taken;
	if (w->help_at && taken >= w->help_at)
		run_kept(w);
}

static void check_all_once(struct work *w)
{
	for (size_t i = 0; i < N; i++)
		ck_assert_uint_eq(w->times[i], 1);
}

START_TEST(every_slice_is_done_once_by_any_number_of_threads)
{
	size_t threads = (size_t)_i;
	struct pool_options options = {.threads = {1, threads ? threads : 1}, .queue = {1, 64}};
	struct pool *pool = pool_start(&options);
	struct crew crew = pool_crew(pool);

	for (int again = 0; again < 50; again++) {
		struct work w = {.fails = N};
		struct slices s = {N, each, told, &w};
		ck_ok(crew_slices(threads ? &crew : NULL, &s, &err), &err);
		check_all_once(&w);
	}
	pool_stop(pool);
}
END_TEST

START_TEST(the_first_to_fail_ends_it)
{
	size_t threads = (size_t)_i;
	struct pool_options options = {.threads = {1, threads ? threads : 1}, .queue = {1, 64}};
	struct pool *pool = pool_start(&options);
	struct crew crew = pool_crew(pool);
	size_t done = 0;

	struct work w = {.fails = 20};
	struct slices s = {N, each, NULL, &w};
	ck_refused(crew_slices(threads ? &crew : NULL, &s, &err), &err, DATA_LOSS, "ROTTEN");
	for (size_t i = 0; i < N; i++)
		done += w.times[i];
	ck_assert(w.failed && done > 20);
	/* One thread begins none behind it. */
	ck_assert(threads > 1 || done == 21);
	pool_stop(pool);
}
END_TEST

static void keep(void *arg, struct job *job)
{
	struct work *w = arg;

	ck_assert_ptr_null(w->kept);
	w->kept = job;
	w->sent++;
}

static void leave(void *arg)
{
	((struct work *)arg)->left++;
}

/* Whoever wanted the place has had it. */
static void back(void *arg, enum haste haste)
{
	struct work *w = arg;

	ck_assert_int_eq(haste, IN_TURN);
	w->back++;
	w->wanted = false;
}

static bool wanted(void *arg)
{
	return ((struct work *)arg)->wanted;
}

static size_t awaited(void *arg)
{
	(void)arg;
	return 0;
}

static struct work with_helper(void)
{
	return (struct work){.fails = N, .crew = {2, keep, leave, back, wanted, awaited, NULL}};
}

static enum code run(struct work *w)
{
	struct slices s = {N, each, told, w};

	w->crew.arg = w;
	return crew_slices(&w->crew, &s, &err);
}

START_TEST(a_helper_that_comes_late_finds_nothing_to_do)
{
	struct work w = with_helper();

	ck_ok(run(&w), &err);
	check_all_once(&w);
	ck_assert_uint_eq(w.sent, 1);
	run_kept(&w); /* all is over, and nobody is there any more */
	ck_assert_uint_eq(w.done_by_helper, 0);
}
END_TEST

START_TEST(a_helper_does_what_is_left)
{
	struct work w = with_helper();

	w.help_at = 100;
	ck_ok(run(&w), &err);
	check_all_once(&w);
	ck_assert_uint_eq(w.done_by_helper, N - 100);
}
END_TEST

START_TEST(who_is_in_the_way_goes_and_is_back_in_its_turn)
{
	struct work w = with_helper();

	w.help_at = 100;
	w.stop_helper_after = 50;
	ck_ok(run(&w), &err);
	check_all_once(&w);
	/* The helper went after 50, and was sent for again once nobody wanted its place. */
	ck_assert_uint_eq(w.sent, 2);
	ck_assert_uint_eq(w.done_by_helper, N - 101);
	/* The caller did one between, gave its place up, and had it again. */
	ck_assert_uint_eq(w.left, 1);
	ck_assert_uint_eq(w.back, 1);
}
END_TEST

START_TEST(no_helper_is_sent_for_where_somebody_waits)
{
	struct work w = with_helper();
	struct slices s = {2, each, told, &w};

	w.wanted = true;
	w.crew.arg = &w;
	ck_ok(crew_slices(&w.crew, &s, &err), &err);
	ck_assert_uint_eq(w.sent, 0);
	ck_assert_uint_eq(w.left, 1);
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(no_memory_is_no_slices)
{
	struct work w = with_helper();

	fault_arm(0);
	ck_assert_int_eq(run(&w), RESOURCE_EXHAUSTED);
	ck_assert_uint_eq(w.times[0], 0);
	ck_assert_uint_eq(w.sent, 0);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("crew");
	TCase *t = tcase_create("crew");

	tcase_add_loop_test(t, every_slice_is_done_once_by_any_number_of_threads, 0, 5);
	tcase_add_loop_test(t, the_first_to_fail_ends_it, 0, 4);
	tcase_add_test(t, a_helper_that_comes_late_finds_nothing_to_do);
	tcase_add_test(t, a_helper_does_what_is_left);
	tcase_add_test(t, who_is_in_the_way_goes_and_is_back_in_its_turn);
	tcase_add_test(t, no_helper_is_sent_for_where_somebody_waits);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, no_memory_is_no_slices);
#endif
	suite_add_tcase(s, t);
	return s;
}
