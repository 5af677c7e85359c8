#include "tests/runner.h"

#include <stdio.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/text/tokens.h"

static struct error err;

/* The tokens of a text, one blank between. */
static const char *tokens_of(const char *text, const char *stemmer)
{
	static char joined[8192];
	struct tokens t;
	size_t length, n = 0;

	ck_ok(tokens_open(&t, stemmer, &err), &err);
	tokens_start(&t, text);
	for (const char *token; (token = tokens_next(&t, &length));)
		n += (size_t)snprintf(
			joined + n, sizeof joined - n, "%s%.*s", n ? " " : "", (int)length, token);
	ck_assert(!t.failed);
	tokens_close(&t);
	joined[n] = 0;
	return joined;
}

START_TEST(words_and_numbers_are_tokens)
{
	ck_assert_str_eq(tokens_of("The QUICK-brown fox, no. 42 (v1.2)!", NULL),
		"the quick brown fox no 42 v1 2");
	ck_assert_str_eq(tokens_of("snake_case C++ a.b@c", NULL), "snake case c a b c");
	ck_assert_str_eq(tokens_of(NULL, NULL), "");
	ck_assert_str_eq(tokens_of(" \t\r\n.,;'\"", NULL), "");
}
END_TEST

START_TEST(apostrophes_separate)
{
	ck_assert_str_eq(
		tokens_of("don't the dogs' O\xe2\x80\x99Neil", NULL), "don t the dogs o neil");
}
END_TEST

START_TEST(accents_stay_and_are_composed)
{
	ck_assert_str_eq(tokens_of("CAFE\xcc\x81 Caf\xc3\xa9", NULL), "caf\xc3\xa9 caf\xc3\xa9");
	ck_assert_str_eq(tokens_of("\xc3\x85ngstr\xc3\xb6m \xe2\x84\xab", NULL),
		"\xc3\xa5ngstr\xc3\xb6m \xc3\xa5"); /* and the Angstrom sign */
	/* a mark that composes with nothing stays with its letter */
	ck_assert_str_eq(tokens_of("x\xcc\x84y", NULL), "x\xcc\x84y");
}
END_TEST

START_TEST(case_folds_beyond_ascii)
{
	ck_assert_str_eq(tokens_of("STRASSE Stra\xc3\x9f"
				   "e",
				 NULL),
		"strasse strasse");
	/* capital, small and final sigma */
	ck_assert_str_eq(
		tokens_of("\xce\xa3 \xcf\x83 \xcf\x82", NULL), "\xcf\x83 \xcf\x83 \xcf\x83");
	ck_assert_str_eq(tokens_of("\xd0\x9c\xd0\x98\xd0\xa0", NULL), "\xd0\xbc\xd0\xb8\xd1\x80");
}
END_TEST

START_TEST(compatible_forms_are_one)
{
	ck_assert_str_eq(tokens_of("\xef\xac\x81le \xef\xbc\xb6\xef\xbc\x91", NULL), "file v1");
	ck_assert_str_eq(
		tokens_of("x\xc2\xb2 \xe2\x91\xa0", NULL), "x2 1"); /* superscript, circled */
	ck_assert_str_eq(tokens_of("\xc2\xbd", NULL), "1 2"); /* a half has a fraction slash */
	ck_assert_str_eq(tokens_of("co\xc2\xadoperate", NULL), "cooperate"); /* soft hyphen */
}
END_TEST

START_TEST(scripts_without_blanks_are_runs)
{
	ck_assert_str_eq(tokens_of("\xe6\x97\xa5\xe6\x9c\xac\xe3\x80\x81\xe8\xaa\x9e", NULL),
		"\xe6\x97\xa5\xe6\x9c\xac \xe8\xaa\x9e");
	/* Hangul is composed again */
	ck_assert_str_eq(tokens_of("\xed\x95\x9c\xea\xb5\xad \xea\xb0\x81", NULL),
		"\xed\x95\x9c\xea\xb5\xad \xea\xb0\x81");
	/* Devanagari vowel signs are marks */
	ck_assert_str_eq(tokens_of("\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa5\x8d", NULL),
		"\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa5\x8d");
	ck_assert_str_eq(tokens_of("a\xf0\x9f\x98\x80"
				   "b",
				 NULL),
		"a b");						    /* emoji */
	ck_assert_str_eq(tokens_of("\xf0\x9d\x94\x98", NULL), "u"); /* Fraktur U */
}
END_TEST

START_TEST(bytes_that_are_no_utf8_separate)
{
	ck_assert_str_eq(tokens_of("a\xff"
				   "b\xc3",
				 NULL),
		"a b");
	ck_assert_str_eq(tokens_of("a\xed\xa0\x80"
				   "b \xc0\xaf"
				   "c",
				 NULL),
		"a b c");
	ck_assert_str_eq(tokens_of("a\xe6\x97", NULL), "a");
	ck_assert_str_eq(tokens_of("\xf4\x90\x80\x80z", NULL), "z"); /* past U+10FFFF */
}
END_TEST

START_TEST(long_runs_are_cut_between_code_points)
{
	char text[701];
	struct tokens t;
	size_t length;

	ck_ok(tokens_open(&t, NULL, &err), &err);
	memset(text, 'A', 600);
	text[600] = 0;
	tokens_start(&t, text);
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_nonnull(tokens_next(&t, &length));
		ck_assert_uint_eq(length, i < 2 ? 255 : 90);
	}
	ck_assert_ptr_null(tokens_next(&t, &length));
	for (int i = 0; i < 350; i++)
		memcpy(text + 2 * i, "\xd0\xbc", 2);
	text[700] = 0;
	tokens_start(&t, text);
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_nonnull(tokens_next(&t, &length));
		ck_assert_uint_eq(length, i < 2 ? 254 : 192);
	}
	ck_assert_ptr_null(tokens_next(&t, &length));
	ck_assert_ptr_null(tokens_next(&t, &length));
	tokens_close(&t);
}
END_TEST

START_TEST(snowball_stems_when_asked)
{
	ck_assert_str_eq(
		tokens_of("Running connections generously", "english"), "run connect generous");
	ck_assert_str_eq(tokens_of("H\xc3\xa4user", "german"), "haus");
	ck_refused(tokens_open(&(struct tokens){0}, "klingon", &err), &err, INVALID_ARGUMENT,
		"UNKNOWN_STEMMER");
	ck_assert_str_eq(err.field, "stemmer");
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(a_stemmer_without_memory_says_so)
{
	struct tokens t;
	size_t length;

	fault_arm(0);
	ck_refused(tokens_open(&t, "english", &err), &err, RESOURCE_EXHAUSTED, "OUT_OF_MEMORY");
	ck_ok(tokens_open(&t, "english", &err), &err);
	tokens_start(&t, "one two");
	fault_arm(1);
	ck_assert_ptr_nonnull(tokens_next(&t, &length));
	ck_assert_ptr_null(tokens_next(&t, &length));
	ck_assert(t.failed);
	tokens_close(&t);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("tokens");
	TCase *t = tcase_create("tokens");

	tcase_add_test(t, words_and_numbers_are_tokens);
	tcase_add_test(t, apostrophes_separate);
	tcase_add_test(t, accents_stay_and_are_composed);
	tcase_add_test(t, case_folds_beyond_ascii);
	tcase_add_test(t, compatible_forms_are_one);
	tcase_add_test(t, scripts_without_blanks_are_runs);
	tcase_add_test(t, bytes_that_are_no_utf8_separate);
	tcase_add_test(t, long_runs_are_cut_between_code_points);
	tcase_add_test(t, snowball_stems_when_asked);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, a_stemmer_without_memory_says_so);
#endif
	suite_add_tcase(s, t);
	return s;
}
