/*
 * The gRPC server and the C client against each other, over operations of this file's own. The
 * daemon's loop runs on a thread of its own, the client on the test's.
 */
#include "tests/runner.h"

#include <sched.h>
#include <semaphore.h>
#include <string.h>

#include "client/client.h"
#include "proto/fault.h"
#include "server/call.h"
#include "server/config.h"
#include "server/grpc.h"
#include "server/log.h"
#include "server/metrics.h"

static uv_loop_t loop;
static uv_thread_t thread;
static struct daemon d;
static const struct config config = {.default_timeout_ms = 60000};
static char bound[64];
static bool stopping;
static sem_t started, done; /* the loop runs; a deed for on_loop is done */

static sem_t handler_began, handler_may_go, handler_ended;
static atomic_int handled;

static struct hm_client *client;
static struct arena arena;
static struct error err;

enum { PLENTY = 1 << 20 };

static enum code tell(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	Pb__Info *info = (Pb__Info *)res;

	(void)c, (void)req;
	info->version = (char *)"told";
	info->has_workers = true;
	info->workers = 7;
	return OK;
}

static enum code refuse(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	(void)req, (void)res;
	error_set(&c->error, NOT_FOUND, "NO_SUCH_THING", "There is no such thing.");
	c->error.retry_after_ms = 2500;
	return error_field(&c->error, "things[3].name");
}

static enum code wait_for_test(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	sem_post(&handler_began);
	sem_wait(&handler_may_go);
	return tell(c, req, res);
}

static enum code wait_for_cancel(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	(void)req, (void)res;
	sem_post(&handler_began);
	while (!c->cancelled)
		sched_yield();
	sem_post(&handler_ended);
	return error_set(&c->error, CANCELLED, "CANCELLED", "Stopped.");
}

/* `page_size` infos, numbered from 0; then a failure when there is a page token. */
static enum code number(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	const Pb__ListJobsRequest *r = (const Pb__ListJobsRequest *)req;
	Pb__Info *info = (Pb__Info *)res;
	enum code code = OK;

	info->has_workers = true;
	for (handled = 0; handled < (int)r->page_size && !code; handled++) {
		info->workers = (uint32_t)handled;
		code = call_emit(c, &info->base);
	}
	if (!code && r->page_token)
		code = error_set(&c->error, ABORTED, "TORN", "Torn.");
	sem_post(&handler_ended);
	return code;
}

static enum code collect(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	const Pb__GetCollectionRequest *r = (const Pb__GetCollectionRequest *)req;
	Pb__Info *info = (Pb__Info *)res;

	handled++;
	if (r->collection && !strcmp(r->collection, "bad"))
		return error_set(&c->error, INVALID_ARGUMENT, "BAD_PART", "A bad part.");
	info->has_workers = true;
	info->workers++;
	return OK;
}

#define OPERATION(name_, run_, streaming_, request_) \
	{ \
		.name = name_, .run = run_, .streaming = streaming_, .request = &request_, \
		.response = &pb__info__descriptor \
	}

const struct operation operations[] = {
	OPERATION("Tell", tell, UNARY, pb__get_info_request__descriptor),
	OPERATION("Refuse", refuse, UNARY, pb__get_info_request__descriptor),
	OPERATION("Wait", wait_for_test, UNARY, pb__get_info_request__descriptor),
	OPERATION("Linger", wait_for_cancel, UNARY, pb__get_info_request__descriptor),
	OPERATION("Number", number, SERVER_STREAM, pb__list_jobs_request__descriptor),
	OPERATION("Collect", collect, CLIENT_STREAM, pb__get_collection_request__descriptor),
};
const size_t n_operations = sizeof operations / sizeof *operations;

static void open_daemon(void)
{
	uv_loop_init(&loop);
	d = (struct daemon){.loop = &loop, .config = &config, .ready = true};
	d.mailbox = mailbox_open(&loop);
	d.metrics = metrics_open(&loop, operations, n_operations);
	d.pool = pool_start(&(struct pool_options){{2, 2}, {64, 64}});
	calls_open(&d);
}

static void close_daemon(void)
{
	ck_assert_ptr_null(d.live);
	pool_stop(d.pool);
	calls_close(&d);
	metrics_close(d.metrics);
	mailbox_close(d.mailbox);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void daemon_thread(void *arg)
{
	(void)arg;
	open_daemon();
	d.grpc = grpc_start(&d, "127.0.0.1:0", bound, sizeof bound, &err);
	sem_post(&started);
	while (!stopping)
		uv_run(&loop, UV_RUN_ONCE);
	calls_cancel(&d);
	grpc_stop(d.grpc);
	close_daemon();
}

struct deed {
	struct mail mail;
	void (*what)(void);
};

static void do_deed(struct mail *mail)
{
	((struct deed *)mail)->what();
	sem_post(&done);
}

/* Runs `what` on the loop and waits for it. */
static void on_loop(void (*what)(void))
{
	struct deed deed = {{.deliver = do_deed}, what};

	mailbox_post(d.mailbox, &deed.mail);
	sem_wait(&done);
}

static void stop_serving(void)
{
	stopping = true;
}

static void start_serving(void)
{
	log_set_level(LEVEL_ERROR);
	sem_init(&started, 0, 0);
	sem_init(&done, 0, 0);
	sem_init(&handler_began, 0, 0);
	sem_init(&handler_may_go, 0, 0);
	sem_init(&handler_ended, 0, 0);
	stopping = false;
	uv_thread_create(&thread, daemon_thread, NULL);
	sem_wait(&started);
	ck_assert_msg(d.grpc, "%s", err.text);
}

static void setup(void)
{
	start_serving();
	arena_init(&arena, PLENTY);
	ck_ok(hm_open(bound, &client, &err), &err);
	hm_set_timeout(client, 60000); /* a test that would hang fails instead */
}

static void teardown(void)
{
	on_loop(stop_serving);
	uv_thread_join(&thread);
	hm_close(client);
	arena_free(&arena);
}

static enum code call(const char *operation, const Pb__Info **info)
{
	const Pb__GetInfoRequest request = PB__GET_INFO_REQUEST__INIT;

	return hm_call(client, operation, &request.base, &pb__info__descriptor, &arena,
		(ProtobufCMessage **)info, &err);
}

START_TEST(a_call_is_answered)
{
	const Pb__Info *info;

	ck_ok(call("Tell", &info), &err);
	ck_assert_str_eq(info->version, "told");
	ck_assert_uint_eq(info->workers, 7);
}
END_TEST

START_TEST(an_error_keeps_its_reason_field_and_retry_hint)
{
	const Pb__Info *info = NULL;

	ck_refused(call("Refuse", &info), &err, NOT_FOUND, "NO_SUCH_THING");
	ck_assert_str_eq(err.text, "There is no such thing.");
	ck_assert_str_eq(err.field, "things[3].name");
	ck_assert_uint_eq(err.retry_after_ms, 2500);
	ck_assert_ptr_null(info);
}
END_TEST

START_TEST(a_method_nobody_has_is_unimplemented)
{
	const Pb__Info *info;

	ck_refused(call("Dance", &info), &err, UNIMPLEMENTED, "NO_SUCH_METHOD");
}
END_TEST

START_TEST(nobody_there_is_said_so)
{
	struct hm_client *nobody;
	const Pb__GetInfoRequest request = PB__GET_INFO_REQUEST__INIT;
	ProtobufCMessage *info;

	ck_ok(hm_open("127.0.0.1:1", &nobody, &err), &err);
	ck_refused(
		hm_call(nobody, "Tell", &request.base, &pb__info__descriptor, &arena, &info, &err),
		&err, UNAVAILABLE, "UNREACHABLE");
	hm_close(nobody);
}
END_TEST

START_TEST(a_request_of_the_wrong_shape_is_refused_with_its_field)
{
	Pb__ListJobsRequest request = PB__LIST_JOBS_REQUEST__INIT;

	request.page_token = "\xff";
	ck_assert_int_eq(
		hm_stream(client, "Number", &request.base, &pb__info__descriptor, NULL, NULL, &err),
		INVALID_ARGUMENT);
	ck_assert_str_eq(err.field, "page_token");
}
END_TEST

START_TEST(a_deadline_ends_the_call_and_its_work)
{
	const Pb__Info *info;

	hm_set_timeout(client, 100);
	ck_assert_int_eq(call("Linger", &info), DEADLINE_EXCEEDED);
	sem_wait(&handler_ended);
}
END_TEST

struct reading {
	int n, stop_at;
};

static enum code read_number(void *arg, const ProtobufCMessage *m, struct error *e)
{
	struct reading *r = arg;

	ck_assert_uint_eq(((const Pb__Info *)m)->workers, (uint32_t)r->n);
	if (++r->n == r->stop_at)
		return error_set(e, ABORTED, "ENOUGH", "Enough.");
	return OK;
}

static enum code read_numbers(struct reading *r, uint32_t n, const char *token)
{
	Pb__ListJobsRequest request = PB__LIST_JOBS_REQUEST__INIT;

	request.has_page_size = true;
	request.page_size = n;
	request.page_token = (char *)token;
	return hm_stream(
		client, "Number", &request.base, &pb__info__descriptor, read_number, r, &err);
}

START_TEST(a_streamed_answer_comes_whole_and_in_order)
{
	struct reading r = {0, 0};

	ck_ok(read_numbers(&r, 1000, NULL), &err);
	ck_assert_int_eq(r.n, 1000);
	r.n = 0;
	ck_ok(read_numbers(&r, 0, NULL), &err);
	ck_assert_int_eq(r.n, 0);
}
END_TEST

START_TEST(a_streamed_answer_may_fail_after_its_messages)
{
	struct reading r = {0, 0};

	ck_refused(read_numbers(&r, 10, "x"), &err, ABORTED, "TORN");
	ck_assert_int_eq(r.n, 10);
}
END_TEST

START_TEST(a_reader_who_leaves_ends_the_work)
{
	struct reading r = {0, 5};

	ck_refused(read_numbers(&r, 100000000, NULL), &err, ABORTED, "ENOUGH");
	ck_assert_int_eq(r.n, 5);
	sem_wait(&handler_ended);
	ck_assert_int_lt(handled, 100000000);
}
END_TEST

static enum code send_part(struct hm_upload *upload, const char *collection)
{
	Pb__GetCollectionRequest part = PB__GET_COLLECTION_REQUEST__INIT;

	part.collection = (char *)collection;
	return hm_upload_send(upload, &part.base, &err);
}

START_TEST(an_upload_is_answered_once_for_all_parts)
{
	struct hm_upload *upload;
	ProtobufCMessage *info;

	ck_ok(hm_upload_begin(client, "Collect", &upload, &err), &err);
	for (int i = 0; i < 100; i++)
		ck_ok(send_part(upload, "good"), &err);
	ck_ok(hm_upload_finish(upload, &pb__info__descriptor, &arena, &info, &err), &err);
	ck_assert_uint_eq(((Pb__Info *)info)->workers, 100);
}
END_TEST

START_TEST(an_upload_stops_at_the_part_that_is_refused)
{
	struct hm_upload *upload;
	ProtobufCMessage *info;

	handled = 0;
	ck_ok(hm_upload_begin(client, "Collect", &upload, &err), &err);
	ck_ok(send_part(upload, "bad"), &err);
	while (!send_part(upload, "good"))
		;
	ck_assert_str_eq(err.reason, "BAD_PART");
	ck_refused(hm_upload_finish(upload, &pb__info__descriptor, &arena, &info, &err), &err,
		INVALID_ARGUMENT, "BAD_PART");
	ck_assert_int_eq(handled, 1);
}
END_TEST

START_TEST(an_upload_may_be_given_up)
{
	struct hm_upload *upload;
	const Pb__Info *info;

	ck_ok(hm_upload_begin(client, "Collect", &upload, &err), &err);
	ck_ok(send_part(upload, "good"), &err);
	hm_upload_abort(upload);
	ck_ok(call("Tell", &info), &err);
}
END_TEST

START_TEST(an_upload_without_parts_is_refused)
{
	struct hm_upload *upload;
	ProtobufCMessage *info;

	ck_ok(hm_upload_begin(client, "Collect", &upload, &err), &err);
	ck_refused(hm_upload_finish(upload, &pb__info__descriptor, &arena, &info, &err), &err,
		INVALID_ARGUMENT, "EMPTY_STREAM");
}
END_TEST

struct caller {
	const char *operation;
	enum code code;
	struct error error;
};

static void call_beside(void *arg)
{
	struct caller *c = arg;
	const Pb__GetInfoRequest request = PB__GET_INFO_REQUEST__INIT;
	struct arena own;
	ProtobufCMessage *info;

	arena_init(&own, PLENTY);
	c->code = hm_call(
		client, c->operation, &request.base, &pb__info__descriptor, &own, &info, &c->error);
	arena_free(&own);
}

static void drain(void)
{
	d.draining = true;
	grpc_drain(d.grpc);
}

START_TEST(draining_finishes_what_is_under_way_and_takes_nothing_new)
{
	struct caller caller = {.operation = "Wait"};
	const Pb__Info *info;
	uv_thread_t beside;

	uv_thread_create(&beside, call_beside, &caller);
	sem_wait(&handler_began);
	on_loop(drain);
	ck_refused(call("Tell", &info), &err, UNAVAILABLE, "DRAINING");
	sem_post(&handler_may_go);
	uv_thread_join(&beside);
	ck_ok(caller.code, &caller.error);
}
END_TEST

START_TEST(stopping_cancels_what_is_left)
{
	struct caller caller = {.operation = "Linger"};
	struct hm_upload *upload;
	uv_thread_t beside;

	ck_ok(hm_upload_begin(client, "Collect", &upload, &err), &err);
	ck_ok(send_part(upload, "good"), &err);
	uv_thread_create(&beside, call_beside, &caller);
	sem_wait(&handler_began);
	on_loop(stop_serving);
	uv_thread_join(&beside);
	ck_assert_int_eq(caller.code, UNAVAILABLE);
	hm_upload_abort(upload);
	uv_thread_join(&thread);
	start_serving(); /* for teardown to stop */
}
END_TEST

START_TEST(a_port_is_served_by_one_daemon)
{
	struct daemon other = {.loop = &loop};
	char again[64] = "untouched";

	ck_assert_ptr_null(grpc_start(&other, bound, again, sizeof again, &err));
	ck_assert_str_eq(err.reason, "ADDRESS_UNAVAILABLE");
	ck_assert_str_eq(again, "untouched");
	ck_assert_ptr_null(grpc_start(&other, "no port here", again, sizeof again, &err));
}
END_TEST

START_TEST(every_step_of_starting_may_fail)
{
#ifdef HARDMINER_FAULTS
	struct grpc *g;
	long n = 0;

	open_daemon();
	do {
		fault_arm(n);
		g = grpc_start(&d, "127.0.0.1:0", bound, sizeof bound, &err);
		ck_assert_int_eq(!g, fault_fired());
		if (!g)
			ck_assert_int_eq(err.code, RESOURCE_EXHAUSTED);
		n += n < 16 ? 1 : 499; /* the index of reflection has thousands alike */
	} while (!g);
	fault_arm(-1);
	grpc_stop(g);
	close_daemon();
#endif
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("grpc");
	TCase *t = tcase_create("served");
	TCase *start = tcase_create("start");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_call_is_answered);
	tcase_add_test(t, an_error_keeps_its_reason_field_and_retry_hint);
	tcase_add_test(t, a_method_nobody_has_is_unimplemented);
	tcase_add_test(t, nobody_there_is_said_so);
	tcase_add_test(t, a_request_of_the_wrong_shape_is_refused_with_its_field);
	tcase_add_test(t, a_deadline_ends_the_call_and_its_work);
	tcase_add_test(t, a_streamed_answer_comes_whole_and_in_order);
	tcase_add_test(t, a_streamed_answer_may_fail_after_its_messages);
	tcase_add_test(t, a_reader_who_leaves_ends_the_work);
	tcase_add_test(t, an_upload_is_answered_once_for_all_parts);
	tcase_add_test(t, an_upload_stops_at_the_part_that_is_refused);
	tcase_add_test(t, an_upload_may_be_given_up);
	tcase_add_test(t, an_upload_without_parts_is_refused);
	tcase_add_test(t, draining_finishes_what_is_under_way_and_takes_nothing_new);
	tcase_add_test(t, stopping_cancels_what_is_left);
	tcase_add_test(t, a_port_is_served_by_one_daemon);
	suite_add_tcase(s, t);
	tcase_add_test(start, every_step_of_starting_may_fail);
	suite_add_tcase(s, start);
	return s;
}
