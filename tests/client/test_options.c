#include "tests/runner.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/options.h"

static const struct option own[] = {
	{"depth", "N", "100", "how deep"},
	{"format", "NAME", "triplet", "which format"},
	{"query", "TEXT", NULL, "what to ask", OPTION_MANY},
	{"scores", NULL, NULL, "with scores"},
	{NULL},
};

static const struct option common[] = {
	{"server", "HOST:PORT", NULL, "where"},
	{NULL},
};

static struct options o;
static struct error err;

static void setup(void)
{
	o = (struct options){.tables = {own, common}};
	err = (struct error){0};
}

#define PARSE(...) parse((char *[]){__VA_ARGS__, NULL}, false)

static int used;

static enum code parse(char **argv, bool until_word)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return options_parse(&o, argc, argv, until_word, &used, &err);
}

START_TEST(options_and_words_come_in_any_order)
{
	ck_ok(PARSE("demo", "--depth", "7", "--scores", "set", "--server=here:1", "--", "--word"),
		&err);
	ck_assert_uint_eq(o.n_words, 3);
	ck_assert_str_eq(o.words[0], "demo");
	ck_assert_str_eq(o.words[1], "set");
	ck_assert_str_eq(o.words[2], "--word");
	ck_assert_str_eq(options_value(&o, "depth"), "7");
	ck_assert_str_eq(options_value(&o, "server"), "here:1");
	ck_assert_str_eq(options_value(&o, "scores"), "true");
}
END_TEST

START_TEST(what_is_not_given_has_its_assumed_value)
{
	uint64_t n = 0;
	size_t format = 9;

	ck_ok(PARSE("demo"), &err);
	ck_ok(options_number(&o, "depth", 1000, &n, &err), &err);
	ck_assert_uint_eq(n, 100);
	ck_ok(options_choice(
		      &o, "format", (const char *[]){"n-tuple", "triplet", NULL}, &format, &err),
		&err);
	ck_assert_uint_eq(format, 1);
	ck_assert_ptr_null(options_value(&o, "query"));
	ck_assert(!options_has(&o, "depth"));
}
END_TEST

START_TEST(reading_may_stop_at_the_first_word)
{
	ck_ok(parse((char *[]){"--server", "here:1", "verb", "--depth", "x", NULL}, true), &err);
	ck_assert_int_eq(used, 2);
	ck_assert_uint_eq(o.n_words, 0);
}
END_TEST

START_TEST(some_options_may_be_repeated)
{
	ck_ok(PARSE("--query", "a", "--query=b"), &err);
	ck_assert_uint_eq(o.n_given, 2);
	ck_assert_str_eq(o.given[0].value, "a");
	ck_assert_str_eq(o.given[1].value, "b");
	ck_assert_str_eq(o.given[1].option->name, "query");
}
END_TEST

START_TEST(slips_are_refused_by_name)
{
	ck_refused(PARSE("--dept", "1"), &err, INVALID_ARGUMENT, "USAGE");
	ck_assert_str_eq(err.field, "--dept");
	ck_refused(PARSE("--depth"), &err, INVALID_ARGUMENT, "USAGE");
	ck_assert_str_eq(err.field, "--depth");
	ck_refused(PARSE("--scores=yes"), &err, INVALID_ARGUMENT, "USAGE");
	ck_refused(PARSE("--depth=1", "--depth=2"), &err, INVALID_ARGUMENT, "USAGE");
}
END_TEST

static char *const bad_numbers[] = {"", "x", "1x", "-1", "1001", "99999999999999999999"};

START_TEST(numbers_are_whole_and_within_bounds)
{
	uint64_t n = 5;

	ck_ok(PARSE("--depth", bad_numbers[_i]), &err);
	ck_refused(options_number(&o, "depth", 1000, &n, &err), &err, INVALID_ARGUMENT, "USAGE");
	ck_assert_uint_eq(n, 5);
}
END_TEST

START_TEST(a_choice_names_what_there_is)
{
	size_t format = 9;

	ck_ok(PARSE("--format", "csv"), &err);
	ck_refused(options_choice(&o, "format", (const char *[]){"n-tuple", "triplet", NULL},
			   &format, &err),
		&err, INVALID_ARGUMENT, "USAGE");
	ck_assert_ptr_nonnull(strstr(err.text, "n-tuple, triplet"));
	ck_assert_uint_eq(format, 9);
}
END_TEST

START_TEST(help_comes_from_the_same_rows)
{
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	options_help(own, to);
	fclose(to);
	ck_assert_str_eq(text, "  --depth N                   how deep (100)\n"
			       "  --format NAME               which format (triplet)\n"
			       "  --query TEXT                what to ask (may be repeated)\n"
			       "  --scores                    with scores\n");
	free(text);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("options");
	TCase *t = tcase_create("options");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, options_and_words_come_in_any_order);
	tcase_add_test(t, what_is_not_given_has_its_assumed_value);
	tcase_add_test(t, reading_may_stop_at_the_first_word);
	tcase_add_test(t, some_options_may_be_repeated);
	tcase_add_test(t, slips_are_refused_by_name);
	tcase_add_loop_test(t, numbers_are_whole_and_within_bounds, 0, 6);
	tcase_add_test(t, a_choice_names_what_there_is);
	tcase_add_test(t, help_comes_from_the_same_rows);
	suite_add_tcase(s, t);
	return s;
}
