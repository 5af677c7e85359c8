/*
 * Which request goes before which other, portion by portion. Portions are of one step each, so that
 * there are many, and threads are held where they give their places up.
 */
#include "tests/runner.h"
#include "tests/storage/exact/caller.h"

/* One that is small, and another that it goes before, on a single place. */
struct scene {
	struct engine engine;
	struct caller small, large;
	struct crew small_crew, large_crew;
	size_t portions;	/* of the large one, which leaves after each but the last */
	size_t backs, back_now; /* of the small one; those after which it let the large one go on */
	bool large_was_first;
	sem_t left, go;
};

static struct scene scene;

static void keep(void *arg, struct job *job)
{
	(void)arg;
	(void)job;
}

static void go(void *arg)
{
	(void)arg;
}

static void large_leaves(void *arg)
{
	(void)arg;
	scene.portions++;
	sem_post(&scene.left);
}

static void large_is_back(void *arg, enum haste haste)
{
	(void)arg;
	(void)haste;
	if (scene.portions == 1)
		sem_wait(&scene.go);
}

static bool wanted_always(void *arg)
{
	(void)arg;
	return true;
}

static size_t nobody_is_awaited(void *arg)
{
	(void)arg;
	return 0;
}

static void scene_begin(size_t large, bool bulk, uint64_t *seed)
{
	struct shape shape = large_shape;

	/* The small one has many more portions than are looked at: of some, threads that come back early
	 * relieve it. */
	shape.n = 24000;
	engine_begin(&scene.engine, &shape, seed);
	shared_cut_fine(scene.engine.shared);
	caller_init(&scene.small, &scene.engine, 20, seed);
	caller_init(&scene.large, &scene.engine, large, seed);
	scene.large_crew = (struct crew){
		1, keep, large_leaves, large_is_back, wanted_always, nobody_is_awaited, NULL};
	scene.large.request.crew = &scene.large_crew;
	scene.large.request.bulk = bulk;
	scene.portions = scene.backs = scene.back_now = 0;
	scene.large_was_first = false;
	sem_init(&scene.left, 0, 0);
	sem_init(&scene.go, 0, 0);
}

static void scene_end(void)
{
	caller_check(&scene.large);
	caller_check(&scene.small);
	caller_free(&scene.large);
	caller_free(&scene.small);
	engine_end(&scene.engine);
}

/* How many portions the large one has but for the last. */
static size_t portions_alone(void)
{
	sem_post(&scene.go);
	caller_ask(&scene.large);
	size_t n = scene.portions;
	while (sem_trywait(&scene.left) == 0)
		;
	scene.portions = 0;
	return n;
}

/* The small one has a turn of three portions, three times; then the large one is due, and has one. Its
 * last is the end of it. */
static void small_is_back(void *arg, enum haste haste)
{
	size_t last = *(size_t *)arg;

	(void)haste;
	if (++scene.backs % 3 || scene.large_was_first)
		return;
	if (++scene.back_now == 1)
		sem_post(&scene.go);
	if (scene.back_now < last) {
		sem_wait(&scene.left);
		return;
	}
	caller_join(&scene.large);
	scene.large_was_first = true;
}

/* A small request has most of the portions, but not all, while one behind it waits. */
START_TEST(who_stood_back_for_long_has_a_portion)
{
	uint64_t seed = 41;

	scene_begin(1, true, &seed);
	size_t last = portions_alone();
	ck_assert_uint_ge(last, 3);
	scene.small_crew =
		(struct crew){1, keep, go, small_is_back, wanted_always, nobody_is_awaited, &last};
	scene.small.request.crew = &scene.small_crew;
	caller_start(&scene.large);
	sem_wait(&scene.left);
	caller_ask(&scene.small);
	ck_assert(scene.large_was_first);
	ck_assert_uint_eq(scene.back_now, last);
	scene_end();
}
END_TEST

/* The large one is asked for its place after its first portion, and holds still until the small one is
 * answered, which does by itself all that it needs. */
START_TEST(a_small_request_goes_before_one_that_is_middling_or_bulk)
{
	uint64_t seed = 42;

	scene_begin(ASK_MOST, _i == 1, &seed);
	caller_start(&scene.large);
	sem_wait(&scene.left);
	caller_ask(&scene.small);
	ck_assert_uint_eq(scene.large.ask.queries[0].found, SIZE_MAX); /* not yet */
	ck_assert_uint_eq(scene.portions, 1);
	sem_post(&scene.go);
	caller_join(&scene.large);
	scene_end();
}
END_TEST

/* Another one behind the small one, that stands by for the large one's pass. */
struct stander {
	struct caller caller;
	struct crew crew;
	sem_t left, is_back;
	enum haste haste; /* of its first return */
	size_t lefts, backs;
};

static struct stander stander;

static void large_waits_its_turn(void *arg, enum haste haste)
{
	(void)arg;
	if (scene.portions > 1)
		return;
	ck_assert_int_eq(haste, IN_TURN);
	sem_post(&scene.left);
	sem_wait(&scene.go);
}

static void count_leave(void *arg)
{
	(void)arg;
	scene.portions++;
}

static void stander_leaves(void *arg)
{
	(void)arg;
	if (stander.lefts++ == 0)
		sem_post(&stander.left);
}

static void stander_is_back(void *arg, enum haste haste)
{
	(void)arg;
	if (stander.backs++)
		return;
	stander.haste = haste;
	sem_post(&stander.is_back);
}

static void stander_start(uint64_t *seed)
{
	stander.crew = (struct crew){
		1, keep, stander_leaves, stander_is_back, wanted_always, nobody_is_awaited, NULL};
	stander.lefts = stander.backs = 0;
	sem_init(&stander.left, 0, 0);
	sem_init(&stander.is_back, 0, 0);
	caller_init(&stander.caller, &scene.engine, 1, seed);
	stander.caller.request.bulk = true;
	stander.caller.request.crew = &stander.crew;
	caller_start(&stander.caller);
	sem_wait(&stander.left);
}

/* The large one waits for its place in its turn, where many may go first. When it has stood back for
 * long, another comes for it, in haste. */
START_TEST(somebody_comes_in_haste_for_who_stood_back_for_long)
{
	uint64_t seed = 43;

	scene_begin(1, true, &seed);
	scene.large_crew.leave = count_leave;
	scene.large_crew.back = large_waits_its_turn;
	caller_start(&scene.large);
	sem_wait(&scene.left);
	stander_start(&seed);
	caller_ask(&scene.small);
	sem_wait(&stander.is_back);
	ck_assert_int_eq(stander.haste, FIRST);
	sem_post(&scene.go);
	caller_join(&scene.large);
	caller_join(&stander.caller);
	caller_check(&stander.caller);
	caller_free(&stander.caller);
	scene_end();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("precedence");
	TCase *t = tcase_create("precedence");

	tcase_add_test(t, who_stood_back_for_long_has_a_portion);
	tcase_add_loop_test(t, a_small_request_goes_before_one_that_is_middling_or_bulk, 0, 2);
	tcase_add_test(t, somebody_comes_in_haste_for_who_stood_back_for_long);
	suite_add_tcase(s, t);
	return s;
}
