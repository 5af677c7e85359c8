/*
 * Guesses of what the k-th best will be: what is guessed, and that answers are true when guesses are
 * wrong. The rows are such that they are: the good ones stand in the chunks that are visited first.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/pass_private.h"
#include "storage/isa.h"
#include "tests/runner.h"
#include "tests/storage/exact/ask.h"
#include "tests/storage/vectors/sample.h"

enum { CHUNKS = 64, GOOD = 64 /* one row in so many of the first half */, K = 150, QUERIES = 15 };

static const struct shape shape = {.similarity = PB__SIMILARITY__SIMILARITY_DOT,
	.dtype = PB__DTYPE__DTYPE_F32,
	.kind = KIND_UNIFORM,
	.n = CHUNKS * CHUNK_ROWS,
	.dimension = 8,
	.holes = 90};

static struct world world;
static struct ask ask;
static struct pass *pass;
static struct error e;

static bool is_visited_early(uint32_t row)
{
	for (uint32_t i = 0; i < CHUNKS / 2; i++)
		if (i * pass_stride(CHUNKS) % CHUNKS == row / CHUNK_ROWS)
			return true;
	return false;
}

static void put_good_rows_first(uint64_t *seed)
{
	for (uint32_t row = 0; row < shape.n; row++) {
		bool good = row % GOOD == 0 && is_visited_early(row);
		float *x = world.value + (size_t)row * shape.dimension;
		float by = good ? 50 + 10 * sample_value(seed, 20) : .1f;
		for (uint32_t i = 0; i < shape.dimension; i++)
			x[i] = by * (good ? world.aim[i] : x[i]);
	}
	codes_free((struct codes *)world.exact.codes);
	world.exact.codes = world_codes(&world, seed);
}

/* They ask for the same, each for some more. */
static void ask_for_the_good(uint64_t *seed)
{
	memcpy(ask.vectors, world.aim, world.shape.dimension * sizeof *ask.vectors);
	world_scores(&world, world.aim, ask.scores);
	ask_questions(&ask, QUERIES, seed);
	for (size_t i = 0; i < QUERIES; i++) {
		ask.questions[i].vector = 0;
		ask.queries[i] = (struct exact_query){.vector = ask.vectors,
			.k = K + i,
			.floor = -INFINITY,
			.out = ask.queries[i].out};
	}
	ask_again(&ask);
}

static void begin_asking(enum isa isa, const struct shape *of)
{
	uint64_t seed = 5;

	isa_force(isa);
	world_make(&world, of, &seed);
	if (of == &shape)
		put_good_rows_first(&seed);
	ask_init(&ask, &world, &seed);
	ask_for_the_good(&seed);
}

static void scan(void)
{
	ck_ok(pass_begin(&world.exact, world.order, ask.queries, ask.n, &pass, &e), &e);
	ck_ok(pass_encode(pass, SIZE_MAX, &e), &e);
	ck_ok(pass_scan(pass, 0, pass_chunks(pass), NULL, &e), &e);
}

/* All guesses were too high. */
static void begin(enum isa isa)
{
	begin_asking(isa, &shape);
	scan();
	ck_ok(pass_finish(pass, 0, ask.n, NULL, &e), &e);
	ck_assert_uint_eq(pass->again.n, QUERIES);
	ck_assert(pass_has_rest(pass));
}

static void end(void)
{
	pass_end(pass);
	ask_free(&ask);
	world_free(&world);
}

/* Answers are looked at only when all are there. */
START_TEST(a_guess_that_was_too_high_is_made_good)
{
	begin((enum isa)_i);
	while (pass_has_rest(pass)) {
		for (size_t i = 0; i < QUERIES; i++)
			ck_assert_uint_eq(ask.queries[i].found, SIZE_MAX);
		ck_ok(pass_rest(pass, 1000, NULL, &e), &e);
	}
	ask_check(&ask);
	end();
}
END_TEST

/* The guess is another's, whose rows are taken in; it has to be proved here. */
START_TEST(a_guess_that_was_absorbed_is_made_good)
{
	struct pass *first;

	begin_asking(ISA_AMX, &shape);
	ck_ok(pass_begin(&world.exact, world.order, ask.queries, ask.n, &first, &e), &e);
	ck_ok(pass_encode(first, SIZE_MAX, &e), &e);
	scan();
	pass_absorb(first, pass);
	ck_ok(pass_finish(first, 0, ask.n, NULL, &e), &e);
	ck_assert_uint_eq(first->again.n, QUERIES);
	while (pass_has_rest(first))
		ck_ok(pass_rest(first, 1000, NULL, &e), &e);
	ask_check(&ask);
	pass_end(first);
	end();
}
END_TEST

static int higher_first(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y) - (x > y);
}

/* The score that so many live rows have, or more. */
static double score_of_rank(size_t rank)
{
	double *scores = malloc(shape.n * sizeof *scores);
	size_t n = 0;

	for (uint32_t row = 0; row < shape.n; row++)
		if (world.numbers[row] != DEAD_ROW)
			scores[n++] = ask.scores[row];
	qsort(scores, n, sizeof *scores, higher_first);
	double score = scores[rank - 1];
	free(scores);
	return score;
}

/* Fewer than k are above it, though more look so by their bytes; nothing proves more, and that much is
 * proved as it is. */
START_TEST(a_floor_above_the_guess_needs_no_proof)
{
	struct shape wide = shape;

	wide.dimension = 64;
	begin_asking(ISA_AMX, &wide);
	for (size_t i = 0; i < QUERIES; i++)
		ask.queries[i].floor = score_of_rank(K - 10);
	scan();
	ck_assert_uint_gt(pass->survivors[0].n, K);
	ck_ok(pass_finish(pass, 0, ask.n, NULL, &e), &e);
	ck_assert(!pass_has_rest(pass));
	ask_check(&ask);
	end();
}
END_TEST

static void drop(size_t query)
{
	pass_drop(pass, query);
	ask_forget(&ask, query);
}

static void check_all_but(size_t a, size_t b)
{
	for (size_t i = 0; i < QUERIES; i++)
		if (i != a && i != b)
			world_check(&world, &ask.queries[i], ask.scores);
	ck_assert_uint_eq(ask.queries[a].found, SIZE_MAX);
	ck_assert_uint_eq(ask.queries[b].found, SIZE_MAX);
}

START_TEST(who_is_gone_is_not_scanned_again)
{
	begin(ISA_AMX);
	drop(0);
	ck_ok(pass_rest(pass, 1, NULL, &e), &e);
	drop(QUERIES - 1);
	while (pass_has_rest(pass))
		ck_ok(pass_rest(pass, 1000, NULL, &e), &e);
	check_all_but(0, QUERIES - 1);
	end();
}
END_TEST

START_TEST(when_all_are_gone_nothing_is_left_to_do)
{
	begin(ISA_AMX);
	for (size_t i = 0; i < QUERIES; i++)
		drop(i);
	ck_assert(!pass_has_rest(pass));
	end();
}
END_TEST

START_TEST(a_rest_that_was_cancelled_may_be_done_yet)
{
	atomic_bool cancelled = true;

	begin(ISA_AMX);
	ck_refused(pass_rest(pass, 1000, &cancelled, &e), &e, CANCELLED, "CANCELLED");
	cancelled = false;
	while (pass_has_rest(pass))
		ck_ok(pass_rest(pass, 1000, &cancelled, &e), &e);
	ask_check(&ask);
	end();
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(a_rest_without_memory_may_be_done_yet)
{
	size_t before = 0, finishing = 0;

	begin(ISA_AMX);
	/* Each step fails at each thing that it asks for, until it is done. */
	for (long n = 0; pass_has_rest(pass); n++) {
		fault_arm(n);
		enum code rc = pass_rest(pass, 1, NULL, &e);
		bool fired = fault_fired();
		fault_arm(-1);
		if (!fired) {
			ck_ok(rc, &e);
			n = -1;
			continue;
		}
		ck_refused(rc, &e, RESOURCE_EXHAUSTED, "OUT_OF_MEMORY");
		*(pass->again.scanned == CHUNKS ? &finishing : &before) += 1;
	}
	ck_assert_uint_gt(before, 2 * QUERIES); /* a query asks twice */
	ck_assert_uint_eq(finishing, 2);	/* and a group */
	ask_check(&ask);
	end();
}
END_TEST
#endif

/* n rows, the i-th best with i for its number: in chunks of their own, or all of one. */
static void make_survivors(struct survivors *s, size_t n, bool one_chunk)
{
	ck_assert(survivors_init(s));
	for (size_t i = 0; i < n; i++)
		s->at[i] = (struct survivor){(uint32_t)(one_chunk ? i : i * CHUNK_ROWS),
			1 - .001f * (float)i, 1 - .001f * (float)i};
	s->n = n;
}

/* k f + 3 sqrt(D k f (1 - f)) + 3 with k = 100, f = .1: 22 for D = 1. Of r rows in one of ten chunks D is
 * r - r / 10, and 13 + 3 sqrt(8.1 r) is r for 97.2: it takes 98 to be sure. */
START_TEST(the_rank_is_that_of_a_sample)
{
	static const struct {
		size_t n, rank; /* 0: no guess */
		bool one_chunk;
	} cases[] = {
		{40, 22, false}, {22, 22, false}, {21, 0, false}, {97, 0, true}, {98, 98, true}};
	const struct codes codes = {.dimension = 8, .rows = 1000000};
	const struct seen seen = {10, 100};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct survivors s = {.codes = &codes,
			.k = 100,
			.below = INFINITY,
			.above = INFINITY,
			.floor = -INFINITY};
		make_survivors(&s, cases[i].n, cases[i].one_chunk);
		survivors_guess(&s, &seen);
		ck_assert_int_eq(s.guessed, cases[i].rank > 0);
		ck_assert_uint_eq(s.n, cases[i].rank ? cases[i].rank : cases[i].n);
		survivors_free(&s);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("again");
	TCase *t = tcase_create("again");

	world_tell_sets();
	tcase_add_loop_test(t, a_guess_that_was_too_high_is_made_good, ISA_PORTABLE, ISA_AMX + 1);
	tcase_add_test(t, a_guess_that_was_absorbed_is_made_good);
	tcase_add_test(t, a_floor_above_the_guess_needs_no_proof);
	tcase_add_test(t, who_is_gone_is_not_scanned_again);
	tcase_add_test(t, when_all_are_gone_nothing_is_left_to_do);
	tcase_add_test(t, a_rest_that_was_cancelled_may_be_done_yet);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, a_rest_without_memory_may_be_done_yet);
#endif
	tcase_add_test(t, the_rank_is_that_of_a_sample);
	suite_add_tcase(s, t);
	return s;
}
