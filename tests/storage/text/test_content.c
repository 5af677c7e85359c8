#include "tests/runner.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/text/content.h"

static void ck_same(const char *a, const char *b)
{
	struct content x = content_of(NULL, a), y = content_of(NULL, b);

	ck_assert_msg(hash128_equal(x.text, y.text), "\"%s\" and \"%s\" differ", a, b);
}

static void ck_different(const char *a, const char *b)
{
	struct content x = content_of(NULL, a), y = content_of(NULL, b);

	ck_assert_msg(!hash128_equal(x.text, y.text), "\"%s\" and \"%s\" are the same", a, b);
}

static void ck_hashes(const char *text, const char *as)
{
	XXH128_hash_t want = XXH3_128bits(as, strlen(as));
	struct content got = content_of(NULL, text);

	ck_assert_uint_eq(got.text.low, want.low64);
	ck_assert_uint_eq(got.text.high, want.high64);
}

START_TEST(the_hash_is_xxh3_of_the_folded_text)
{
	char long_text[5000];

	ck_hashes("  The\t\nQuick  Fox ", "the quick fox");
	ck_hashes("\xc3\x9c", "u\xcc\x88"); /* U umlaut: u, diaeresis */
	memset(long_text, 'Q', sizeof long_text);
	long_text[sizeof long_text - 1] = 0;
	char folded[sizeof long_text];
	memset(folded, 'q', sizeof folded);
	folded[sizeof folded - 1] = 0;
	ck_hashes(long_text, folded);
}
END_TEST

START_TEST(case_white_space_and_compatible_forms_do_not_matter)
{
	ck_same("STRASSE", "stra\xc3\x9f"
			   "e");
	ck_same("caf\xc3\xa9", "CAFE\xcc\x81");
	ck_same("\xef\xac\x81ne", "fine"); /* ligature fi */
	ck_same("a\xc2\xa0"
		"b",
		" a \xe2\x80\xa8 b\r\n");	   /* no-break space, line separator */
	ck_same("\xef\xbc\xa1\xef\xbc\xa2", "ab"); /* full width */
	ck_same("co\xc2\xad"
		"operate",
		"cooperate");						 /* soft hyphen */
	ck_same("\xea\xb0\x81", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8"); /* Hangul GAG */
}
END_TEST

START_TEST(marks_are_compared_in_canonical_order)
{
	/* dot below and dot above, either way round; U+1E69 has both */
	ck_same("s\xcc\xa3\xcc\x87", "s\xcc\x87\xcc\xa3");
	ck_same("\xe1\xb9\xa9", "s\xcc\x87\xcc\xa3");
	/* two marks of one class stack: their order is meaning */
	ck_different("a\xcc\x81\xcc\x80", "a\xcc\x80\xcc\x81");
}
END_TEST

START_TEST(a_run_of_marks_without_end_is_hashed_in_bounded_space)
{
	char text[4001], *p = text;

	for (int i = 0; i < 1000; i++, p += 4)
		memcpy(p, i % 2 ? "\xcc\x87\xcc\x81" : "\xcc\xa3\xcc\x87", 4);
	*p = 0;
	ck_same(text, text);
	ck_different(text, text + 4);
}
END_TEST

START_TEST(different_texts_differ)
{
	ck_different("ab", "a b");
	ck_different("a b", "ab ");
	ck_different("cafe", "caf\xc3\xa9");
	ck_different("a.", "a");
}
END_TEST

START_TEST(empty_texts_are_no_duplicates)
{
	struct content empty = content_of(NULL, NULL), blank = content_of("", " \t\n");

	ck_assert_uint_eq(empty.whole.low | empty.whole.high, 0);
	ck_assert_uint_eq(blank.whole.low | blank.text.high, 0);
	ck_assert(!hash128_equal(empty.whole, empty.whole));
	ck_assert(!hash128_equal(empty.whole, blank.text));
}
END_TEST

START_TEST(a_title_counts_in_the_whole_alone)
{
	struct content with = content_of("A Title", "and text"),
		       text = content_of(NULL, "and text");
	struct content joined = content_of(NULL, "a title and text");
	struct content only = content_of("a title", NULL);

	ck_assert(hash128_equal(text.whole, text.text));
	ck_assert(hash128_equal(with.text, text.text));
	ck_assert(!hash128_equal(with.whole, with.text));
	ck_assert(hash128_equal(with.whole, joined.text));
	ck_assert(hash128_equal(only.whole, content_of(NULL, "A TITLE").whole));
	ck_assert(!hash128_equal(only.text, only.text));
}
END_TEST

START_TEST(bytes_that_are_no_utf8_are_hashed_as_they_stand)
{
	ck_hashes("A\xff"
		  "B\xc3",
		"a\xff"
		"b\xc3");
	ck_hashes("\xed\xa0\x80 \xc0\xaf", "\xed\xa0\x80 \xc0\xaf"); /* surrogate, overlong */
	ck_different("a\xff", "a\xfe");
	ck_different("a\xff", "a");
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("content");
	TCase *t = tcase_create("content");

	tcase_add_test(t, the_hash_is_xxh3_of_the_folded_text);
	tcase_add_test(t, case_white_space_and_compatible_forms_do_not_matter);
	tcase_add_test(t, marks_are_compared_in_canonical_order);
	tcase_add_test(t, a_run_of_marks_without_end_is_hashed_in_bounded_space);
	tcase_add_test(t, different_texts_differ);
	tcase_add_test(t, empty_texts_are_no_duplicates);
	tcase_add_test(t, a_title_counts_in_the_whole_alone);
	tcase_add_test(t, bytes_that_are_no_utf8_are_hashed_as_they_stand);
	suite_add_tcase(s, t);
	return s;
}
