#include "tests/runner.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "workers/mine/deck.h"

static struct arena arena;
static struct error err;

static void setup(void)
{
	arena_init(&arena, 64 << 20);
}

static void teardown(void)
{
	arena_free(&arena);
}

static uint64_t first(
	uint64_t seed, const char *query, enum stream_stage stage, const char *positive)
{
	struct stream r = stream_of(seed, query, stage, positive);

	return stream_next(&r);
}

START_TEST(the_generator_is_splitmix64)
{
	/* The published sequence of SplitMix64 from state 1234567. */
	static const uint64_t want[] = {6457827717110365317u, 3203168211198807973u,
		9817491932198370423u, 4593380528125082431u, 16408922859458223821u};
	struct stream r = {1234567};

	for (size_t i = 0; i < 5; i++)
		ck_assert_uint_eq(stream_next(&r), want[i]);
}
END_TEST

START_TEST(a_stream_depends_on_each_part_of_its_name)
{
	uint64_t base = first(1, "q", STREAM_SAMPLE, NULL);

	ck_assert_uint_eq(base, first(1, "q", STREAM_SAMPLE, NULL));
	ck_assert_uint_ne(base, first(2, "q", STREAM_SAMPLE, NULL));
	ck_assert_uint_ne(base, first(1, "r", STREAM_SAMPLE, NULL));
	ck_assert_uint_ne(base, first(1, "q", STREAM_FILL, NULL));
	ck_assert_uint_ne(base, first(1, "q", STREAM_SAMPLE, "d"));
}
END_TEST

/* Pearson's statistic of counts that should all be `mean`. */
static double chi_square(const uint32_t *counts, size_t n, double mean)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (counts[i] - mean) * (counts[i] - mean) / mean;
	return sum;
}

START_TEST(numbers_below_n_are_uniform)
{
	enum { N = 7, DRAWS = 70000 };
	uint32_t counts[N] = {0};
	struct stream r = stream_of(0, "q", STREAM_SAMPLE, NULL);

	for (int i = 0; i < DRAWS; i++)
		counts[stream_below(&r, N)]++;
	ck_assert(chi_square(counts, N, DRAWS / N) < 22.46); /* 6 degrees of freedom, p = .001 */
}
END_TEST

START_TEST(a_range_of_one_and_the_largest_range_work)
{
	struct stream r = {1};

	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(stream_below(&r, 1), 0);
	bool high = false;
	for (int i = 0; i < 100; i++)
		high |= stream_below(&r, UINT32_MAX) > UINT32_MAX / 2;
	ck_assert(high);
}
END_TEST

START_TEST(a_deck_deals_every_number_once)
{
	enum { N = 1000 };
	bool seen[N] = {false};
	struct deck deck;

	deck_init(&deck, stream_of(3, "q", STREAM_SOURCE, NULL), N, &arena);
	for (uint32_t card, i = 0; i < N; i++) {
		ck_ok(deck_deal(&deck, &card, &err), &err);
		ck_assert_uint_lt(card, N);
		ck_assert(!seen[card]);
		seen[card] = true;
	}
	ck_assert_uint_eq(deck.dealt, deck.n);
}
END_TEST

START_TEST(what_is_dealt_first_does_not_depend_on_what_is_dealt_later)
{
	struct deck a, b;
	uint32_t from_a[500], from_b;

	deck_init(&a, stream_of(3, "q", STREAM_SOURCE, NULL), 1000, &arena);
	deck_init(&b, stream_of(3, "q", STREAM_SOURCE, NULL), 1000, &arena);
	for (int i = 0; i < 500; i++)
		deck_deal(&a, &from_a[i], &err);
	for (int i = 0; i < 10; i++) {
		deck_deal(&b, &from_b, &err);
		ck_assert_uint_eq(from_a[i], from_b);
	}
}
END_TEST

START_TEST(every_pair_is_dealt_first_equally_often)
{
	enum { N = 5, DECKS = 20000 };
	uint32_t counts[N * N] = {0};
	double mean = (double)DECKS / (N * (N - 1)), sum = 0;

	for (int seed = 0; seed < DECKS; seed++) {
		struct deck deck;
		uint32_t a, b;
		deck_init(&deck, stream_of(seed, "q", STREAM_SOURCE, NULL), N, &arena);
		deck_deal(&deck, &a, &err);
		deck_deal(&deck, &b, &err);
		counts[a * N + b]++;
	}
	for (int i = 0; i < N * N; i++)
		if (i / N != i % N)
			sum += (counts[i] - mean) * (counts[i] - mean) / mean;
		else
			ck_assert_uint_eq(counts[i], 0);
	ck_assert(sum < 43.82); /* 19 degrees of freedom, p = .001 */
}
END_TEST

START_TEST(a_deck_without_memory_says_so)
{
	struct arena tiny;
	struct deck deck;
	uint32_t card = 77;

	arena_init(&tiny, 16);
	deck_init(&deck, (struct stream){1}, 10, &tiny);
	ck_refused(deck_deal(&deck, &card, &err), &err, RESOURCE_EXHAUSTED, "OUT_OF_MEMORY");
	ck_assert_uint_eq(card, 77);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("stream");
	TCase *t = tcase_create("stream");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_generator_is_splitmix64);
	tcase_add_test(t, a_stream_depends_on_each_part_of_its_name);
	tcase_add_test(t, numbers_below_n_are_uniform);
	tcase_add_test(t, a_range_of_one_and_the_largest_range_work);
	tcase_add_test(t, a_deck_deals_every_number_once);
	tcase_add_test(t, what_is_dealt_first_does_not_depend_on_what_is_dealt_later);
	tcase_add_test(t, every_pair_is_dealt_first_equally_often);
	tcase_add_test(t, a_deck_without_memory_says_so);
	suite_add_tcase(s, t);
	return s;
}
