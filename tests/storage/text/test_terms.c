#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/text/terms.h"

/* So many that some share the hash bits that slots hold: 2^32 of them, 300,000 terms, about ten
 * pairs. */
START_TEST(hundreds_of_thousands_of_terms_keep_their_numbers)
{
	enum { N = 300000 };
	struct terms t;
	char term[16];
	size_t wrong = 0, n, length;

	terms_init(&t);
	ck_assert_uint_eq(terms_find(&t, "x", 1), NO_TERM);
	for (uint32_t i = 0; i < 2 * N; i++) {
		n = (size_t)sprintf(term, "%x", i % N);
		wrong += terms_add(&t, term, n) != i % N;
	}
	terms_trim(&t);
	for (uint32_t i = 0; i < N; i++) {
		n = (size_t)sprintf(term, "%x", i);
		wrong += terms_find(&t, term, n) != i;
		const char *got = terms_get(&t, i, &length);
		wrong += length != n || memcmp(got, term, n);
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(terms_find(&t, "xyz", 3), NO_TERM);
	ck_assert_uint_eq(t.n, N);
	terms_free(&t);
}
END_TEST

START_TEST(a_term_is_its_bytes)
{
	struct terms t;

	terms_init(&t);
	ck_assert_uint_eq(terms_add(&t, "abc", 2), 0);
	ck_assert_uint_eq(terms_add(&t, "abc", 3), 1);
	ck_assert_uint_eq(terms_find(&t, "abd", 2), 0);
	ck_assert_uint_eq(terms_find(&t, "abc", 1), NO_TERM);
	terms_free(&t);
}
END_TEST

/* A dictionary with the terms of another and no way to find them, as from a file. */
static struct terms bytes_of(const struct terms *from)
{
	struct terms t = {.n = from->n};

	t.pool = malloc(from->start[from->n] + 1);
	t.start = malloc((from->n + 1) * sizeof *t.start);
	memcpy(t.pool, from->pool, from->start[from->n]);
	memcpy(t.start, from->start, (from->n + 1) * sizeof *t.start);
	return t;
}

/* Of any number, around those at which there is more room. */
START_TEST(terms_whose_bytes_are_there_are_found)
{
	struct terms t, again;
	char term[16];

	terms_init(&t);
	for (uint32_t n = 1; n < 300; n++) {
		terms_add(&t, term, (size_t)sprintf(term, "%u", n));
		again = bytes_of(&t);
		ck_assert(terms_index(&again, NULL));
		ck_assert_uint_eq(again.n_slots, t.n_slots);
		for (uint32_t i = 1; i <= n; i++)
			ck_assert_uint_eq(
				terms_find(&again, term, (size_t)sprintf(term, "%u", i)), i - 1);
		ck_assert_uint_eq(terms_find(&again, "0", 1), NO_TERM);
		terms_free(&again);
	}
	terms_free(&t);
	ck_assert(terms_index(&t, NULL)); /* none */
	ck_assert_uint_eq(terms_find(&t, "0", 1), NO_TERM);
	terms_free(&t);
}
END_TEST

START_TEST(a_term_that_is_there_twice_is_noticed)
{
	struct terms t, again;

	terms_init(&t);
	terms_add(&t, "ab", 2);
	terms_add(&t, "xy", 2);
	terms_add(&t, "cd", 2);
	again = bytes_of(&t);
	memcpy(again.pool + again.start[2], "ab", 2);
	ck_assert(!terms_index(&again, NULL));
	terms_free(&again);
	terms_free(&t);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("terms");
	TCase *t = tcase_create("terms");

	tcase_add_test(t, hundreds_of_thousands_of_terms_keep_their_numbers);
	tcase_add_test(t, a_term_is_its_bytes);
	tcase_add_test(t, terms_whose_bytes_are_there_are_found);
	tcase_add_test(t, a_term_that_is_there_twice_is_noticed);
	suite_add_tcase(s, t);
	return s;
}
