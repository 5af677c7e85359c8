/* What a person sees: tables and progress. */
#include "tests/runner.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/progress.h"
#include "client/cli/table.h"

static const struct column columns[] = {
	{"name", 8, false}, {"score", 0, true}, {"text", 10, false}, {0}};

static char *printed(const char *rows[][3], size_t n)
{
	struct table t;
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	table_begin(&t, columns);
	for (size_t i = 0; i < n; i++)
		table_row(&t, rows[i]);
	ck_assert(!t.failed);
	table_end(&t, to);
	fclose(to);
	return text;
}

START_TEST(columns_align_and_long_cells_are_cut)
{
	const char *rows[][3] = {{"a", "0.5", "short"}, {"much too long", "10.25", "0123456789"}};
	char *text = printed(rows, 2);

	ck_assert_str_eq(text, "name      score  text\n"
			       "a           0.5  short\n"
			       "much to…  10.25  0123456789\n");
	free(text);
}
END_TEST

START_TEST(wide_characters_take_two_cells_and_accents_none)
{
	const char *rows[][3] = {{"日本", "1", "x"}, {"e\u0301", "2", "y"}};
	char *text = printed(rows, 2);

	ck_assert_str_eq(text, "name  score  text\n"
			       "日本      1  x\n"
			       "e\u0301         2  y\n");
	free(text);
}
END_TEST

START_TEST(no_control_character_of_a_text_reaches_the_terminal)
{
	char *text = text_clean("a\x1b[31mb\nc\td\x7f\xff", 0);

	ck_assert_str_eq(text, "a [31mb c d  ");
	free(text);
}
END_TEST

START_TEST(empty_cells_and_tables_without_rows_are_fine)
{
	const char *rows[][3] = {{NULL, "1", ""}};
	char *text = printed(rows, 1);

	ck_assert_str_eq(text, "name  score  text\n          1  \n");
	free(text);
	text = printed(rows, 0);
	ck_assert_str_eq(text, "name  score  text\n");
	free(text);
}
END_TEST

START_TEST(numbers_have_commas)
{
	char to[32];

	ck_assert_str_eq(with_commas(0, to), "0");
	ck_assert_str_eq(with_commas(999, to), "999");
	ck_assert_str_eq(with_commas(1000, to), "1,000");
	ck_assert_str_eq(with_commas(63665, to), "63,665");
	ck_assert_str_eq(with_commas(UINT64_MAX, to), "18,446,744,073,709,551,615");
}
END_TEST

START_TEST(progress_tells_share_rate_and_time_left)
{
	const struct progress p = {.what = "documents"};
	const struct progress_state s = {30000, .25, -1, -1, NULL};
	char line[256];

	progress_line(&p, &s, 10, line, sizeof line);
	ck_assert_str_eq(
		line, "documents        ######..................  25%  30,000  3,000/s  0:30 left");
}
END_TEST

START_TEST(progress_at_the_end_tells_the_time_it_took)
{
	const struct progress p = {.what = "documents"};
	const struct progress_state s = {500, 1, -1, -1, "encode"};
	char line[256];

	progress_line(&p, &s, 3725, line, sizeof line);
	ck_assert_str_eq(line, "encode           ######################## 100%  500  0/s  1:02:05");
}
END_TEST

START_TEST(progress_that_ended_without_counting_tells_its_time_alone)
{
	const struct progress p = {.what = "encode"};
	const struct progress_state s = {0, 1, -1, -1, NULL};
	char line[256];

	progress_line(&p, &s, 12, line, sizeof line);
	ck_assert_str_eq(line, "encode           ######################## 100%  0:12");
}
END_TEST

START_TEST(progress_rounds_counts_of_many_digits)
{
	const struct progress p = {.what = "encode"};
	const struct progress_state s = {503586784, .125, 1.5e9, 9, "encode documents"};
	char line[256];

	progress_line(&p, &s, 1, line, sizeof line);
	ck_assert_str_eq(line, "encode documents ###.....................  12%  503.6 M  1.50 G/s  "
			       "0:09 left");
}
END_TEST

START_TEST(progress_without_a_known_whole_has_no_bar)
{
	const struct progress p = {.what = "results"};
	const struct progress_state s = {40, -1, 12.4, -1, NULL};
	char line[256];

	progress_line(&p, &s, 3, line, sizeof line);
	ck_assert_str_eq(line, "results          40, 12/s");
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("screen");
	TCase *t = tcase_create("screen");

	tcase_add_test(t, columns_align_and_long_cells_are_cut);
	tcase_add_test(t, wide_characters_take_two_cells_and_accents_none);
	tcase_add_test(t, no_control_character_of_a_text_reaches_the_terminal);
	tcase_add_test(t, empty_cells_and_tables_without_rows_are_fine);
	tcase_add_test(t, numbers_have_commas);
	tcase_add_test(t, progress_tells_share_rate_and_time_left);
	tcase_add_test(t, progress_at_the_end_tells_the_time_it_took);
	tcase_add_test(t, progress_that_ended_without_counting_tells_its_time_alone);
	tcase_add_test(t, progress_rounds_counts_of_many_digits);
	tcase_add_test(t, progress_without_a_known_whole_has_no_bar);
	suite_add_tcase(s, t);
	return s;
}
