#include "tests/runner.h"

#include <stdio.h>
#include <string.h>

#include "server/config.h"

static struct config config;
static struct buf errors;
static enum config_action action;
static char path[4200];

static void setup(void)
{
	buf_init(&errors);
	snprintf(path, sizeof path, "%s/hardminerd.conf", temporary_make());
}

static void teardown(void)
{
	config_free(&config);
	buf_free(&errors);
	temporary_remove();
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

/* Loads with these flags and this environment, both ended by NULL. */
static bool load(char **flags, char **environment)
{
	char *argv[16] = {"hardminerd"};
	int argc = 1;

	while (*flags)
		argv[argc++] = *flags++;
	config_free(&config);
	buf_reset(&errors);
	bool good = config_load(&config, argc, argv, environment, &action, &errors);
	buf_char(&errors, 0);
	return good;
}

#define FLAGS(...) ((char *[]){__VA_ARGS__, NULL})
#define DATA "--data-dir", "/data"

static void complains(const char *of)
{
	ck_assert_msg(strstr(errors.data, of), "no \"%s\" in: %s", of, errors.data);
}

START_TEST(defaults_need_a_data_directory_and_nothing_else)
{
	ck_assert(!load(FLAGS(NULL), FLAGS(NULL)));
	complains("data_dir: missing");
	ck_assert(load(FLAGS(DATA), FLAGS(NULL)));
	ck_assert_str_eq(config.http_listen, "127.0.0.1:7070");
	ck_assert_uint_ge(config.workers, 1);
	ck_assert_uint_eq(config.keep_generations, 2);
	ck_assert_int_eq(action, CONFIG_RUN);
}
END_TEST

START_TEST(flags_win_over_the_environment_over_the_file_over_defaults)
{
	write_file("# by hand\n\nworkers = 3\nquick_threads=5 # few\nheavy_queue = 7\n");
	ck_assert(load(FLAGS(DATA, "--config", path, "--workers=9"),
		FLAGS("HARDMINER_WORKERS=8", "HARDMINER_QUICK_THREADS=8", "HOME=/")));
	ck_assert_uint_eq(config.workers, 9);
	ck_assert_uint_eq(config.quick_threads, 8);
	ck_assert_uint_eq(config.heavy_queue, 7);
	ck_assert_uint_eq(config.quick_queue, 4096);
}
END_TEST

START_TEST(the_environment_may_name_the_file)
{
	char variable[4300];

	write_file("data_dir = /srv/my data\n");
	snprintf(variable, sizeof variable, "HARDMINER_CONFIG=%s", path);
	ck_assert(load(FLAGS(NULL), FLAGS(variable)));
	ck_assert_str_eq(config.data_dir, "/srv/my data");
}
END_TEST

START_TEST(all_errors_are_told_at_once_with_their_place)
{
	write_file("workers = many\n\nno_such_key = 1\nquick_queue\nheavy_queue = 1\n"
		   "heavy_queue = 2\nkeep_generations = 1\n");
	ck_assert(
		!load(FLAGS("--config", path, "--nonsense", "--log-level", "loud", "--http-listen"),
			FLAGS("HARDMINER_QUICK_THREADS=-1", "HARDMINER_INSECURE=yes")));
	complains(".conf:1: workers must be a number from 0 to 1024, not \"many\"");
	complains(".conf:3: there is no key \"no_such_key\"");
	complains(".conf:4: \"quick_queue\" is not `key = value`");
	complains(".conf:6: heavy_queue is set twice");
	complains(".conf:7: keep_generations must be a number from 2");
	complains("HARDMINER_QUICK_THREADS: quick_threads must be a number");
	complains("HARDMINER_INSECURE: insecure must be true or false");
	complains("--nonsense: there is no such flag");
	complains("--http-listen: its value is missing");
	complains("log_level: must be error");
	complains("data_dir: missing");
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_an_error)
{
	ck_assert(!load(FLAGS(DATA, "--config", "/no/such/file"), FLAGS(NULL)));
	complains("/no/such/file: No such file");
}
END_TEST

START_TEST(kubernetes_service_variables_are_left_alone)
{
	ck_assert(load(FLAGS(DATA),
		FLAGS("HARDMINER_SERVICE_HOST=10.0.0.1", "HARDMINER_PORT=tcp://10.0.0.1:7070")));
}
END_TEST

START_TEST(addresses_that_others_can_reach_must_be_asked_for)
{
	ck_assert(!load(FLAGS(DATA, "--http-listen", "0.0.0.0:80"), FLAGS(NULL)));
	complains("http_listen: other machines can reach 0.0.0.0:80");
	ck_assert(load(FLAGS(DATA, "--http-listen", "0.0.0.0:80", "--insecure"), FLAGS(NULL)));
	ck_assert(!load(FLAGS(DATA, "--grpc-listen", "[::]:80"), FLAGS(NULL)));
	complains("grpc_listen: other machines");
	ck_assert(load(FLAGS(DATA, "--grpc-listen", "[::1]:80"), FLAGS(NULL)));
	ck_assert(load(FLAGS(DATA, "--grpc-listen", "unix:/run/hm.sock"), FLAGS(NULL)));
	ck_assert(!load(FLAGS(DATA, "--http-listen", "unix:/run/hm.sock"), FLAGS(NULL)));
}
END_TEST

START_TEST(addresses_are_checked)
{
	static char *const bad[] = {"7070", ":7070", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
		"127.0.0.1:http", "::1:7070", "[::1:7070", "127.0.0.1:+1", "a b:1"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_msg(
			!load(FLAGS(DATA, "--http-listen", bad[i]), FLAGS(NULL)), "%s", bad[i]);
		complains("is no address to listen on");
	}
}
END_TEST

START_TEST(what_is_printed_says_where_it_came_from_and_can_be_read_back)
{
	struct buf printed;

	buf_init(&printed);
	ck_assert(load(FLAGS(DATA, "--print-config"), FLAGS("HARDMINER_WORKERS=3")));
	ck_assert_int_eq(action, CONFIG_PRINT);
	config_print(&config, &printed);
	buf_char(&printed, 0);
	ck_assert_ptr_nonnull(strstr(printed.data, "data_dir = /data # flag\n"));
	ck_assert_ptr_nonnull(strstr(printed.data, "workers = 3 # environment\n"));
	ck_assert_ptr_nonnull(strstr(printed.data, "quick_threads = 64 # default\n"));
	write_file(printed.data);
	ck_assert(load(FLAGS("--config", path), FLAGS(NULL)));
	ck_assert_uint_eq(config.workers, 3);
	buf_free(&printed);
}
END_TEST

START_TEST(help_lists_every_flag_and_needs_nothing)
{
	struct buf help;

	buf_init(&help);
	ck_assert(load(FLAGS("--help", "--nonsense"), FLAGS(NULL)));
	ck_assert_int_eq(action, CONFIG_HELP);
	config_help(&help);
	buf_char(&help, 0);
	ck_assert_ptr_nonnull(strstr(help.data, "--drain-timeout-ms"));
	ck_assert_ptr_nonnull(strstr(help.data, "--insecure"));
	buf_free(&help);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("config");
	TCase *t = tcase_create("config");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, defaults_need_a_data_directory_and_nothing_else);
	tcase_add_test(t, flags_win_over_the_environment_over_the_file_over_defaults);
	tcase_add_test(t, the_environment_may_name_the_file);
	tcase_add_test(t, all_errors_are_told_at_once_with_their_place);
	tcase_add_test(t, a_file_that_cannot_be_read_is_an_error);
	tcase_add_test(t, kubernetes_service_variables_are_left_alone);
	tcase_add_test(t, addresses_that_others_can_reach_must_be_asked_for);
	tcase_add_test(t, addresses_are_checked);
	tcase_add_test(t, what_is_printed_says_where_it_came_from_and_can_be_read_back);
	tcase_add_test(t, help_lists_every_flag_and_needs_nothing);
	suite_add_tcase(s, t);
	return s;
}
