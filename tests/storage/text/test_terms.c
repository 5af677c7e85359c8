#include "tests/runner.h"

#include <stdio.h>
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

Suite *suite(void)
{
	Suite *s = suite_create("terms");
	TCase *t = tcase_create("terms");

	tcase_add_test(t, hundreds_of_thousands_of_terms_keep_their_numbers);
	tcase_add_test(t, a_term_is_its_bytes);
	suite_add_tcase(s, t);
	return s;
}
