/*
 * Who shares a pass with whom depends on the moment; tests that need a certain meeting hold a pass back
 * by the crew of those who work for it.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/pass_private.h"
#include "tests/runner.h"
#include "tests/storage/exact/caller.h"
#include "tests/storage/vectors/sample.h"
#include "workers/pool.h"

enum { CALLERS = 12, ROUNDS = 3 };

/* Equal scores are common, so that the documents' order decides. */
static const struct shape middling = {.similarity = PB__SIMILARITY__SIMILARITY_DOT,
	.dtype = PB__DTYPE__DTYPE_F32,
	.kind = KIND_WHOLE,
	.n = 5000,
	.dimension = 12,
	.holes = 7};
static struct engine engine;

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
	uint32_t *other = sample_order(engine.world.documents, sample_next(seed));
	struct crew crew;

	for (size_t i = 0; i < CALLERS; i++) {
		caller_init_order(&callers[i], &engine, i % 4 == 1 ? other : engine.world.order,
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
	engine_begin(&engine, &shape, &seed);
	if (_i % 2)
		shared_cut_parts(engine.shared, 5);
	meet(threads[_i / 3], &seed);
	engine_end(&engine);
}
END_TEST

/* How many of its questions are left for a pass by floats. */
static size_t given_up(struct caller *c)
{
	struct pass *p;
	struct error e;

	ck_ok(pass_begin(&engine.world.exact, engine.world.order, c->alone, c->ask.n, &p, &e), &e);
	ck_ok(pass_encode(p, SIZE_MAX, &e), &e);
	ck_ok(pass_scan(p, 0, pass_chunks(p), NULL, &e), &e);
	ck_ok(pass_finish(p, 0, c->ask.n, NULL, &e), &e);
	size_t n = p->by_floats.n;
	pass_end(p);
	return n;
}

START_TEST(who_shares_a_pass_that_is_given_up_does_not_matter)
{
	struct shape shape = middling;
	uint64_t seed = 90 + (uint64_t)_i;
	struct caller c;

	shape.kind = KIND_ALIKE;
	shape.n = 8000;
	engine_begin(&engine, &shape, &seed);
	caller_init(&c, &engine, ASK_MOST, &seed);
	ck_assert_uint_gt(given_up(&c), 0);
	caller_free(&c);
	meet((size_t)_i, &seed);
	engine_end(&engine);
}
END_TEST

/* Neither others nor helpers that do not come. */
START_TEST(nobody_waits_for_company)
{
	uint64_t seed = 5;
	struct caller c;
	struct watcher w;

	engine_begin(&engine, &middling, &seed);
	caller_init(&c, &engine, 20, &seed);
	watcher_init(&w, 3);
	c.request.crew = &w.crew;
	caller_ask(&c);
	caller_check(&c);
	ck_assert_uint_eq(w.sent, 2);
	ck_assert_uint_eq(w.left, 0);
	caller_free(&c);
	engine_end(&engine);
	watcher_run(&w); /* as late as can be */
}
END_TEST

START_TEST(a_request_cancelled_before_is_not_begun)
{
	uint64_t seed = 6;
	struct caller c;
	struct watcher w;

	engine_begin(&engine, &middling, &seed);
	caller_init(&c, &engine, 20, &seed);
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
	engine_end(&engine);
	watcher_run(&w);
}
END_TEST

START_TEST(a_request_cancelled_in_its_pass_ends_it)
{
	uint64_t seed = 7;
	struct caller c;
	struct watcher w;

	engine_begin(&engine, &middling, &seed);
	caller_init(&c, &engine, 20, &seed);
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
	engine_end(&engine);
	watcher_run(&w);
}
END_TEST

/* A pass that is begun, and then rests until `go`: those who come meanwhile do a portion of it, as they
 * may, and stand in line. */
struct rest {
	struct caller before;
	struct watcher watcher;
	sem_t rests, go;
};

static struct rest rest;

static void rest_begin(uint64_t *seed)
{
	engine_begin(&engine, &large_shape, seed);
	shared_cut_fine(engine.shared);
	caller_init(&rest.before, &engine, ASK_MOST, seed);
	watcher_init(&rest.watcher, 1);
	sem_init(&rest.rests, 0, 0);
	sem_init(&rest.go, 0, 0);
	rest.watcher.ways = 1;
	rest.watcher.gone = &rest.rests;
	rest.watcher.hold = &rest.go;
	rest.before.request.crew = &rest.watcher.crew;
	caller_start(&rest.before);
	sem_wait(&rest.rests);
}

static void rest_end(void)
{
	ck_assert(!rest.before.ended);
	sem_post(&rest.go);
	caller_join(&rest.before);
	caller_check(&rest.before);
	caller_free(&rest.before);
}

/* Makes one that posts `stands` when it stands in line. */
static void make_standing(struct caller *c, struct watcher *w, sem_t *stands, uint64_t *seed)
{
	caller_init(c, &engine, ASK_MOST / 2, seed);
	watcher_init(w, 1);
	w->ways = 1;
	w->gone = stands;
	c->request.crew = &w->crew;
}

START_TEST(a_request_cancelled_in_line_leaves_it)
{
	uint64_t seed = 8;
	struct caller c;
	struct watcher w;
	sem_t stands;

	sem_init(&stands, 0, 0);
	rest_begin(&seed);
	make_standing(&c, &w, &stands, &seed);
	caller_start(&c);
	sem_wait(&stands);
	c.cancelled = true;
	caller_join(&c);
	caller_check_cancelled(&c);
	caller_free(&c);
	rest_end();
	engine_end(&engine);
}
END_TEST

/* They get the next pass together; whoever opens it cancels the other after a portion, and rests
 * until that is gone with all its memory. */
START_TEST(a_request_cancelled_in_company_leaves_while_the_pass_rests)
{
	uint64_t seed = 9;
	static struct caller two[2];
	struct watcher watchers[2];
	sem_t gone, go;

	sem_init(&gone, 0, 0);
	sem_init(&go, 0, 0);
	rest_begin(&seed);
	for (int i = 0; i < 2; i++) {
		make_standing(&two[i], &watchers[i], &gone, &seed);
		watchers[i].ways = 2; /* of `before` a portion, and of their own */
		watchers[i].when_way = &two[!i].cancelled;
		watchers[i].hold = &go;
		caller_start(&two[i]);
		sem_wait(&gone);
	}
	rest_end();
	sem_wait(&gone);
	int other = two[1].cancelled;
	ck_assert(two[other].cancelled && !two[!other].cancelled);
	caller_join(&two[other]);
	caller_check_cancelled(&two[other]);
	caller_free(&two[other]);
	ck_assert(!two[!other].ended);
	sem_post(&go);
	caller_join(&two[!other]);
	caller_check(&two[!other]);
	caller_free(&two[!other]);
	engine_end(&engine);
}
END_TEST

/* Each of them cancels another as soon as it begins. */
struct fickle {
	struct caller caller;
	atomic_bool *other; /* or NULL */
	struct job job;
};

static void fickle_run(struct job *job)
{
	struct fickle *f = (struct fickle *)((char *)job - offsetof(struct fickle, job));

	if (f->other)
		*f->other = true;
	caller_ask(&f->caller);
}

static void let_some_be_cancelled(size_t threads, struct fickle *f, size_t n)
{
	struct pool *pool = pool_start(&(struct pool_options){{1, threads}, {1, CALLERS}});
	struct crew crew = pool_crew(pool);

	for (size_t i = 0; i < n; i++) {
		f[i].caller.request.crew = &crew;
		f[i].caller.cancelled = false;
	}
	for (size_t i = 0; i < n; i++)
		ck_assert(pool_submit(pool, HEAVY, &f[i].job));
	pool_stop(pool);
	for (size_t i = 0; i < n; i++)
		if (f[i].caller.rc == OK)
			caller_check(&f[i].caller);
		else
			caller_check_cancelled(&f[i].caller);
}

START_TEST(who_is_cancelled_does_not_matter_to_others)
{
	enum { TIMES = 8 };
	static struct fickle f[CALLERS];
	uint64_t seed = 12 + (uint64_t)_i;

	engine_begin(&engine, &middling, &seed);
	size_t part = _i % 2 ? 2 : 0;
	shared_cut_parts(engine.shared, part);
	for (size_t i = 0; i < CALLERS; i++) {
		caller_init(&f[i].caller, &engine, 1 + i * 3, &seed);
		f[i].caller.request.bulk = i % 4 == 0;
		f[i].caller.part = i % 4 == 0 ? part : 0;
		f[i].other = i >= 3 && i % 3 == 0 ? &f[i - 2].caller.cancelled : NULL;
		f[i].job.run = fickle_run;
	}
	for (int time = 0; time < TIMES; time++) {
		let_some_be_cancelled(1 + (size_t)_i, f, CALLERS);
		for (size_t i = 0; i < CALLERS; i++)
			if (i % 3 != 1)
				ck_assert_int_eq(f[i].caller.rc, OK);
	}
	for (size_t i = 0; i < CALLERS; i++)
		caller_free(&f[i].caller);
	engine_end(&engine);
}
END_TEST

static void run_kept(void *arg, enum haste haste)
{
	(void)haste;
	watcher_run(arg);
}

/* Those sent first are not needed, since they are wanted elsewhere, and go. */
START_TEST(helpers_are_sent_for_again)
{
	struct shape shape = large_shape;
	uint64_t seed = 13;
	struct caller c;
	struct watcher w;

	shape.n = 60000;
	engine_begin(&engine, &shape, &seed);
	shared_cut_fine(engine.shared); /* many portions a lot */
	caller_init(&c, &engine, ASK_MOST, &seed);
	watcher_init(&w, 3);
	/* after each panel that it encodes; then itself and its helpers */
	w.ways = (ASK_MOST + PANEL - 1) / PANEL + 3;
	w.crew.back = run_kept;
	c.request.bulk = true; /* gives way after every portion */
	c.request.crew = &w.crew;
	caller_ask(&c);
	caller_check(&c);
	ck_assert_uint_eq(w.sent, 4);
	caller_free(&c);
	engine_end(&engine);
	watcher_run(&w);
}
END_TEST

/* It came while the bulk pass was going; its answer is there when the pass can still be broken off. */
START_TEST(a_small_request_is_served_while_a_bulk_pass_is_going)
{
	uint64_t seed = 10;
	struct caller bulk, small;
	struct watcher w;

	engine_begin(&engine, &large_shape, &seed);
	caller_init(&bulk, &engine, ASK_MOST, &seed);
	caller_init(&small, &engine, 1, &seed);
	bulk.request.bulk = true;
	watcher_init(&w, 1);
	small.request.crew = &w.crew;
	bulk.rc = OK;
	for (int i = 0; i < 20 && bulk.rc == OK; i++) {
		bulk.cancelled = false;
		w.left = 0;
		caller_start(&bulk);
		while (!bulk.ended && !w.left) {
			caller_ask(&small);
			caller_check(&small);
		}
		bulk.cancelled = w.left != 0;
		caller_join(&bulk);
		if (bulk.rc == OK)
			caller_check(&bulk);
	}
	caller_check_cancelled(&bulk);
	caller_free(&bulk);
	caller_free(&small);
	engine_end(&engine);
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
	engine_begin(&engine, &shape, &seed);
	caller_init(&c, &engine, 20, &seed);
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
	engine_end(&engine);
}
END_TEST

/* Nobody is told of what was made good: of the steps that may fail, the last but for those that finish are
 * a pass's by floats. */
START_TEST(without_memory_for_floats_all_are_answered)
{
	struct shape shape = middling;
	uint64_t seed = 93;
	struct caller c;
	size_t good = 0, last = 0 /* one after the other */;
	bool fired = true;

	shape.kind = KIND_ALIKE;
	shape.n = 8000;
	engine_begin(&engine, &shape, &seed);
	caller_init(&c, &engine, ASK_MOST, &seed);
	for (long n = 0; fired; n++) {
		fault_arm(n);
		caller_ask(&c);
		fired = fault_fired();
		fault_arm(-1);
		if (c.rc == OK) {
			caller_check(&c);
			good += fired;
			continue;
		}
		ck_refused(c.rc, &c.error, RESOURCE_EXHAUSTED, "OUT_OF_MEMORY");
		last = good ? good : last;
		good = 0;
	}
	/* copies, three things of a pass and itself, two of each query's survivors, six of floats */
	ck_assert_uint_eq(last, 1 + 4 + 2 * given_up(&c) + 6);
	caller_free(&c);
	engine_end(&engine);
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
	tcase_add_loop_test(t, who_shares_a_pass_that_is_given_up_does_not_matter, 2, 4);
	tcase_add_test(t, nobody_waits_for_company);
	tcase_add_test(t, a_request_cancelled_before_is_not_begun);
	tcase_add_test(t, a_request_cancelled_in_its_pass_ends_it);
	tcase_add_test(t, a_request_cancelled_in_line_leaves_it);
	tcase_add_test(t, a_request_cancelled_in_company_leaves_while_the_pass_rests);
	tcase_add_loop_test(t, who_is_cancelled_does_not_matter_to_others, 0, 3);
	tcase_add_test(t, helpers_are_sent_for_again);
	suite_add_tcase(s, t);
	t = tcase_create("small");
	tcase_add_test(t, a_small_request_is_served_while_a_bulk_pass_is_going);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, no_memory_is_an_error_and_the_next_request_is_served);
	tcase_add_test(t, without_memory_for_floats_all_are_answered);
	tcase_add_test(t, no_memory_for_the_engine_leaves_nothing);
#endif
	suite_add_tcase(s, t);
	return s;
}
