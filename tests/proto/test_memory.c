#include "tests/runner.h"

#include <string.h>

#include "proto/buf.h"
#include "proto/utf8.h"

static struct arena arena;
static struct error err;

static void setup(void)
{
	arena_init(&arena, 1 << 20);
}

static void teardown(void)
{
	arena_free(&arena);
}

START_TEST(allocations_are_zeroed_aligned_and_apart)
{
	unsigned char *before = NULL;

	for (size_t size = 0; size < 3000; size += 7) {
		unsigned char *p = arena_alloc(&arena, size);
		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((size_t)p % 16, 0);
		size_t zeros = 0;
		while (zeros < size && p[zeros] == 0)
			zeros++;
		ck_assert_uint_eq(zeros, size);
		memset(p, 0xff, size);
		ck_assert_ptr_ne(p, before);
		before = p;
	}
}
END_TEST

START_TEST(an_arena_refuses_to_pass_its_limit_and_stays_usable)
{
	ck_assert_ptr_null(arena_alloc(&arena, 2 << 20));
	ck_assert_ptr_null(arena_array(&arena, SIZE_MAX / 2, 3));
	ck_assert_ptr_nonnull(arena_alloc(&arena, 512 << 10));
	ck_assert_ptr_null(arena_alloc(&arena, 512 << 10));
	ck_assert_uint_le(arena.used, arena.limit);
	arena_free(&arena);
	ck_assert_ptr_nonnull(arena_alloc(&arena, 512 << 10));
}
END_TEST

START_TEST(a_large_allocation_does_not_waste_the_current_block)
{
	char *a = arena_alloc(&arena, 16);
	arena_alloc(&arena, 128 << 10);
	char *b = arena_alloc(&arena, 16);
	ck_assert_ptr_eq(a + 16, b);
}
END_TEST

START_TEST(a_buf_grows_and_formats)
{
	struct buf b;

	buf_init(&b);
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%03d", i);
	ck_assert(!b.failed);
	ck_assert_uint_eq(b.len, 3000);
	ck_assert_int_eq(memcmp(b.data + 3 * 512, "512", 3), 0);
	buf_free(&b);
}
END_TEST

START_TEST(errors_carry_code_reason_sentence_and_path)
{
	error_set(&err, NOT_FOUND, "NO_SUCH_DOCUMENT", "There is no document \"%s\".", "x");
	ck_assert_int_eq(error_field(&err, "vector[%d]", 17), NOT_FOUND);
	ck_assert_int_eq(error_within(&err, "queries[%d]", 3), NOT_FOUND);
	ck_assert_str_eq(err.field, "queries[3].vector[17]");
	ck_assert_int_eq(error_prefix(&err, "stage %d: ", 2), NOT_FOUND);
	ck_assert_str_eq(err.text, "stage 2: There is no document \"x\".");
	ck_assert_int_eq(error_http_status(&err), 404);
	error_set(&err, RESOURCE_EXHAUSTED, "BODY_TOO_LARGE", "Too large.");
	ck_assert_int_eq(error_http_status(&err), 413);
	ck_assert_str_eq(err.field, "");
}
END_TEST

START_TEST(text_that_does_not_fit_says_so)
{
	char long_text[1000];

	memset(long_text, 'a', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = 0;
	error_set(&err, INTERNAL, "X", "%s", long_text);
	ck_assert_str_eq(err.text + strlen(err.text) - 3, "...");
	error_prefix(&err, "before: ");
	ck_assert_str_eq(err.text + strlen(err.text) - 3, "...");
	error_field(&err, "%s", long_text);
	ck_assert_str_eq(err.field + strlen(err.field) - 3, "...");
}
END_TEST

START_TEST(text_is_cut_between_characters)
{
	char umlauts[1001];

	for (int shift = 0; shift < 2; shift++) { /* one of them ends inside a character */
		umlauts[0] = 'x';
		for (int i = 0; i < 499; i++)
			memcpy(umlauts + shift + 2 * i, "\xc3\xa4", 3);
		error_set(&err, INTERNAL, "X", "%s", umlauts);
		ck_assert_uint_eq(utf8_span(err.text, strlen(err.text)), strlen(err.text));
		error_field(&err, "%s", umlauts);
		ck_assert_uint_eq(utf8_span(err.field, strlen(err.field)), strlen(err.field));
		ck_assert_str_eq(err.field + strlen(err.field) - 3, "...");
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("memory");
	TCase *t = tcase_create("memory");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, allocations_are_zeroed_aligned_and_apart);
	tcase_add_test(t, an_arena_refuses_to_pass_its_limit_and_stays_usable);
	tcase_add_test(t, a_large_allocation_does_not_waste_the_current_block);
	tcase_add_test(t, a_buf_grows_and_formats);
	tcase_add_test(t, errors_carry_code_reason_sentence_and_path);
	tcase_add_test(t, text_that_does_not_fit_says_so);
	tcase_add_test(t, text_is_cut_between_characters);
	suite_add_tcase(s, t);
	return s;
}
