/*
 * Who shares a pass with whom depends on the moment; tests that need a certain meeting repeat until it
 * came about, as the crew tells them.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/isa.h"
#include "tests/runner.h"
#include "tests/storage/exact/caller.h"
#include "tests/storage/vectors/sample.h"
#include "workers/pool.h"

enum { CALLERS = 12, ROUNDS = 3, MEETINGS = 200 };

/* Equal scores are common, so that the documents' order decides. */
static const struct shape middling = {.similarity = PB__SIMILARITY__SIMILARITY_DOT,
	.dtype = PB__DTYPE__DTYPE_F32,
	.kind = KIND_WHOLE,
	.n = 5000,
	.dimension = 12,
	.holes = 7};
/* Several portions of a pass, counted with the portable kernel, for all of an ask's questions. */
static const struct shape large = {.similarity = PB__SIMILARITY__SIMILARITY_DOT,
	.dtype = PB__DTYPE__DTYPE_F32,
	.kind = KIND_UNIFORM,
	.n = 50000,
	.dimension = 40};

static struct world world;
static struct shared *shared;

/* The portable kernel makes the most portions of the least rows. */
static void begin(const struct shape *shape, uint64_t *seed)
{
	isa_force(ISA_PORTABLE);
	world_make(&world, shape, seed);
	shared = shared_new(&world.exact);
	ck_assert_ptr_nonnull(shared);
}

static void end(void)
{
	shared_free(shared);
	world_free(&world);
}

static void init(struct caller *c, size_t n, uint64_t *seed)
{
	caller_init(c, shared, &world, world.order, n, seed);
}

/* Callers on the pool's threads, as requests are. */
struct on_pool {
	struct job job;
	struct caller *caller;
};

static void ask_on_pool(struct job *job)
{
	caller_ask(((struct on_pool *)job)->caller);
}

/* A third of the callers run on the pool's own threads. */
static void ask_all(struct caller *callers, struct pool *pool)
{
	struct on_pool jobs[CALLERS];
	struct pool *own = pool ? pool : pool_start(&(struct pool_options){{1, 2}, {1, CALLERS}});

	for (size_t i = 0; i < CALLERS; i++) {
		jobs[i] = (struct on_pool){{.run = ask_on_pool}, &callers[i]};
		if (i % 3)
			caller_start(&callers[i]);
		else
			ck_assert(pool_submit(own, HEAVY, &jobs[i].job));
	}
	for (size_t i = 0; i < CALLERS; i++)
		if (i % 3)
			caller_join(&callers[i]);
	pool_stop(own);
}

static void meet(size_t threads, uint64_t *seed)
{
	static struct caller callers[CALLERS];
	uint32_t *other = sample_order(world.documents, sample_next(seed));
	struct crew crew;

	for (size_t i = 0; i < CALLERS; i++) {
		caller_init(&callers[i], shared, &world, i % 4 == 1 ? other : world.order,
			i % 2 ? 1 + i / 6 : ASK_MOST - i, seed);
		callers[i].request.bulk = i % 2 == 0;
		callers[i].request.crew = threads && i != 5 ? &crew : NULL;
	}
	for (size_t round = 0; round < ROUNDS; round++) {
		struct pool *pool = NULL;
		if (threads) {
			pool = pool_start(&(struct pool_options){{1, threads}, {1, CALLERS}});
			crew = pool_crew(pool);
		}
		ask_all(callers, pool);
		for (size_t i = 0; i < CALLERS; i++)
			caller_check(&callers[i]);
	}
	for (size_t i = 0; i < CALLERS; i++)
		caller_free(&callers[i]);
	free(other);
}

static const Pb__Similarity similarities[] = {PB__SIMILARITY__SIMILARITY_COSINE,
	PB__SIMILARITY__SIMILARITY_DOT, PB__SIMILARITY__SIMILARITY_L2};

START_TEST(who_shares_the_pass_does_not_matter)
{
	static const size_t threads[] = {0, 1, 2, 5};
	struct shape shape = middling;
	uint64_t seed = 71 + (uint64_t)_i;

	shape.similarity = similarities[_i % 3];
	begin(&shape, &seed);
	meet(threads[_i / 3], &seed);
	end();
}
END_TEST

/* Neither others nor helpers that do not come. */
START_TEST(nobody_waits_for_company)
{
	uint64_t seed = 5;
	struct caller c;
	struct watcher w;

	begin(&middling, &seed);
	init(&c, 20, &seed);
	watcher_init(&w, 3);
	c.request.crew = &w.crew;
	caller_ask(&c);
	caller_check(&c);
	ck_assert_uint_eq(w.sent, 2);
	ck_assert_uint_eq(w.left, 0);
	caller_free(&c);
	end();
	watcher_run(&w); /* as late as can be */
}
END_TEST

START_TEST(a_request_cancelled_before_is_not_begun)
{
	uint64_t seed = 6;
	struct caller c;
	struct watcher w;

	begin(&middling, &seed);
	init(&c, 20, &seed);
	watcher_init(&w, 3);
	c.request.crew = &w.crew;
	c.cancelled = true;
	caller_ask(&c);
	caller_check_cancelled(&c);
	ck_assert_uint_eq(w.sent, 0);
	c.cancelled = false;
	caller_ask(&c);
	caller_check(&c);
	caller_free(&c);
	end();
	watcher_run(&w);
}
END_TEST

START_TEST(a_request_cancelled_in_its_pass_ends_it)
{
	uint64_t seed = 7;
	struct caller c;
	struct watcher w;

	begin(&middling, &seed);
	init(&c, 20, &seed);
	watcher_init(&w, 2);
	w.when_sent = &c.cancelled; /* the pass has just been opened */
	c.request.crew = &w.crew;
	caller_ask(&c);
	caller_check_cancelled(&c);
	w.when_sent = NULL;
	c.cancelled = false;
	caller_ask(&c);
	caller_check(&c);
	caller_free(&c);
	end();
	watcher_run(&w);
}
END_TEST

START_TEST(a_request_cancelled_in_line_leaves_it)
{
	uint64_t seed = 8;
	struct caller before, c;
	struct watcher w;

	begin(&middling, &seed);
	init(&before, ASK_MOST, &seed);
	init(&c, 3, &seed);
	watcher_init(&w, 1);
	w.when_left = &c.cancelled;
	c.request.crew = &w.crew;
	for (int i = 0; i < MEETINGS && !c.cancelled; i++) {
		caller_start(&before);
		do {
			caller_ask(&c);
			if (c.cancelled)
				caller_check_cancelled(&c);
			else
				caller_check(&c);
		} while (!before.ended && !c.cancelled);
		caller_join(&before);
		caller_check(&before);
	}
	ck_assert(c.cancelled);
	caller_free(&before);
	caller_free(&c);
	end();
}
END_TEST

/* Two that stand in line while `before` is served, and so get the next pass together. */
struct pair {
	struct caller before, two[2];
	struct watcher watchers[2];
	bool stood[2];
	struct caller *cancelled;
};

static struct pair pair;

/* By the crew of the one whose turn it is to wait; the engine's lock is held. */
static void stand_or_cancel(void *arg)
{
	struct caller *c = arg;

	if (!pair.before.ended)
		pair.stood[c - pair.two] = true;
	else if (pair.stood[0] && pair.stood[1] && !pair.cancelled) {
		pair.cancelled = c;
		c->cancelled = true;
	}
}

static void meet_in_line(void)
{
	pair.stood[0] = pair.stood[1] = false;
	caller_start(&pair.before);
	for (int i = 0; i < 2; i++)
		caller_start(&pair.two[i]);
	caller_join(&pair.before);
	caller_check(&pair.before);
	for (int i = 0; i < 2; i++)
		caller_join(&pair.two[i]);
	for (int i = 0; i < 2; i++)
		if (&pair.two[i] != pair.cancelled || pair.two[i].rc == OK)
			caller_check(&pair.two[i]);
		else
			caller_check_cancelled(&pair.two[i]);
}

START_TEST(a_request_cancelled_in_a_pass_with_others_leaves_them_alone)
{
	uint64_t seed = 9;

	begin(&middling, &seed);
	init(&pair.before, ASK_MOST, &seed);
	for (int i = 0; i < 2; i++) {
		struct watcher *w = &pair.watchers[i];
		init(&pair.two[i], ASK_MOST, &seed);
		watcher_init(w, 1);
		w->crew.leave = stand_or_cancel;
		w->crew.arg = &pair.two[i];
		pair.two[i].request.crew = &w->crew;
	}
	for (int i = 0; i < MEETINGS && !pair.cancelled; i++)
		meet_in_line();
	ck_assert_ptr_nonnull(pair.cancelled);
	caller_free(&pair.before);
	caller_free(&pair.two[0]);
	caller_free(&pair.two[1]);
	end();
}
END_TEST

/* It came while the bulk pass was going; its answer is there when the pass can still be broken off. */
START_TEST(an_urgent_request_is_served_while_a_bulk_pass_is_going)
{
	uint64_t seed = 10;
	struct caller bulk, urgent;
	struct watcher w;

	begin(&large, &seed);
	init(&bulk, ASK_MOST, &seed);
	init(&urgent, 1, &seed);
	bulk.request.bulk = true;
	watcher_init(&w, 1);
	urgent.request.crew = &w.crew;
	bulk.rc = OK;
	for (int i = 0; i < 20 && bulk.rc == OK; i++) {
		bulk.cancelled = false;
		w.left = 0;
		caller_start(&bulk);
		while (!bulk.ended && !w.left) {
			caller_ask(&urgent);
			caller_check(&urgent);
		}
		bulk.cancelled = w.left != 0;
		caller_join(&bulk);
		if (bulk.rc == OK)
			caller_check(&bulk);
	}
	caller_check_cancelled(&bulk);
	caller_free(&bulk);
	caller_free(&urgent);
	end();
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(no_memory_is_an_error_and_the_next_request_is_served)
{
	struct shape shape = middling;
	uint64_t seed = 11;
	struct caller c;
	struct watcher w;
	bool fired = true;

	shape.n = 3000;
	begin(&shape, &seed);
	init(&c, 20, &seed);
	watcher_init(&w, 3);
	c.request.crew = &w.crew;
	for (long n = 0; fired; n++) {
		fault_arm(n);
		caller_ask(&c);
		fired = fault_fired();
		fault_arm(-1);
		if (fired && c.rc != OK)
			ck_refused(c.rc, &c.error, RESOURCE_EXHAUSTED, "OUT_OF_MEMORY");
		else
			caller_check(&c);
		watcher_run(&w);
		caller_ask(&c);
		caller_check(&c);
		watcher_run(&w);
	}
	caller_free(&c);
	end();
}
END_TEST

START_TEST(no_memory_for_the_engine_leaves_nothing)
{
	struct exact x = {0};

	fault_arm(0);
	ck_assert_ptr_null(shared_new(&x));
	fault_arm(-1);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("shared");
	TCase *t = tcase_create("shared");

	tcase_add_loop_test(t, who_shares_the_pass_does_not_matter, 0, 12);
	tcase_add_test(t, nobody_waits_for_company);
	tcase_add_test(t, a_request_cancelled_before_is_not_begun);
	tcase_add_test(t, a_request_cancelled_in_its_pass_ends_it);
	tcase_add_test(t, a_request_cancelled_in_line_leaves_it);
	tcase_add_test(t, a_request_cancelled_in_a_pass_with_others_leaves_them_alone);
	suite_add_tcase(s, t);
	t = tcase_create("urgent");
	tcase_add_test(t, an_urgent_request_is_served_while_a_bulk_pass_is_going);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, no_memory_is_an_error_and_the_next_request_is_served);
	tcase_add_test(t, no_memory_for_the_engine_leaves_nothing);
#endif
	suite_add_tcase(s, t);
	return s;
}
