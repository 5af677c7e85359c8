/* What a careless or hostile client may send, and how it may leave. */
#include "tests/runner.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/server/http_fixture.h"

START_TEST(what_can_be_read_in_two_ways_is_refused)
{
	static const char *const requests[] = {
		"POST /v1/tell HTTP/1.1\r\nConnection: close\r\n\r\n",
		"POST /v1/tell HTTP/1.1\r\n" HOST CLOSE "\r\n",
		"POST /v1/tell HTTP/1.1\r\n" CLOSE
		"Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}",
		"POST /v1/tell HTTP/1.1\r\n" CLOSE
		"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
		"POST /v1/tell HTTP/1.1\r\n" CLOSE
		"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /v1/tell HTTP/1.1\r\n" CLOSE "Transfer-Encoding: gzip, chunked\r\n\r\n",
		"POST /v1/tell HTTP/1.1\r\n" CLOSE "Content-Length: -1\r\n\r\n",
		"POST /v1/tell HTTP/1.1\r\n" CLOSE "Content-Length: 2x\r\n\r\n{}",
		"POST /v1/tell HTTP/1.1\r\n" CLOSE "Content-Length : 2\r\n\r\n{}",
		"POST /v1/tell HTTP/1.1\r\n" CLOSE "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		const char *answer = ask(requests[i]);
		ck_assert_msg(!strncmp(answer, "HTTP/1.1 400 ", 13), "%s\n---\n%.1000s",
			requests[i], answer);
	}
	answers("POST /v1/of/a%00b:tell HTTP/1.1\r\n" CLOSE "\r\n", "400", "BAD_PATH");
	ck_assert_int_eq(handled, 0);
}
END_TEST

START_TEST(pages_of_other_origins_may_not_ask)
{
	answers("POST /v1/tell HTTP/1.1\r\n" CLOSE "Origin: http://evil.example\r\n\r\n", "403",
		"CROSS_ORIGIN");
	answers("POST /v1/tell HTTP/1.1\r\n" CLOSE "Origin: http://h\r\n\r\n", "200", "workers");
	ck_assert_int_eq(handled, 1);
}
END_TEST

START_TEST(a_body_that_is_too_large_is_refused_by_its_length)
{
	char request[256];

	snprintf(request, sizeof request,
		"POST /v1/tell HTTP/1.1\r\n" CLOSE "Content-Length: %d\r\n\r\n", MOST + 1);
	answers(request, "413", "at most 4096");
}
END_TEST

/* `n` chunks of `len` spaces, and the end of the body. The server may close before all are out. */
static void say_chunks(int fd, int n, int len)
{
	char chunk[1100];
	int size = snprintf(chunk, sizeof chunk, "%x\r\n%*s\r\n", (unsigned)len, len, "");

	for (int i = 0; i < n; i++)
		if (send(fd, chunk, (size_t)size, 0) < 0)
			break;
	send(fd, "0\r\n\r\n", 5, 0);
}

START_TEST(a_body_that_grows_too_large_is_refused_at_its_end)
{
	int fd = dial();

	say(fd, "POST /v1/tell HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n");
	say_chunks(fd, 5, 1000);
	const char *answer = hear(fd);
	ck_assert_msg(!strncmp(answer, "HTTP/1.1 413 ", 13), "%s", answer);
	fd = dial();
	say(fd, "POST /v1/tell HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n");
	say_chunks(fd, 5, 500);
	answer = hear(fd);
	ck_assert_msg(!strncmp(answer, "HTTP/1.1 200 ", 13), "%s", answer); /* spaces say nothing */
}
END_TEST

START_TEST(a_body_that_never_ends_is_cut_off)
{
	int fd = dial();

	say(fd, "POST /v1/tell HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n");
	say_chunks(fd, 10000, 1000);
	ck_assert_str_eq(hear(fd), "");
}
END_TEST

START_TEST(a_client_that_goes_away_cancels_its_work)
{
	int fd = dial();

	say(fd, "POST /v1/linger HTTP/1.1\r\n" HOST "\r\n");
	sem_wait(&handler_began);
	close(fd);
	sem_wait(&handler_ended);
}
END_TEST

START_TEST(a_full_lane_is_too_many_requests)
{
	int working[4];

	for (int i = 0; i < 4; i++) {
		working[i] = dial();
		say(working[i], "POST /v1/wait HTTP/1.1\r\n" CLOSE "\r\n");
		if (i < 2)
			sem_wait(&handler_began);
	}
	while (pool_queued(d.pool, QUICK) < 2)
		sched_yield();
	answers("POST /v1/tell HTTP/1.1\r\n" CLOSE "\r\n", "429", "\r\nRetry-After: 1\r\n");
	for (int i = 0; i < 4; i++)
		sem_post(&handler_may_go);
	for (int i = 0; i < 4; i++)
		ck_assert_ptr_nonnull(strstr(hear(working[i]), "HTTP/1.1 200 "));
}
END_TEST

START_TEST(a_reader_that_goes_away_ends_the_stream)
{
	int fd = dial();
	char c;

	say(fd, "GET /v1/numbers?page_size=4000000000 HTTP/1.1\r\n" CLOSE "\r\n");
	ck_assert_int_eq(recv(fd, &c, 1, 0), 1);
	close(fd);
	sem_wait(&handler_ended);
}
END_TEST

START_TEST(a_trickle_of_headers_does_not_hold_a_connection)
{
	int fd = dial();
	struct pollfd closed = {.fd = fd, .events = POLLIN};
	int sent = 0;

	say(fd, "GET /v1/tell HTTP/1.1\r\n");
	/* A header every 50 ms is never silent for long; the server cuts it off all the same. */
	while (sent < 200 && !poll(&closed, 1, 50))
		sent += send(fd, "A: b\r\n", 6, 0) > 0;
	ck_assert_int_lt(sent, 100);
	ck_assert_str_eq(hear(fd), "");
	answers("GET /v1/tell HTTP/1.1\r\n" CLOSE "\r\n", "200", "workers");
}
END_TEST

START_TEST(a_trickle_of_body_does_not_hold_a_connection)
{
	int fd = dial();
	struct pollfd closed = {.fd = fd, .events = POLLIN};
	int sent = 0;

	say(fd, "POST /v1/tell HTTP/1.1\r\n" HOST "Content-Length: 4000\r\n\r\n");
	while (sent < 200 && !poll(&closed, 1, 50))
		sent += send(fd, " ", 1, 0) > 0;
	ck_assert_int_lt(sent, 100);
	close(fd);
}
END_TEST

START_TEST(a_silent_connection_is_closed)
{
	struct pollfd closed = {.fd = dial(), .events = POLLIN};

	ck_assert_int_eq(poll(&closed, 1, WAIT_MS), 1);
	ck_assert_str_eq(hear(closed.fd), "");
}
END_TEST

START_TEST(when_all_connections_were_taken_new_ones_are_served_again)
{
	int taken[80];

	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		taken[i] = dial();
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		close(taken[i]);
	answers("GET /v1/tell HTTP/1.1\r\n" CLOSE "\r\n", "200", "workers");
}
END_TEST

START_TEST(stopping_ends_requests_that_are_under_way)
{
	int lingering = dial(), streaming = dial(), sending = dial();

	say(lingering, "POST /v1/linger HTTP/1.1\r\n" HOST "\r\n");
	sem_wait(&handler_began);
	say(streaming, "GET /v1/numbers?page_size=4000000000 HTTP/1.1\r\n" HOST "\r\n");
	say(sending, "POST /v1/tell HTTP/1.1\r\n" HOST "Content-Length: 4000\r\n\r\n{");
	char c;
	ck_assert_int_eq(recv(streaming, &c, 1, 0), 1);
	/* teardown stops the server */
}
END_TEST

START_TEST(a_port_is_served_by_one_daemon)
{
	char other[ADDRESS_TEXT];
	struct error e;

	ck_assert_ptr_null(http_start(&d, bound, other, &e));
	ck_assert_str_eq(e.reason, "CANNOT_LISTEN");
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("http_abuse");
	TCase *t = tcase_create("http_abuse");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	tcase_add_test(t, what_can_be_read_in_two_ways_is_refused);
	tcase_add_test(t, pages_of_other_origins_may_not_ask);
	tcase_add_test(t, a_body_that_is_too_large_is_refused_by_its_length);
	tcase_add_test(t, a_body_that_grows_too_large_is_refused_at_its_end);
	tcase_add_test(t, a_body_that_never_ends_is_cut_off);
	tcase_add_test(t, a_client_that_goes_away_cancels_its_work);
	tcase_add_test(t, a_full_lane_is_too_many_requests);
	tcase_add_test(t, a_reader_that_goes_away_ends_the_stream);
	tcase_add_test(t, a_trickle_of_headers_does_not_hold_a_connection);
	tcase_add_test(t, a_trickle_of_body_does_not_hold_a_connection);
	tcase_add_test(t, a_silent_connection_is_closed);
	tcase_add_test(t, when_all_connections_were_taken_new_ones_are_served_again);
	tcase_add_test(t, stopping_ends_requests_that_are_under_way);
	tcase_add_test(t, a_port_is_served_by_one_daemon);
	suite_add_tcase(s, t);
	return s;
}
