/*
 * Queries that gave the pass over bytes up: what floats say of rows against what is true, and the
 * answers. Nobody has to have too many survivors here: the test gives up for them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/floats.h"
#include "storage/exact/products.h"
#include "tests/runner.h"
#include "tests/storage/exact/ask.h"
#include "tests/storage/vectors/sample.h"

enum { QUERIES = 2 * PANEL + 3 /* three panels, the last one short */ };

static const Pb__Similarity similarities[] = {PB__SIMILARITY__SIMILARITY_COSINE,
	PB__SIMILARITY__SIMILARITY_DOT, PB__SIMILARITY__SIMILARITY_L2};
static const Pb__Dtype dtypes[] = {PB__DTYPE__DTYPE_F32, PB__DTYPE__DTYPE_F16};

static struct world world;
static struct ask ask;
static struct pass *pass;
static struct error e;

static void begin_pass(void)
{
	ck_ok(pass_begin(&world.exact, world.order, ask.queries, ask.n, &pass, &e), &e);
	ck_ok(pass_encode(pass, SIZE_MAX, &e), &e);
}

static void begin_world(const struct shape *shape, uint64_t *seed)
{
	world_make(&world, shape, seed);
	ask_init(&ask, &world, seed);
}

static void end(void)
{
	pass_end(pass);
	ask_free(&ask);
	world_free(&world);
}

/* Runs `body` in worlds of every kind, similarity and type, with each instruction set. */
static void in_worlds_of(
	enum kind kind, uint32_t n, uint32_t dimension, void (*body)(uint64_t *seed))
{
	uint64_t seed = (uint64_t)kind << 48 | (uint64_t)n << 16 | dimension;

	for (int i = 0; i < 6; i++) {
		struct shape s = {.similarity = similarities[i % 3],
			.dtype = dtypes[i / 3],
			.kind = kind,
			.n = n,
			.dimension = dimension,
			.holes = (uint32_t)(sample_next(&seed) % 5)};
		begin_world(&s, &seed);
		for (int isa = ISA_PORTABLE; isa <= ISA_AMX; isa++) {
			isa_force((enum isa)isa);
			ask_questions(&ask, 1 + sample_next(&seed) % ASK_MOST, &seed);
			body(&seed);
		}
		ask_free(&ask);
		world_free(&world);
	}
}

static long double length_of(const float *x, uint32_t d)
{
	long double sum = 0;

	for (uint32_t i = 0; i < d; i++)
		sum += (long double)x[i] * x[i];
	return sqrtl(sum);
}

/* What query.h calls sigma, by its definition. */
static long double sigma_true(const float *q, const float *x, uint32_t d)
{
	long double dot = 0, own = length_of(q, d), length = length_of(x, d);

	for (uint32_t i = 0; i < d; i++)
		dot += (long double)q[i] * x[i];
	switch (world.shape.similarity) {
	case PB__SIMILARITY__SIMILARITY_COSINE:
		return dot / own / length;
	case PB__SIMILARITY__SIMILARITY_L2:
		return dot - length * length / 2;
	default:
		return own > 0 ? dot / own : 0;
	}
}

/* What lower and upper may be apart: twice what rounding allows, and what making both of it rounds. */
static long double apart_at_most(const float *q, const float *x, uint32_t d, long double sigma)
{
	long double u = 0x1p-24L, m = (d < 64 ? d + 1 : 64 + (d + 63) / 64) + 14, size = 1;
	long double length = length_of(x, d) + 0x1p-119L /* of codes */, half = 0;

	if (world.shape.similarity == PB__SIMILARITY__SIMILARITY_DOT)
		size = length;
	if (world.shape.similarity == PB__SIMILARITY__SIMILARITY_L2) {
		size = length_of(q, d) * (length * 1.01L + 0x1p-59L);
		half = length * length / 2;
	}
	return 2.2L * m * u * size + 40 * u * half + 10 * u * fabsl(sigma) + 0x1p-30L * size +
	       (d + 16) * 0x1p-128L * (1 + length_of(q, d));
}

static void check_survivor(const float *q, const struct survivor *s)
{
	uint32_t d = world.shape.dimension;
	const float *x = world.value + (size_t)s->row * d;
	long double sigma = sigma_true(q, x, d);
	/* What blur is for. */
	long double least = world.shape.similarity == PB__SIMILARITY__SIMILARITY_L2 ? 0x1p-140L : 0;

	if (!(s->lower <= sigma + least && sigma <= s->upper + least))
		ck_abort_msg("%s: %La is not in %a .. %a", world_name(&world), sigma, s->lower,
			s->upper);
	if (!((long double)s->upper - s->lower <= apart_at_most(q, x, d, sigma)))
		ck_abort_msg("%s: %a .. %a is too far apart for %La: %Lg of %Lg",
			world_name(&world), s->lower, s->upper, sigma,
			(long double)s->upper - s->lower, apart_at_most(q, x, d, sigma));
}

/* Lengths in the codes are a little more than what they stand for. Here they are not, so that a bound made
 * with them has no more room than it claims. */
static void put_lengths(void)
{
	uint32_t d = world.shape.dimension;

	if (world.shape.similarity != PB__SIMILARITY__SIMILARITY_DOT)
		return;
	for (uint32_t row = 0; row < world.shape.n; row++) {
		long double length = length_of(world.value + (size_t)row * d, d);
		float weight = (float)length;
		codes_floats(world.exact.codes, row)[2 * CODE_BLOCK] =
			weight < length ? nextafterf(weight, INFINITY) : weight;
	}
}

/* Who asks for all rows keeps them. */
static void check_bounds(uint64_t *seed)
{
	uint32_t live = 0;

	(void)seed;
	put_lengths();
	for (size_t i = 0; i < ask.n; i++)
		ask.queries[i] = (struct exact_query){.vector = ask.queries[i].vector,
			.k = world.shape.n + 1,
			.floor = -INFINITY,
			.out = ask.queries[i].out};
	for (uint32_t row = 0; row < world.shape.n; row++)
		live += world.numbers[row] != DEAD_ROW;
	ck_ok(pass_begin(&world.exact, world.order, ask.queries, ask.n, &pass, &e), &e);
	ck_assert(floats_begin(pass));
	ck_ok(pass_encode(pass, SIZE_MAX, &e), &e);
	ck_ok(pass_scan(pass, 0, pass_chunks(pass), NULL, &e), &e);
	for (size_t i = 0; i < ask.n; i++) {
		struct survivors *s = &pass->survivors[i];
		if (pass_too_far(pass, i))
			continue;
		ck_assert_uint_eq(s->n, live);
		for (size_t j = 0; j < s->n; j++)
			check_survivor(ask.queries[i].vector, &s->at[j]);
	}
	pass_end(pass);
}

START_TEST(what_floats_say_is_true_and_says_much)
{
	static const struct {
		uint32_t n, dimension;
	} sizes[] = {{0, 3}, {1, 1}, {9, 2}, {33, 7}, {40, 16}, {61, 63}, {30, 64}, {30, 65},
		{20, 129}, {20, 384}, {12, 1023}};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		in_worlds_of((enum kind)_i, sizes[i].n, sizes[i].dimension, check_bounds);
}
END_TEST

/* As if none had ended the pass, or but the first. */
static void give_up(size_t from)
{
	for (size_t i = from; i < ask.n; i++)
		survivors_give_up(&pass->survivors[i]);
}

static size_t too_far(void)
{
	size_t n = 0;

	for (size_t i = 0; i < ask.n; i++)
		n += pass_too_far(pass, i);
	return n;
}

static void scan_and_finish(size_t from)
{
	begin_pass();
	ck_ok(pass_scan(pass, 0, pass_chunks(pass), NULL, &e), &e);
	give_up(from);
	ck_ok(pass_finish(pass, 0, ask.n, NULL, &e), &e);
}

static void do_rest(size_t scores)
{
	while (pass_has_rest(pass)) {
		ck_assert_uint_gt(pass_rest_left(pass), 0);
		ck_ok(pass_rest(pass, scores, NULL, &e), &e);
	}
	ck_assert_uint_eq(pass_rest_left(pass), 0);
}

static void check_answers(uint64_t *seed)
{
	scan_and_finish(sample_next(seed) % 2);
	ck_assert_uint_le(pass->by_floats.n + pass->wide.n + pass->again.n, ask.n);
	ck_assert_uint_eq(pass->wide.n, too_far());
	do_rest(1 + sample_next(seed) % 20000);
	ask_check(&ask);
	pass_end(pass);
}

START_TEST(answers_by_floats_are_true)
{
	static const struct {
		uint32_t n, dimension;
	} sizes[] = {{0, 3}, {1, 1}, {2, 5}, {8, 2}, {15, 4}, {100, 1}, {513, 3}, {300, 31},
		{1100, 9}, {130, 64}, {200, 129}, {30, 1023}, {203, 2049}};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		in_worlds_of((enum kind)_i, sizes[i].n, sizes[i].dimension, check_answers);
}
END_TEST

static const enum kind crowded[] = {
	KIND_FEW, KIND_WHOLE, KIND_ULPS, KIND_CLUSTERS, KIND_LEVEL, KIND_SHORT};

START_TEST(answers_about_many_rows_are_true)
{
	in_worlds_of(crowded[_i], 20011, 17, check_answers);
}
END_TEST

/* Bytes cannot tell them apart, floats can. */
static const struct shape alike = {.similarity = PB__SIMILARITY__SIMILARITY_DOT,
	.dtype = PB__DTYPE__DTYPE_F32,
	.kind = KIND_ALIKE,
	.n = 30000,
	.dimension = 24,
	.holes = 9};

/* Queries that want the ten best. */
static void ask_for_ten(size_t n, uint64_t *seed)
{
	ask_questions(&ask, n, seed);
	for (size_t i = 0; i < n; i++) {
		ask.questions[i].vector = i % ASK_VECTORS;
		for (uint32_t j = 0; j < alike.dimension; j++)
			ask.vectors[i % ASK_VECTORS * alike.dimension + j] =
				sample_value(seed, 20) + (j == 0);
	}
	for (size_t i = 0; i < ASK_VECTORS; i++)
		world_scores(&world, ask.vectors + i * alike.dimension, ask.scores + i * alike.n);
	for (size_t i = 0; i < n; i++)
		ask.queries[i] = (struct exact_query){
			.vector = ask.vectors + i % ASK_VECTORS * alike.dimension,
			.k = 10,
			.floor = -INFINITY,
			.out = ask.queries[i].out};
	ask_again(&ask);
}

static void begin_of(enum kind kind, enum isa isa, size_t n, size_t from)
{
	struct shape shape = alike;
	uint64_t seed = 12;

	shape.kind = kind;
	isa_force(isa);
	begin_world(&shape, &seed);
	ask_for_ten(n, &seed);
	scan_and_finish(from);
}

static void begin_alike(enum isa isa, size_t n)
{
	begin_of(KIND_ALIKE, isa, n, n);
}

/* They leave before any has more survivors than it may. */
START_TEST(many_that_have_many_survivors_leave_for_floats)
{
	begin_alike((enum isa)_i, QUERIES);
	ck_assert_uint_eq(pass->by_floats.n, QUERIES);
	do_rest(SCORES_AT_ONCE);
	ask_check(&ask);
	ck_assert_uint_eq(pass->by_floats.pass->wide.n, 0);
	for (size_t i = 0; i < QUERIES; i++)
		ck_assert_uint_lt(pass->by_floats.pass->survivors[i].n, alike.n / 16);
	end();
}
END_TEST

/* The same questions over and over. */
START_TEST(more_queries_than_go_at_once_are_answered)
{
	enum { MANY = (2 * PRODUCTS_PANELS + 1) * PANEL + 5 };
	struct exact_query many[MANY];

	begin_alike((enum isa)_i, QUERIES);
	pass_end(pass);
	for (size_t i = 0; i < MANY; i++) {
		many[i] = ask.queries[i % QUERIES];
		many[i].out = malloc(many[i].k * sizeof *many[i].out);
		many[i].found = SIZE_MAX;
	}
	ck_ok(pass_begin(&world.exact, world.order, many, MANY, &pass, &e), &e);
	ck_ok(pass_encode(pass, SIZE_MAX, &e), &e);
	ck_ok(pass_scan(pass, 0, pass_chunks(pass), NULL, &e), &e);
	ck_ok(pass_finish(pass, 0, MANY, NULL, &e), &e);
	ck_assert_uint_eq(pass->by_floats.n, MANY);
	do_rest(SCORES_AT_ONCE);
	for (size_t i = 0; i < MANY; i++) {
		world_check(
			&world, &many[i], ask.scores + ask.questions[i % QUERIES].vector * alike.n);
		free(many[i].out);
	}
	end();
}
END_TEST

START_TEST(few_that_have_many_survivors_stay)
{
	begin_alike(ISA_AMX, FLOATS_COMPANY - 1);
	ck_assert(!pass_has_rest(pass));
	for (size_t i = 0; i < ask.n; i++)
		ck_assert_uint_gt(pass->survivors[i].n, alike.n / 8);
	ask_check(&ask);
	end();
}
END_TEST

START_TEST(who_gives_up_early_leaves_its_panel_to_the_others)
{
	uint64_t seed = 15;

	isa_force(ISA_AMX);
	begin_world(&alike, &seed);
	ask_for_ten(FLOATS_COMPANY - 1, &seed);
	begin_pass();
	survivors_give_up(&pass->survivors[0]);
	ck_ok(pass_scan(pass, 0, pass_chunks(pass), NULL, &e), &e);
	ck_ok(pass_finish(pass, 0, ask.n, NULL, &e), &e);
	ck_assert_uint_eq(pass->by_floats.n, 1);
	do_rest(SCORES_AT_ONCE);
	ask_check(&ask);
	end();
}
END_TEST

/* No float tells them apart. */
START_TEST(where_all_rows_are_equal_every_one_is_scored)
{
	begin_of(KIND_EQUAL, (enum isa)_i, QUERIES, 0);
	do_rest(SCORES_AT_ONCE);
	ck_assert_uint_eq(pass->by_floats.pass->wide.n, QUERIES);
	ask_check(&ask);
	end();
}
END_TEST

static void drop(size_t query)
{
	pass_drop(pass, query);
	ask_forget(&ask, query);
}

START_TEST(who_is_gone_leaves_the_others_true)
{
	size_t steps = 0;
	bool more = true;

	for (size_t until = 0; more; until = until * 2 + 1) {
		begin_alike(ISA_AMX, QUERIES);
		drop(0);
		for (steps = 0; steps < until && pass_has_rest(pass); steps++)
			ck_ok(pass_rest(pass, 20000, NULL, &e), &e);
		more = pass_has_rest(pass);
		drop(QUERIES - 1);
		while (pass_has_rest(pass))
			ck_ok(pass_rest(pass, 20000, NULL, &e), &e);
		for (size_t i = 1; i < QUERIES - 1; i++)
			world_check(&world, &ask.queries[i],
				ask.scores + ask.questions[i].vector * alike.n);
		end();
	}
	ck_assert_uint_gt(steps, 7);
}
END_TEST

START_TEST(when_all_are_gone_nothing_is_left_to_do)
{
	begin_alike(ISA_AMX, QUERIES);
	ck_ok(pass_rest(pass, 1, NULL, &e), &e);
	for (size_t i = 0; i < QUERIES; i++)
		drop(i);
	ck_assert(!pass_has_rest(pass));
	ck_assert_uint_eq(pass_rest_left(pass), 0);
	end();
}
END_TEST

START_TEST(a_rest_that_was_cancelled_may_be_done_yet)
{
	atomic_bool cancelled = false;

	begin_alike(ISA_AMX, QUERIES);
	for (size_t i = 0; pass_has_rest(pass); i++) {
		cancelled = true;
		ck_refused(pass_rest(pass, 1, &cancelled, &e), &e, CANCELLED, "CANCELLED");
		cancelled = false;
		ck_ok(pass_rest(pass, 20000, &cancelled, &e), &e);
	}
	ask_check(&ask);
	end();
}
END_TEST

/* There are none here. */
START_TEST(when_all_gave_up_rows_are_not_looked_at)
{
	begin_alike(ISA_AMX, QUERIES);
	ck_ok(pass_rest(pass, 1, NULL, &e), &e);
	struct pass *p = pass->by_floats.pass;
	struct exact x = {.codes = p->x->codes};
	p->x = &x;
	for (size_t i = 0; i < p->n; i++)
		survivors_give_up(&p->survivors[i]);
	ck_ok(pass_scan(p, 0, pass_chunks(p), NULL, &e), &e);
	end();
}
END_TEST

/* Counted in time, they are fewer than what a panel takes and their rows do. */
START_TEST(those_who_are_sooner_scored_leave_for_that)
{
	size_t least = _i == ISA_PORTABLE ? 9 : 2;

	for (size_t n = least - 1; n <= least; n++) {
		begin_of(KIND_ALIKE, (enum isa)_i, n, 0);
		ck_assert_uint_eq(pass->by_floats.n, n);
		ck_ok(pass_rest(pass, 1, NULL, &e), &e);
		ck_assert_uint_eq(pass->wide.n, n < least ? n : 0);
		do_rest(SCORES_AT_ONCE);
		ask_check(&ask);
		end();
	}
}
END_TEST

/* Few queries take a panel for themselves, which takes as long as a full one. */
START_TEST(a_step_for_few_queries_is_none_the_longer)
{
	enum { FEW = 12, SCORES = 1 << 13 };
	uint32_t before = 0;

	begin_of(KIND_ALIKE, (enum isa)_i, FEW, 0);
	const struct again *a = &pass->by_floats;
	while (pass_has_rest(pass)) {
		ck_ok(pass_rest(pass, SCORES, NULL, &e), &e);
		double rows = (double)(a->scanned - before) * CHUNK_ROWS;
		double a_row = 1 + (double)PANEL / floats_a_score();
		ck_assert_double_le(rows * a_row, SCORES + CHUNK_ROWS * a_row);
		before = a->scanned;
	}
	ck_assert_uint_eq(before, (alike.n + CHUNK_ROWS - 1) / CHUNK_ROWS);
	ask_check(&ask);
	end();
}
END_TEST

#ifdef HARDMINER_FAULTS
static void cancel(void *cancelled)
{
	*(atomic_bool *)cancelled = true;
}

/* At the first step that takes memory, when rows have been compared. */
START_TEST(a_step_that_was_cancelled_midway_goes_on_from_there)
{
	atomic_bool cancelled = false;

	begin_of(KIND_EQUAL, ISA_AMX, QUERIES, 0);
	const struct again *a = &pass->by_floats;
	while (!a->pass || !pass_is_encoded(a->pass))
		ck_ok(pass_rest(pass, 1, &cancelled, &e), &e);
	fault_watch(cancel, &cancelled);
	ck_refused(pass_rest(pass, SIZE_MAX, &cancelled, &e), &e, CANCELLED, "CANCELLED");
	fault_watch(NULL, NULL);
	ck_assert_uint_gt(a->scanned, 0);
	ck_assert_uint_lt(a->scanned, pass_chunks(a->pass));
	do_rest(SCORES_AT_ONCE);
	ask_check(&ask);
	end();
}
END_TEST

/* Then every row is scored, or it was no memory for that either; but nobody's answer is another. */
START_TEST(without_memory_for_floats_every_row_is_scored)
{
	size_t scored = 0;
	bool fired = true;

	for (long n = 0; fired; n++) {
		begin_of(KIND_ALIKE, ISA_AMX, 3, 0);
		e.code = OK;
		fault_arm(n);
		ck_ok(pass_rest(pass, 1, NULL, &e), &e);
		fired = fault_fired();
		fault_arm(-1);
		ck_assert_int_eq(e.code, OK);
		ck_assert_uint_eq(pass->wide.n, fired ? 3 : 0);
		scored += fired;
		do_rest(SCORES_AT_ONCE);
		ask_check(&ask);
		end();
	}
	/* copies, three things of a pass and itself, two of each query's survivors, six of floats */
	ck_assert_uint_eq(scored, 1 + 4 + 2 * 3 + 6);
}
END_TEST

START_TEST(a_rest_without_memory_may_be_done_yet)
{
	size_t failed = 0;

	begin_alike(ISA_AMX, QUERIES);
	ck_ok(pass_rest(pass, 1, NULL, &e), &e);
	for (long n = 0; pass_has_rest(pass); n++) {
		fault_arm(n);
		enum code rc = pass_rest(pass, 1000, NULL, &e);
		bool fired = fault_fired();
		fault_arm(-1);
		if (rc)
			ck_refused(rc, &e, RESOURCE_EXHAUSTED, "OUT_OF_MEMORY");
		failed += rc != OK;
		if (!fired)
			n = -1;
	}
	ck_assert_uint_gt(failed, 1);
	ask_check(&ask);
	end();
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("floats");
	TCase *t = tcase_create("floats");

	world_tell_sets();
	tcase_add_loop_test(t, what_floats_say_is_true_and_says_much, 0, KIND_COUNT);
	tcase_add_loop_test(t, answers_by_floats_are_true, 0, KIND_COUNT);
	tcase_add_loop_test(
		t, answers_about_many_rows_are_true, 0, sizeof crowded / sizeof *crowded);
	tcase_add_loop_test(
		t, many_that_have_many_survivors_leave_for_floats, ISA_PORTABLE, ISA_AMX + 1);
	tcase_add_loop_test(
		t, more_queries_than_go_at_once_are_answered, ISA_PORTABLE, ISA_AMX + 1);
	tcase_add_test(t, few_that_have_many_survivors_stay);
	tcase_add_test(t, who_gives_up_early_leaves_its_panel_to_the_others);
	tcase_add_loop_test(
		t, where_all_rows_are_equal_every_one_is_scored, ISA_PORTABLE, ISA_AMX + 1);
	tcase_add_test(t, who_is_gone_leaves_the_others_true);
	tcase_add_test(t, when_all_are_gone_nothing_is_left_to_do);
	tcase_add_test(t, a_rest_that_was_cancelled_may_be_done_yet);
	tcase_add_test(t, when_all_gave_up_rows_are_not_looked_at);
	tcase_add_loop_test(
		t, those_who_are_sooner_scored_leave_for_that, ISA_PORTABLE, ISA_AMX + 1);
	tcase_add_loop_test(
		t, a_step_for_few_queries_is_none_the_longer, ISA_PORTABLE, ISA_AMX + 1);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, a_step_that_was_cancelled_midway_goes_on_from_there);
	tcase_add_test(t, without_memory_for_floats_every_row_is_scored);
	tcase_add_test(t, a_rest_without_memory_may_be_done_yet);
#endif
	suite_add_tcase(s, t);
	return s;
}
