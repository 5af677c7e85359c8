#include "tests/runner.h"

#include <stdlib.h>
#include <string.h>

#include "server/call.h"
#include "server/metrics.h"

static uv_loop_t loop;
static struct daemon d;
static struct buf text;
static const struct operation table[] = {{.name = "Mine"}, {.name = "Tell"}};

static void setup(void)
{
	uv_loop_init(&loop);
	d = (struct daemon){.loop = &loop, .ready = true, .started_at_ms = 1700000000500};
	d.pool = pool_start(&(struct pool_options){{1, 1}, {1, 1}});
	d.metrics = metrics_open(&loop, table, 2);
	buf_init(&text);
}

static void teardown(void)
{
	buf_free(&text);
	metrics_close(d.metrics);
	pool_stop(d.pool);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void write_metrics(void)
{
	buf_reset(&text);
	metrics_write(d.metrics, &d, &text);
	buf_char(&text, 0);
	ck_assert(!text.failed);
}

static void has_line(const char *line)
{
	char whole[256];

	snprintf(whole, sizeof whole, "\n%s\n", line);
	ck_assert_msg(strstr(text.data, whole), "no line %s in\n%s", line, text.data);
}

START_TEST(calls_are_counted_by_operation_transport_and_code)
{
	metrics_call(d.metrics, &table[0], "grpc", OK, 1);
	metrics_call(d.metrics, &table[0], "grpc", OK, 1);
	metrics_call(d.metrics, &table[0], "http", NOT_FOUND, 1);
	metrics_shed(d.metrics, SHED_DRAINING);
	write_metrics();
	has_line("hardminer_requests_total{method=\"Mine\",transport=\"grpc\",code=\"OK\"} 2");
	has_line("hardminer_requests_total{method=\"Mine\",transport=\"http\",code=\"NOT_FOUND\"} "
		 "1");
	has_line("hardminer_shed_total{reason=\"draining\"} 1");
	has_line("hardminer_shed_total{reason=\"overloaded\"} 0");
	has_line("hardminer_ready 1");
	has_line("process_start_time_seconds 1700000000.5");
	ck_assert_ptr_null(strstr(text.data, "Tell"));
}
END_TEST

/* 1 ms, 1.5 ms, 20 s, 31 s: on a bound, between two, in the last bucket, past it. */
START_TEST(durations_fall_into_buckets_that_include_their_bound)
{
	metrics_call(d.metrics, &table[1], "http", OK, 1000000);
	metrics_call(d.metrics, &table[1], "http", OK, 1500000);
	metrics_call(d.metrics, &table[1], "http", OK, 20000000000);
	metrics_call(d.metrics, &table[1], "http", OK, 31000000000);
	write_metrics();
	has_line("hardminer_request_duration_seconds_bucket{method=\"Tell\",le=\"0.0005\"} 0");
	has_line("hardminer_request_duration_seconds_bucket{method=\"Tell\",le=\"0.001\"} 1");
	has_line("hardminer_request_duration_seconds_bucket{method=\"Tell\",le=\"0.0025\"} 2");
	has_line("hardminer_request_duration_seconds_bucket{method=\"Tell\",le=\"10\"} 2");
	has_line("hardminer_request_duration_seconds_bucket{method=\"Tell\",le=\"30\"} 3");
	has_line("hardminer_request_duration_seconds_bucket{method=\"Tell\",le=\"+Inf\"} 4");
	has_line("hardminer_request_duration_seconds_count{method=\"Tell\"} 4");
	ck_assert_double_eq_tol(strtod(strstr(text.data, "seconds_sum{method=\"Tell\"} ") +
						strlen("seconds_sum{method=\"Tell\"} "),
					NULL),
		51.0025, 1e-9);
}
END_TEST

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Prometheus' text format: every sample follows the HELP and TYPE lines of its family, once. */
START_TEST(every_sample_follows_its_help_and_type)
{
	char family[128] = "", *line, *rest;
	size_t samples = 0;

	metrics_call(d.metrics, &table[0], "grpc", OK, 1);
	write_metrics();
	for (rest = text.data; (line = strsep(&rest, "\n")) && *line;) {
		size_t len = 0;
		char *end;
		if (!strncmp(line, "# HELP ", 7)) {
			snprintf(family, sizeof family, "%.*s", (int)strcspn(line + 7, " "),
				line + 7);
			line = strsep(&rest, "\n");
			ck_assert_int_eq(strncmp(line, "# TYPE ", 7), 0);
			ck_assert_int_eq(strncmp(line + 7, family, strlen(family)), 0);
			continue;
		}
		while (is_name(line[len]))
			len++;
		ck_assert_uint_gt(len, 0);
		ck_assert_msg(!strncmp(line, family, strlen(family)), "%s in %s", line, family);
		ck_assert(line[len] == ' ' || line[len] == '{');
		ck_assert_double_ge(strtod(strrchr(line, ' ') + 1, &end), 0);
		ck_assert_int_eq(*end, 0);
		samples++;
	}
	ck_assert_uint_gt(samples, 25);
}
END_TEST

START_TEST(the_mean_of_a_lanes_work_follows_it)
{
	ck_assert_double_eq(metrics_work_ms(d.metrics, HEAVY), 0);
	for (int i = 0; i < 200; i++)
		metrics_work(d.metrics, HEAVY, 8000000);
	ck_assert_double_eq_tol(metrics_work_ms(d.metrics, HEAVY), 8, .01);
	ck_assert_double_eq(metrics_work_ms(d.metrics, QUICK), 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("metrics");
	TCase *t = tcase_create("metrics");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, calls_are_counted_by_operation_transport_and_code);
	tcase_add_test(t, durations_fall_into_buckets_that_include_their_bound);
	tcase_add_test(t, every_sample_follows_its_help_and_type);
	tcase_add_test(t, the_mean_of_a_lanes_work_follows_it);
	suite_add_tcase(s, t);
	return s;
}
