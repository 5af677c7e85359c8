/* From survivors to answers: whichever queries are finished together, and after what went wrong. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/kth.h"
#include "storage/exact/visits.h"
#include "storage/isa.h"
#include "tests/runner.h"
#include "tests/storage/exact/ask.h"
#include "tests/storage/vectors/sample.h"

/* Enough rows, and k as large, that the queries become several groups; many scores are equal. */
static const struct shape large = {.similarity = PB__SIMILARITY__SIMILARITY_DOT,
	.dtype = PB__DTYPE__DTYPE_F32,
	.kind = KIND_WHOLE,
	.n = 20000,
	.dimension = 10,
	.holes = 9};

static struct world world;
static struct ask ask;
static struct pass *pass;
static struct error e;

static void scan_all(void)
{
	ask_again(&ask);
	ck_ok(pass_begin(&world.exact, world.order, ask.queries, ask.n, &pass, &e), &e);
	ck_ok(pass_encode(pass, SIZE_MAX, &e), &e);
	ck_ok(pass_scan(pass, 0, pass_chunks(pass), NULL, &e), &e);
}

/* The one at `deep` asks for every row. */
static void begin(const struct shape *shape, size_t n, size_t deep)
{
	uint64_t seed = 31;

	isa_force(ISA_AMX);
	world_make(&world, shape, &seed);
	ask_init(&ask, &world, &seed);
	ask_questions(&ask, n, &seed);
	if (deep < n)
		ask.queries[deep].k = shape->n + 1;
	scan_all();
}

static void end(void)
{
	pass_end(pass);
	ask_free(&ask);
	world_free(&world);
}

static void finish(size_t first, size_t n)
{
	ck_ok(pass_finish(pass, first, n, NULL, &e), &e);
	while (first + n == ask.n && pass_has_rest(pass))
		ck_ok(pass_rest(pass, 10000, NULL, &e), &e);
}

START_TEST(who_is_finished_together_does_not_matter)
{
	size_t some[] = {1, ASK_MOST, 7};

	begin(&large, ASK_MOST, _i ? 3 : SIZE_MAX);
	for (size_t i = 0; i < ASK_MOST; i++)
		if (_i)
			ask.queries[i].k = large.n / 2;
	for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
		pass_end(pass);
		scan_all();
		for (size_t first = 0, n; first < ask.n; first += n) {
			n = some[i] < ask.n - first ? some[i] : ask.n - first;
			finish(first, n);
		}
		ask_check(&ask);
	}
	end();
}
END_TEST

START_TEST(every_row_may_survive)
{
	struct shape shape = large;

	shape.kind = KIND_EQUAL;
	shape.n = 70000; /* more than a query keeps */
	begin(&shape, 2, 1);
	ask.queries[0].k = 1;
	pass_end(pass);
	scan_all();
	finish(0, 2);
	ask_check(&ask);
	end();
}
END_TEST

/* What was not finished is left as it was, and may be finished yet. */
START_TEST(a_finish_that_was_cancelled_may_be_done_again)
{
	atomic_bool cancelled = true;

	begin(&large, ASK_MOST, 5);
	ck_refused(pass_finish(pass, 0, ask.n, &cancelled, &e), &e, CANCELLED, "CANCELLED");
	for (size_t i = 0; i < ask.n; i++)
		ck_assert_uint_eq(ask.queries[i].found, SIZE_MAX);
	cancelled = false;
	ck_ok(pass_finish(pass, 0, ask.n, &cancelled, &e), &e);
	ask_check(&ask);
	end();
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(a_finish_without_memory_may_be_done_again)
{
	bool fired = true;

	begin(&large, ASK_MOST, 5);
	for (long n = 0; fired; n++) {
		fault_arm(n);
		enum code rc = pass_finish(pass, 0, ask.n, NULL, &e);
		fired = fault_fired();
		fault_arm(-1);
		if (fired)
			ck_refused(rc, &e, RESOURCE_EXHAUSTED, "OUT_OF_MEMORY");
		else
			ck_ok(rc, &e);
		ck_assert(fired || n >= 2); /* a group asks twice */
	}
	ask_check(&ask);
	end();
}
END_TEST
#endif

/* Visit i is for query i, so that the order of those of one row can be told. */
static void check_sorted(const uint32_t *row, const struct visit *at, size_t n)
{
	bool *seen = calloc(n + 1, sizeof *seen);

	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_lt(at[i].query, n);
		ck_assert(!seen[at[i].query]);
		seen[at[i].query] = true;
		ck_assert_uint_eq(at[i].row, row[at[i].query]);
		ck_assert(at[i].upper == (float)at[i].query);
		if (i > 0)
			ck_assert(at[i - 1].row < at[i].row ||
				  (at[i - 1].row == at[i].row && at[i - 1].query < at[i].query));
	}
	free(seen);
}

START_TEST(visits_go_by_row)
{
	static const uint32_t rows[] = {1, 2, 2047, 2048, 2049, 1 << 22, (1 << 22) + 1, UINT32_MAX};
	static const size_t sizes[] = {0, 1, 2, 3, 1000, 30000};
	uint64_t seed = 8;

	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
		for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
			size_t n = sizes[s];
			struct visit *at = malloc((n + 1) * sizeof *at);
			struct visit *scratch = malloc((n + 1) * sizeof *scratch);
			uint32_t *row = malloc((n + 1) * sizeof *row);
			for (size_t i = 0; i < n; i++) {
				row[i] = (uint32_t)(sample_next(&seed) % rows[r]);
				if (i == 0) /* the last that there is */
					row[i] = rows[r] - 1;
				at[i] = (struct visit){row[i], (uint32_t)i, (float)i};
			}
			visits_sort(at, scratch, n, rows[r]);
			check_sorted(row, at, n);
			free(at);
			free(scratch);
			free(row);
		}
}
END_TEST

static int larger_first(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x < y) - (x > y);
}

/* Of every size, many near each other or equal. */
static float some_number(uint64_t *seed)
{
	static const float special[] = {0, 1, -1, INFINITY, -INFINITY, 1e-45f, -1e-45f, 3e38f};

	switch (sample_next(seed) % 4) {
	case 0:
		return special[sample_next(seed) % (sizeof special / sizeof *special)];
	case 1:
		return nextafterf(1, (float)(sample_next(seed) % 2) * 2);
	case 2:
		return ldexpf(sample_value(seed, 20), (int)(sample_next(seed) % 200) - 100);
	default:
		return .5f + .01f * sample_value(seed, 20);
	}
}

START_TEST(the_kth_largest_is_the_one_that_sorting_finds)
{
	enum { MOST = 300 };
	uint32_t keys[MOST];
	float x[MOST], sorted[MOST];
	uint64_t seed = 4;

	for (size_t round = 0; round < 400; round++) {
		size_t n = 1 + sample_next(&seed) % MOST;
		for (size_t i = 0; i < n; i++)
			sorted[i] = x[i] = some_number(&seed);
		qsort(sorted, n, sizeof *sorted, larger_first);
		for (size_t k = 1; k <= n; k += 1 + k / 8) {
			for (size_t i = 0; i < n; i++)
				keys[i] = kth_key(x[i]);
			ck_assert(kth_largest(keys, n, k) == sorted[k - 1]);
		}
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("finish");
	TCase *t = tcase_create("finish");

	tcase_add_loop_test(t, who_is_finished_together_does_not_matter, 0, 2);
	tcase_add_test(t, every_row_may_survive);
	tcase_add_test(t, a_finish_that_was_cancelled_may_be_done_again);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, a_finish_without_memory_may_be_done_again);
#endif
	tcase_add_test(t, visits_go_by_row);
	tcase_add_test(t, the_kth_largest_is_the_one_that_sorting_finds);
	suite_add_tcase(s, t);
	return s;
}
