/* Copies that can be given up. */
#include <stdlib.h>

#include "tests/runner.h"
#include "tests/storage/patience.h"

enum {
	BYTES = 5 * STOP_EVERY * STOP_BYTES / 2
}; /* two and a half times what is done between questions */

static unsigned char *bytes_new(void)
{
	unsigned char *bytes = calloc(BYTES + 1, 1);

	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = (unsigned char)(1 + i % 251);
	return bytes;
}

START_TEST(a_copy_is_whole_and_asks_on_the_way)
{
	unsigned char *from = bytes_new(), *to = calloc(BYTES + 1, 1);
	struct patience patience = {0, 100};
	struct stop stop = {.given_up = patience_is_over, .arg = &patience};

	ck_assert(stop_copy(&stop, to, from, BYTES));
	ck_assert_mem_eq(to, from, BYTES + 1);
	ck_assert_uint_eq(patience.asked, 2);
	ck_assert(!stop.stopped);
	free(from);
	free(to);
}
END_TEST

START_TEST(a_copy_ends_where_it_is_given_up)
{
	unsigned char *from = bytes_new(), *to = calloc(BYTES + 1, 1);
	struct patience patience = {0, 1};
	struct stop stop = {.given_up = patience_is_over, .arg = &patience};

	ck_assert(!stop_copy(&stop, to, from, BYTES));
	ck_assert_uint_eq(patience.asked, 2);
	ck_assert(stop.stopped);
	ck_assert_int_eq(to[BYTES - 1], 0);
	free(from);
	free(to);
}
END_TEST

START_TEST(a_copy_of_nothing_asks_nobody)
{
	struct patience patience = {0, 0};
	struct stop stop = {.given_up = patience_is_over, .arg = &patience};

	ck_assert(stop_copy(&stop, NULL, NULL, 0));
	ck_assert_uint_eq(patience.asked, 0);
	ck_assert(stop_copy(NULL, NULL, NULL, 0));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("stop");
	TCase *t = tcase_create("stop");

	tcase_add_test(t, a_copy_is_whole_and_asks_on_the_way);
	tcase_add_test(t, a_copy_ends_where_it_is_given_up);
	tcase_add_test(t, a_copy_of_nothing_asks_nobody);
	suite_add_tcase(s, t);
	return s;
}
