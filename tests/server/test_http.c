#include "tests/runner.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/server/http_fixture.h"

START_TEST(a_query_string_sets_fields)
{
	answers("GET /v1/tell?page_size=21&page_token=a%2Bb+c HTTP/1.1\r\n" CLOSE "\r\n", "200",
		"{\"version\":\"a+b c\",");
	answers("GET /v1/tell?page_size=21 HTTP/1.1\r\n" CLOSE "\r\n", "200", "\"workers\":42");
	answers("GET /v1/tell?nonsense=1 HTTP/1.1\r\n" CLOSE "\r\n", "400",
		"\"field\":\"nonsense\"");
	answers("GET /v1/tell?page_token=%00 HTTP/1.1\r\n" CLOSE "\r\n", "400",
		"\"reason\":\"BAD_QUERY_STRING\"");
}
END_TEST

START_TEST(a_body_and_a_path_set_fields)
{
	answers("POST /v1/of/demo:tell HTTP/1.1\r\n" CLOSE "Content-Length: 15\r\n\r\n"
		"{\"page_size\":5}",
		"200", "{\"version\":\"demo\",");
	answers("POST /v1/of/demo:tell HTTP/1.1\r\n" CLOSE "Content-Length: 22\r\n\r\n"
		"{\"collection\":\"other\"}",
		"400", "\"field\":\"collection\"");
	answers("POST /v1/tell HTTP/1.1\r\n" CLOSE "\r\n", "200", "\"workers\":200");
}
END_TEST

START_TEST(raw_bytes_follow_a_line_of_json)
{
	answers("POST /v1/store/demo/7 HTTP/1.1\r\n" CLOSE
		"Content-Type: application/octet-stream\r\nContent-Length: 20\r\n\r\n"
		"{\"ids\":[\"a\"]}\nabcdef",
		"200", "\"demo/7 1 ids abcdef\"");
	answers("POST /v1/store/demo/7 HTTP/1.1\r\n" CLOSE
		"Content-Type: application/octet-stream\r\nContent-Length: 6\r\n\r\nabcdef",
		"400", "MISSING_HEADER_LINE");
	answers("POST /v1/store/demo/7 HTTP/1.1\r\n" CLOSE
		"Content-Type: application/octet-stream\r\nContent-Length: 17\r\n\r\n"
		"{\"data\":\"YQ==\"}\nb",
		"400", "FIELD_SET_TWICE");
	answers("POST /v1/tell HTTP/1.1\r\n" CLOSE
		"Content-Type: application/octet-stream\r\nContent-Length: 3\r\n\r\n{}\n",
		"415", "UNSUPPORTED_MEDIA_TYPE");
}
END_TEST

START_TEST(an_error_has_one_body_and_its_headers)
{
	const char *answer = ask(
		"GET /v1/tell?page_token=fail HTTP/1.1\r\n" CLOSE "X-Request-Id: step-7\r\n\r\n");

	ck_assert_ptr_nonnull(strstr(answer, "HTTP/1.1 429 "));
	ck_assert_ptr_nonnull(strstr(answer, "\r\nRetry-After: 2\r\n"));
	ck_assert_ptr_nonnull(strstr(answer, "\r\nX-Request-Id: step-7\r\n"));
	ck_assert_ptr_nonnull(strstr(answer,
		"\r\n\r\n{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"reason\":"
		"\"NO_MORE\",\"message\":\"There is no more.\",\"field\":\"page_token\","
		"\"retry_after_ms\":1500,\"request_id\":\"step-7\"}}\n"));
}
END_TEST

START_TEST(what_is_nowhere_and_what_is_not_for_this_verb)
{
	answers("GET /v1/nowhere HTTP/1.1\r\n" CLOSE "\r\n", "404", "NO_SUCH_ROUTE");
	answers("DELETE /v1/tell HTTP/1.1\r\n" CLOSE "\r\n", "405",
		"\r\nAllow: GET, HEAD, POST, OPTIONS\r\n");
	answers("PATCH /v1/tell HTTP/1.1\r\n" CLOSE "\r\n", "405", "METHOD_NOT_ALLOWED");
	answers("POST /livez HTTP/1.1\r\n" CLOSE "\r\n", "405",
		"\r\nAllow: GET, HEAD, OPTIONS\r\n");
	answers("OPTIONS /v1/tell HTTP/1.1\r\n" CLOSE "\r\n", "204",
		"\r\nAllow: GET, HEAD, POST, OPTIONS\r\n");
	answers("OPTIONS * HTTP/1.1\r\n" CLOSE "\r\n", "204", "DELETE");
	answers("GET /v1/tell HTTP/1.1\r\n" CLOSE "Content-Length: 2\r\n\r\n{}", "400",
		"UNEXPECTED_BODY");
}
END_TEST

START_TEST(head_answers_without_a_body)
{
	const char *answer = ask("HEAD /v1/tell?page_size=21 HTTP/1.1\r\n" CLOSE "\r\n");

	ck_assert_ptr_nonnull(strstr(answer, "HTTP/1.1 200 "));
	ck_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
	answer = ask("HEAD /livez HTTP/1.1\r\n" CLOSE "\r\n");
	ck_assert_ptr_nonnull(strstr(answer, "\r\nContent-Length: 3\r\n"));
}
END_TEST

START_TEST(content_types_are_told_apart)
{
	static const char *const types[] = {"application/json", "Application/JSON; charset=utf-8",
		"application/x-www-form-urlencoded"};
	char request[512];

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		snprintf(request, sizeof request,
			"POST /v1/tell HTTP/1.1\r\n" CLOSE
			"Content-Type: %s\r\nContent-Length: 15\r\n\r\n{\"page_size\":5}",
			types[i]);
		answers(request, "200", "\"workers\":10");
	}
	answers("POST /v1/tell HTTP/1.1\r\n" CLOSE "Content-Type: text/xml\r\n\r\n", "415",
		"text/xml");
	answers("POST /v1/tell HTTP/1.1\r\n" CLOSE "Content-Encoding: gzip\r\n\r\n", "415", "gzip");
}
END_TEST

START_TEST(a_connection_serves_many_requests)
{
	int fd = dial();
	char answer[4096];

	for (int i = 0; i < 20; i++) {
		ssize_t n;
		say(fd, "GET /v1/tell?page_size=21 HTTP/1.1\r\n" HOST "\r\n");
		n = recv(fd, answer, sizeof answer - 1, 0);
		ck_assert_int_gt(n, 0);
		answer[n] = 0;
		ck_assert_ptr_nonnull(strstr(answer, "HTTP/1.1 200 "));
	}
	close(fd);
}
END_TEST

START_TEST(pages_and_refusals_leave_the_connection_open)
{
	int fd = dial();

	say(fd, "GET /livez HTTP/1.1\r\n" HOST "\r\n"
		"GET /nowhere HTTP/1.1\r\n" HOST "\r\n"
		"OPTIONS /v1/tell HTTP/1.1\r\n" HOST "\r\n"
		"GET /v1/tell?page_size=21 HTTP/1.1\r\n" CLOSE "\r\n");
	const char *answer = hear(fd);
	ck_assert_msg(strstr(answer, "\"workers\":42"), "%s", answer);
}
END_TEST

START_TEST(requests_may_be_sent_ahead)
{
	int fd = dial();

	say(fd, "POST /v1/tell HTTP/1.1\r\n" HOST "Content-Length: 15\r\n\r\n{\"page_size\":5}"
		"POST /v1/tell HTTP/1.1\r\n" CLOSE "Content-Length: 15\r\n\r\n{\"page_size\":6}");
	const char *answer = hear(fd);
	const char *second = strstr(answer, "\"workers\":10");
	ck_assert_ptr_nonnull(second);
	ck_assert_ptr_nonnull(strstr(second, "\"workers\":12"));
}
END_TEST

START_TEST(a_deadline_is_an_answer)
{
	answers("POST /v1/linger HTTP/1.1\r\n" CLOSE "Request-Timeout-Ms: 50\r\n\r\n", "504",
		"DEADLINE_EXCEEDED");
	answers("POST /v1/linger HTTP/1.1\r\n" CLOSE "Request-Timeout-Ms: 0\r\n\r\n", "504",
		"nothing was done");
	answers("POST /v1/linger HTTP/1.1\r\n" CLOSE "Request-Timeout-Ms: soon\r\n\r\n", "400",
		"Request-Timeout-Ms");
}
END_TEST

/* The k-th chunk's payloads, joined; the answer is chunked. */
static char *lines_of(const char *answer)
{
	static char lines[1 << 20];
	const char *at = strstr(answer, "\r\n\r\n") + 4;
	size_t len = 0;

	for (;;) {
		char *rest;
		size_t n = strtoul(at, &rest, 16);
		if (!n)
			break;
		memcpy(lines + len, rest + 2, n);
		len += n;
		at = rest + 2 + n + 2;
	}
	lines[len] = 0;
	return lines;
}

START_TEST(a_stream_is_a_line_a_message)
{
	const char *answer = ask("GET /v1/numbers?page_size=3 HTTP/1.1\r\n" CLOSE "\r\n");

	ck_assert_ptr_nonnull(strstr(answer, "\r\nContent-Type: application/x-ndjson\r\n"));
	const char *lines = lines_of(answer);
	for (int i = 0; i < 3; i++) {
		char want[32];
		snprintf(want, sizeof want, "\"workers\":%d", i);
		lines = strstr(lines, want);
		ck_assert_ptr_nonnull(lines);
	}
	ck_assert_str_eq(strchr(lines, '\n'), "\n");
}
END_TEST

START_TEST(between_twins_accept_chooses_the_stream)
{
	const char *request = "POST /v1/tell HTTP/1.1\r\n" CLOSE
			      "Accept: application/x-ndjson\r\nContent-Length: 15\r\n\r\n"
			      "{\"page_size\":2}";

	ck_assert_ptr_nonnull(strstr(lines_of(ask(request)), "\"workers\":1"));
}
END_TEST

START_TEST(a_stream_that_fails_says_so_in_its_last_line)
{
	const char *lines =
		lines_of(ask("GET /v1/numbers?page_size=2&page_token=x HTTP/1.1\r\n" CLOSE "\r\n"));
	const char *last = strstr(lines, "{\"error\":{\"code\":404,");

	ck_assert_ptr_nonnull(strstr(lines, "\"workers\":1"));
	ck_assert_ptr_nonnull(last);
	ck_assert_str_eq(strchr(last, '\n'), "\n");
}
END_TEST

START_TEST(a_stream_that_fails_before_its_first_line_is_an_error)
{
	answers("GET /v1/numbers?page_size=0&page_token=x HTTP/1.1\r\n" CLOSE "\r\n", "404",
		"GONE");
	answers("GET /v1/numbers?page_size=0 HTTP/1.1\r\n" CLOSE "\r\n", "200", "ndjson");
	answers("HEAD /v1/numbers HTTP/1.1\r\n" CLOSE "\r\n", "405", "");
}
END_TEST

/* How many lines have been emitted when no more are for a while. */
static unsigned emitted_at_rest(void)
{
	unsigned before;

	do {
		before = emitted;
		poll(NULL, 0, 200);
	} while (emitted != before);
	return before;
}

START_TEST(a_stream_waits_for_a_slow_client_and_loses_nothing)
{
	enum { LINES = 300000 };
	int fd = dial();
	static char block[1 << 16];
	char text[128];
	long lines = 0;
	ssize_t n;

	snprintf(text, sizeof text, "GET /v1/numbers?page_size=%d HTTP/1.0\r\n\r\n", LINES);
	say(fd, text);
	ck_assert_int_eq(recv(fd, block, 1, MSG_PEEK), 1);
	/* Far more than sockets and our own buffer hold: the handler stands still before its end. */
	ck_assert_uint_lt(emitted_at_rest(), LINES);
	while ((n = recv(fd, block, sizeof block, 0)) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += block[i] == '\n';
	ck_assert_int_ge(lines, LINES);
	ck_assert_int_le(lines, LINES + 16); /* and the head */
	close(fd);
}
END_TEST

START_TEST(fixed_pages_answer)
{
	answers("GET /livez HTTP/1.1\r\n" CLOSE "\r\n", "200", "\r\n\r\nok\n");
	answers("GET /readyz HTTP/1.1\r\n" CLOSE "\r\n", "200", "\r\n\r\nready\n");
	answers("GET /openapi.json HTTP/1.1\r\n" CLOSE "\r\n", "200",
		"/v1/collections/{collection}");
	answers("GET /metrics HTTP/1.1\r\n" CLOSE "\r\n", "200", "hardminer_build_info{");
}
END_TEST

static void drain(struct mail *mail)
{
	(void)mail;
	d.draining = true;
	sem_post(&handler_ended);
}

START_TEST(a_draining_server_finishes_requests_and_closes_their_connections)
{
	struct mail mail = {.deliver = drain};
	int fd = dial();

	say(fd, "POST /v1/wait HTTP/1.1\r\n" HOST "\r\n");
	sem_wait(&handler_began);
	mailbox_post(d.mailbox, &mail);
	sem_wait(&handler_ended);
	answers("POST /v1/tell HTTP/1.1\r\n" HOST "\r\n", "503", "DRAINING");
	sem_post(&handler_may_go);
	const char *answer = hear(fd);
	ck_assert_ptr_nonnull(strstr(answer, "HTTP/1.1 200 "));
	ck_assert_ptr_nonnull(strstr(answer, "\r\nConnection: close\r\n"));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("http");
	TCase *t = tcase_create("http");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	tcase_add_test(t, a_query_string_sets_fields);
	tcase_add_test(t, a_body_and_a_path_set_fields);
	tcase_add_test(t, raw_bytes_follow_a_line_of_json);
	tcase_add_test(t, an_error_has_one_body_and_its_headers);
	tcase_add_test(t, what_is_nowhere_and_what_is_not_for_this_verb);
	tcase_add_test(t, head_answers_without_a_body);
	tcase_add_test(t, content_types_are_told_apart);
	tcase_add_test(t, a_connection_serves_many_requests);
	tcase_add_test(t, pages_and_refusals_leave_the_connection_open);
	tcase_add_test(t, requests_may_be_sent_ahead);
	tcase_add_test(t, a_deadline_is_an_answer);
	tcase_add_test(t, a_stream_is_a_line_a_message);
	tcase_add_test(t, between_twins_accept_chooses_the_stream);
	tcase_add_test(t, a_stream_that_fails_says_so_in_its_last_line);
	tcase_add_test(t, a_stream_that_fails_before_its_first_line_is_an_error);
	tcase_add_test(t, a_stream_waits_for_a_slow_client_and_loses_nothing);
	tcase_add_test(t, fixed_pages_answer);
	tcase_add_test(t, a_draining_server_finishes_requests_and_closes_their_connections);
	suite_add_tcase(s, t);
	return s;
}
