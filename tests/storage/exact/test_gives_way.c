/*
 * Small requests while a large one is at work, on a pool of real threads. What is proved is the order of
 * things: the small one is answered while the large one has no answer yet.
 */
#include "tests/runner.h"
#include "tests/storage/exact/caller.h"
#include "workers/pool.h"

/* A request of one query that a thread of the pool runs. */
struct small {
	struct job job;
	struct caller caller;
	bool was_first; /* the large one had no answer when this had */
	sem_t answered;
};

struct large {
	struct job job;
	struct caller caller;
	sem_t answered;
};

/* The pool's crew as a large request sees it: when its thread asks whether somebody wants the place,
 * somebody does. */
struct scene {
	struct engine engine;
	struct pool *pool;
	struct crew real, crew;
	struct large large;
	struct small small;
	size_t asked; /* under the engine's lock */
	pthread_t owner;
	struct job *helper;
	bool helper_came; /* as the owner knows */
	sem_t began, go;
};

static struct scene scene;

static void run_small(struct job *job)
{
	struct small *s = (struct small *)job;

	caller_ask(&s->caller);
	s->was_first = scene.large.caller.ask.queries[0].found == SIZE_MAX;
	sem_post(&s->answered);
}

static void run_large(struct job *job)
{
	struct large *l = (struct large *)job;

	caller_ask(&l->caller);
	sem_post(&l->answered);
}

static void lend(void *arg, struct job *job)
{
	(void)arg;
	scene.real.send(scene.real.arg, job);
}

static void leave(void *arg)
{
	(void)arg;
	scene.real.leave(scene.real.arg);
}

static void back(void *arg, enum haste haste)
{
	(void)arg;
	scene.real.back(scene.real.arg, haste);
}

static size_t awaited(void *arg)
{
	(void)arg;
	return scene.real.awaited(scene.real.arg);
}

static void scene_begin(size_t threads, bool (*wanted)(void *arg))
{
	uint64_t seed = 21;

	engine_begin(&scene.engine, &large_shape, &seed);
	scene.pool = pool_start(&(struct pool_options){{1, threads}, {1, 4}});
	scene.real = pool_crew(scene.pool);
	scene.crew = (struct crew){threads, lend, leave, back, wanted, awaited, NULL};
	scene.asked = 0;
	caller_init(&scene.large.caller, &scene.engine, ASK_MOST, &seed);
	caller_init(&scene.small.caller, &scene.engine, 1, &seed);
	scene.large.caller.request.bulk = true;
	scene.large.caller.request.crew = &scene.crew;
	scene.small.caller.request.crew = &scene.real;
	scene.small.job.run = run_small;
	scene.large.job.run = run_large;
	sem_init(&scene.large.answered, 0, 0);
	sem_init(&scene.small.answered, 0, 0);
	sem_init(&scene.began, 0, 0);
	sem_init(&scene.go, 0, 0);
}

static void scene_free(void)
{
	caller_free(&scene.large.caller);
	caller_free(&scene.small.caller);
	engine_end(&scene.engine);
}

static void scene_end(void)
{
	caller_check(&scene.large.caller);
	caller_check(&scene.small.caller);
	ck_assert(scene.small.was_first);
	scene_free();
}

static bool submit_small_first(void *arg)
{
	(void)arg;
	if (scene.asked++ == 0)
		ck_assert(pool_submit(scene.pool, HEAVY, &scene.small.job));
	return scene.real.wanted(scene.real.arg);
}

START_TEST(a_lone_worker_lets_a_small_request_go_first)
{
	scene_begin(1, submit_small_first);
	ck_assert(pool_submit(scene.pool, HEAVY, &scene.large.job));
	sem_wait(&scene.small.answered); /* a pool that stops has no threads to spare */
	pool_stop(scene.pool);
	scene_end();
}
END_TEST

/* A job that holds a place. */
static void hold_place(struct job *job)
{
	(void)job;
	sem_post(&scene.began);
	sem_wait(&scene.go);
}

/* The large request's own thread rests once it has sent for a helper. Only then its helper comes, and the small
 * request after the helper's first portion. */
static bool submit_small_to_helper(void *arg)
{
	(void)arg;
	if (pthread_equal(pthread_self(), scene.owner))
		return scene.helper && !scene.small.was_first;
	if (scene.asked++ == 1)
		ck_assert(pool_submit(scene.pool, HEAVY, &scene.small.job));
	return scene.real.wanted(scene.real.arg);
}

static void keep_helper(void *arg, struct job *job)
{
	(void)arg;
	if (!scene.helper)
		scene.helper = job;
	else
		scene.real.send(scene.real.arg, job);
}

static void rest_until_answered(void *arg, enum haste haste)
{
	(void)arg;
	(void)haste;
	if (!scene.helper_came)
		scene.real.send(scene.real.arg, scene.helper);
	scene.helper_came = true;
	sem_wait(&scene.small.answered);
	sem_post(&scene.small.answered);
}

START_TEST(a_helper_lets_a_small_request_go_first)
{
	struct job holding = {.run = hold_place};

	scene_begin(2, submit_small_to_helper);
	scene.crew.send = keep_helper;
	scene.crew.back = rest_until_answered;
	scene.owner = pthread_self();
	ck_assert(pool_submit(scene.pool, HEAVY, &holding));
	sem_wait(&scene.began);
	caller_ask(&scene.large.caller);
	sem_post(&scene.go);
	pool_stop(scene.pool);
	scene_end();
}
END_TEST

/* Many large ones, on threads that keep one another from their places: all come to their end. */
START_TEST(large_requests_give_way_to_one_another_and_all_are_answered)
{
	enum { N = 4 };
	static struct large many[N];
	uint64_t seed = 22;

	scene_begin((size_t)_i + 1, NULL);
	for (int i = 0; i < N; i++) {
		caller_init(&many[i].caller, &scene.engine, 5 + (size_t)i, &seed);
		many[i].caller.request.bulk = i % 3 != 0;
		many[i].caller.request.crew = &scene.real;
		many[i].job.run = run_large;
		sem_init(&many[i].answered, 0, 0);
		pool_resume(scene.pool, HEAVY, &many[i].job);
	}
	for (int i = 0; i < N; i++)
		sem_wait(&many[i].answered);
	pool_stop(scene.pool);
	for (int i = 0; i < N; i++) {
		caller_check(&many[i].caller);
		caller_free(&many[i].caller);
	}
	scene_free();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("gives_way");
	TCase *t = tcase_create("gives_way");

	tcase_add_test(t, a_lone_worker_lets_a_small_request_go_first);
	tcase_add_test(t, a_helper_lets_a_small_request_go_first);
	tcase_add_loop_test(t, large_requests_give_way_to_one_another_and_all_are_answered, 0, 3);
	suite_add_tcase(s, t);
	return s;
}
