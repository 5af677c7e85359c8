#include "tests/runner.h"

#include <sched.h>
#include <semaphore.h>
#include <string.h>

#include "server/call.h"
#include "server/config.h"
#include "server/log.h"
#include "server/metrics.h"

/* A daemon of one worker a lane and no storage. */
static uv_loop_t loop;
static struct daemon d;
static const struct config config = {.default_timeout_ms = 60000};

/* Deadlines pass on the loop, which does not turn before the test lets it. */
enum { SOON_MS = 20, LATER_MS = 1500 };

/* What the handlers of this file do, and how often they were called. */
static sem_t handler_began, handler_may_go;
static atomic_int handled;

/* A transport without a wire. */
struct trial {
	struct call call;
	int replies, mores;
	atomic_int emitted;
	enum code decodes_to;
	bool held; /* while it is decoded, or encoded */
};

static struct trial *trial_of(struct call *c)
{
	return (struct trial *)c;
}

static void hold(void)
{
	sem_post(&handler_began);
	sem_wait(&handler_may_go);
}

static enum code decode(struct call *c, ProtobufCMessage **req)
{
	if (trial_of(c)->held && c->bytes)
		hold();
	if (trial_of(c)->decodes_to)
		return error_set(&c->error, trial_of(c)->decodes_to, "BAD", "Bad.");
	*req = arena_alloc(call_request_arena(c), c->op->request->sizeof_message);
	protobuf_c_message_init(c->op->request, *req);
	return OK;
}

static enum code encode(struct call *c, const ProtobufCMessage *res)
{
	if (trial_of(c)->held && !c->bytes)
		hold();
	buf_printf(&c->out, "answer %d", (int)((const Pb__Info *)res)->workers);
	return OK;
}

static enum code emit(struct call *c, const ProtobufCMessage *m)
{
	(void)m;
	trial_of(c)->emitted++;
	return OK;
}

static void more(struct call *c)
{
	trial_of(c)->mores++;
}

static void reply(struct call *c)
{
	trial_of(c)->replies++;
}

static const struct transport inline_transport = {"http", decode, encode, emit, more, reply};

static enum code count(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	(void)c, (void)req;
	handled++;
	((Pb__Info *)res)->workers++;
	return OK;
}

static enum code wait_for_test(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	hold();
	return count(c, req, res);
}

static enum code wait_for_cancel(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	sem_post(&handler_began);
	while (!c->cancelled)
		sched_yield();
	count(c, req, res);
	return error_set(&c->error, CANCELLED, "CANCELLED", "Stopped.");
}

/* Does not look at `cancelled` and succeeds, too late. */
static enum code work_past_deadline(
	struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	sem_post(&handler_began);
	while (!c->cancelled)
		sched_yield();
	return count(c, req, res);
}

static enum code emit_for_ever(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	(void)req;
	while (!call_emit(c, res))
		if (trial_of(c)->emitted == 3)
			sem_post(&handler_began);
	return c->error.code;
}

enum { MUCH = 2 << 20 }; /* bytes */

static enum code answer_much(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	char *text = arena_alloc(&c->arena, MUCH);

	memset(text, 'x', MUCH - 1);
	text[MUCH - 1] = 0;
	((Pb__Info *)res)->version = text;
	return count(c, req, res);
}

enum { COUNT, WAIT, STOPPABLE, DEAF, STREAM, UPLOAD, LARGE, SMALL, N_OPERATIONS };

#define OPERATION(name_, run_, streaming_, lane_) \
	{ \
		.name = name_, .run = run_, .streaming = streaming_, .lane = lane_, \
		.request = &pb__get_info_request__descriptor, .response = &pb__info__descriptor \
	}

static const struct operation table[N_OPERATIONS] = {
	[COUNT] = OPERATION("Count", count, UNARY, QUICK),
	[WAIT] = OPERATION("Wait", wait_for_test, UNARY, QUICK),
	[STOPPABLE] = OPERATION("Stoppable", wait_for_cancel, UNARY, QUICK),
	[DEAF] = OPERATION("Deaf", work_past_deadline, UNARY, QUICK),
	[STREAM] = OPERATION("Stream", emit_for_ever, SERVER_STREAM, QUICK),
	[UPLOAD] = OPERATION("Upload", count, CLIENT_STREAM, QUICK),
	[LARGE] = OPERATION("Large", answer_much, UNARY, HEAVY),
	[SMALL] = OPERATION("Small", count, UNARY, HEAVY),
};

static void setup(void)
{
	log_set_level(LEVEL_ERROR);
	sem_init(&handler_began, 0, 0);
	sem_init(&handler_may_go, 0, 0);
	handled = 0;
	uv_loop_init(&loop);
	d = (struct daemon){.loop = &loop, .config = &config};
	d.mailbox = mailbox_open(&loop);
	d.metrics = metrics_open(&loop, table, N_OPERATIONS);
	d.pool = pool_start(&(struct pool_options){{1, 1}, {1, 1}});
	calls_open(&d);
}

static void teardown(void)
{
	ck_assert_ptr_null(d.live);
	pool_stop(d.pool);
	calls_close(&d);
	metrics_close(d.metrics);
	mailbox_close(d.mailbox);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void prepare(struct trial *t, int operation)
{
	*t = (struct trial){.call = {.daemon = &d,
				    .op = &table[operation],
				    .via = &inline_transport,
				    .deadline_ms = INT64_MAX}};
}

static void start(struct trial *t, int operation)
{
	prepare(t, operation);
	call_start(&t->call);
}

static void await_reply(struct trial *t)
{
	while (!t->replies)
		uv_run(&loop, UV_RUN_ONCE);
}

/* Frees the call; asserts that it ended once, so. */
static void ended_with(struct trial *t, enum code code, const char *reason)
{
	await_reply(t);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_int_eq(t->replies, 1);
	ck_assert_int_eq(t->call.error.code, code);
	if (code) {
		ck_assert_str_eq(t->call.error.reason, reason);
		ck_assert_uint_eq(t->call.out.len, 0);
	}
	call_free(&t->call);
}

START_TEST(a_call_is_answered_once_under_an_id_of_ours)
{
	struct trial t;

	start(&t, COUNT);
	await_reply(&t);
	ck_assert_uint_eq(strlen(t.call.request_id), 32);
	ck_assert_uint_eq(t.call.out.len, strlen("answer 1"));
	ck_assert_int_eq(memcmp(t.call.out.data, "answer 1", 8), 0);
	ended_with(&t, OK, "");
}
END_TEST

START_TEST(a_clients_id_is_kept_when_it_can_be_printed)
{
	struct trial good, bad;

	prepare(&good, COUNT);
	strcpy(good.call.request_id, "train-7/step=12");
	call_start(&good.call);
	ended_with(&good, OK, "");
	ck_assert_str_eq(good.call.request_id, "train-7/step=12");
	prepare(&bad, COUNT);
	strcpy(bad.call.request_id, "x\r\nSet-Cookie: y");
	call_start(&bad.call);
	ended_with(&bad, OK, "");
	ck_assert_uint_eq(strlen(bad.call.request_id), 32);
}
END_TEST

START_TEST(a_request_that_cannot_be_decoded_never_reaches_the_handler)
{
	struct trial t;

	prepare(&t, COUNT);
	t.decodes_to = INVALID_ARGUMENT;
	call_start(&t.call);
	ended_with(&t, INVALID_ARGUMENT, "BAD");
	ck_assert_int_eq(handled, 0);
}
END_TEST

/* Of one heavy worker each: a large request is being read, or a large answer written. */
START_TEST(who_reads_or_writes_much_lets_others_go_first)
{
	struct trial t, other;

	prepare(&t, LARGE);
	t.call.bytes = _i ? MUCH : 0;
	t.held = true;
	call_start(&t.call);
	sem_wait(&handler_began);
	start(&other, SMALL);
	ended_with(&other, OK, "");
	ck_assert_int_eq(t.replies, 0);
	sem_post(&handler_may_go);
	ended_with(&t, OK, "");
}
END_TEST

START_TEST(a_deadline_that_is_past_is_refused_at_once)
{
	struct trial t;

	prepare(&t, COUNT);
	t.call.deadline_ms = (int64_t)uv_now(&loop) - 5;
	call_start(&t.call);
	ck_assert_int_eq(t.replies, 1);
	ended_with(&t, DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED");
	ck_assert_int_eq(handled, 0);
}
END_TEST

START_TEST(a_deadline_stops_the_work)
{
	struct trial t;

	prepare(&t, STOPPABLE);
	t.call.deadline_ms = (int64_t)uv_now(&loop) + SOON_MS;
	call_start(&t.call);
	sem_wait(&handler_began);
	ended_with(&t, DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED");
	ck_assert_int_eq(handled, 1);
}
END_TEST

START_TEST(an_answer_that_comes_after_the_deadline_is_no_answer)
{
	struct trial t;

	prepare(&t, DEAF);
	t.call.deadline_ms = (int64_t)uv_now(&loop) + SOON_MS;
	call_start(&t.call);
	sem_wait(&handler_began);
	ended_with(&t, DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED");
	ck_assert_int_eq(handled, 1);
}
END_TEST

START_TEST(the_nearest_of_many_deadlines_comes_first)
{
	struct trial early, late;

	prepare(&late, UPLOAD);
	late.call.deadline_ms = (int64_t)uv_now(&loop) + LATER_MS;
	call_open(&late.call);
	prepare(&early, UPLOAD);
	early.call.deadline_ms = (int64_t)uv_now(&loop) + SOON_MS;
	call_open(&early.call);
	await_reply(&early);
	ck_assert_int_eq(late.replies, 0);
	ended_with(&early, DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED");
	ended_with(&late, DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED");
}
END_TEST

START_TEST(a_client_that_goes_away_stops_the_work)
{
	struct trial t;

	start(&t, STOPPABLE);
	sem_wait(&handler_began);
	call_cancel(&t.call);
	call_cancel(&t.call);
	ended_with(&t, CANCELLED, "CLIENT_GONE");
}
END_TEST

START_TEST(a_call_cancelled_in_the_queue_is_never_run)
{
	struct trial first, second;

	start(&first, WAIT);
	sem_wait(&handler_began);
	start(&second, COUNT);
	call_cancel(&second.call);
	sem_post(&handler_may_go);
	ended_with(&first, OK, "");
	ended_with(&second, CANCELLED, "CLIENT_GONE");
	ck_assert_int_eq(handled, 1);
}
END_TEST

START_TEST(a_call_cancelled_after_its_reply_stays_as_it_was)
{
	struct trial t;

	start(&t, COUNT);
	await_reply(&t);
	call_cancel(&t.call);
	ended_with(&t, OK, "");
}
END_TEST

START_TEST(a_full_lane_refuses_at_once_and_says_when_to_return)
{
	struct trial working, waiting, refused;

	start(&working, WAIT);
	sem_wait(&handler_began);
	start(&waiting, COUNT);
	start(&refused, COUNT);
	ck_assert_int_eq(refused.replies, 1);
	ck_assert_uint_gt(refused.call.error.retry_after_ms, 0);
	ended_with(&refused, RESOURCE_EXHAUSTED, "OVERLOADED");
	sem_post(&handler_may_go);
	ended_with(&working, OK, "");
	ended_with(&waiting, OK, "");
}
END_TEST

START_TEST(a_draining_daemon_refuses_new_calls_and_finishes_old_ones)
{
	struct trial old, late;

	start(&old, WAIT);
	sem_wait(&handler_began);
	d.draining = true;
	start(&late, COUNT);
	ended_with(&late, UNAVAILABLE, "DRAINING");
	sem_post(&handler_may_go);
	ended_with(&old, OK, "");
}
END_TEST

START_TEST(at_shutdown_every_call_ends_and_says_why)
{
	struct trial working, idle;

	start(&working, STOPPABLE);
	prepare(&idle, UPLOAD);
	call_open(&idle.call);
	sem_wait(&handler_began);
	calls_cancel(&d);
	ck_assert_int_eq(idle.replies, 1);
	ended_with(&idle, UNAVAILABLE, "DRAINING");
	ended_with(&working, UNAVAILABLE, "DRAINING");
}
END_TEST

static void send_messages(struct trial *t, int n)
{
	for (int i = 0; i < n; i++) {
		int before = t->mores;
		call_message(&t->call);
		while (t->mores == before && !t->replies)
			uv_run(&loop, UV_RUN_ONCE);
	}
}

START_TEST(a_client_stream_runs_once_a_message_into_one_response)
{
	struct trial t;

	prepare(&t, UPLOAD);
	call_open(&t.call);
	send_messages(&t, 3);
	ck_assert_int_eq(t.mores, 3);
	call_finish(&t.call);
	await_reply(&t);
	ck_assert_int_eq(memcmp(t.call.out.data, "answer 3", 8), 0);
	ended_with(&t, OK, "");
}
END_TEST

START_TEST(a_bad_message_ends_a_client_stream_and_the_rest_is_ignored)
{
	struct trial t;

	prepare(&t, UPLOAD);
	call_open(&t.call);
	send_messages(&t, 1);
	t.decodes_to = INVALID_ARGUMENT;
	send_messages(&t, 1);
	call_message(&t.call);
	call_finish(&t.call);
	ended_with(&t, INVALID_ARGUMENT, "BAD");
	ck_assert_int_eq(handled, 1);
}
END_TEST

START_TEST(a_client_stream_without_messages_is_an_error)
{
	struct trial t;

	prepare(&t, UPLOAD);
	call_open(&t.call);
	call_finish(&t.call);
	ended_with(&t, INVALID_ARGUMENT, "EMPTY_STREAM");
}
END_TEST

START_TEST(a_client_stream_in_progress_waits_where_a_new_request_is_refused)
{
	struct trial upload, working, waiting, refused;

	prepare(&upload, UPLOAD);
	call_open(&upload.call);
	send_messages(&upload, 1);
	start(&working, WAIT);
	sem_wait(&handler_began);
	start(&waiting, COUNT);
	start(&refused, COUNT);
	ended_with(&refused, RESOURCE_EXHAUSTED, "OVERLOADED");
	call_message(&upload.call);
	sem_post(&handler_may_go);
	while (upload.mores < 2)
		uv_run(&loop, UV_RUN_ONCE);
	call_finish(&upload.call);
	ended_with(&upload, OK, "");
	ended_with(&working, OK, "");
	ended_with(&waiting, OK, "");
}
END_TEST

START_TEST(a_server_stream_ends_when_its_reader_goes_away)
{
	struct trial t;

	start(&t, STREAM);
	sem_wait(&handler_began);
	call_cancel(&t.call);
	ended_with(&t, CANCELLED, "CLIENT_GONE");
	ck_assert_int_ge(t.emitted, 3);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("call");
	TCase *t = tcase_create("call");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_call_is_answered_once_under_an_id_of_ours);
	tcase_add_test(t, a_clients_id_is_kept_when_it_can_be_printed);
	tcase_add_test(t, a_request_that_cannot_be_decoded_never_reaches_the_handler);
	tcase_add_loop_test(t, who_reads_or_writes_much_lets_others_go_first, 0, 2);
	tcase_add_test(t, a_deadline_that_is_past_is_refused_at_once);
	tcase_add_test(t, a_deadline_stops_the_work);
	tcase_add_test(t, an_answer_that_comes_after_the_deadline_is_no_answer);
	tcase_add_test(t, the_nearest_of_many_deadlines_comes_first);
	tcase_add_test(t, a_client_that_goes_away_stops_the_work);
	tcase_add_test(t, a_call_cancelled_in_the_queue_is_never_run);
	tcase_add_test(t, a_call_cancelled_after_its_reply_stays_as_it_was);
	tcase_add_test(t, a_full_lane_refuses_at_once_and_says_when_to_return);
	tcase_add_test(t, a_draining_daemon_refuses_new_calls_and_finishes_old_ones);
	tcase_add_test(t, at_shutdown_every_call_ends_and_says_why);
	tcase_add_test(t, a_client_stream_runs_once_a_message_into_one_response);
	tcase_add_test(t, a_bad_message_ends_a_client_stream_and_the_rest_is_ignored);
	tcase_add_test(t, a_client_stream_without_messages_is_an_error);
	tcase_add_test(t, a_client_stream_in_progress_waits_where_a_new_request_is_refused);
	tcase_add_test(t, a_server_stream_ends_when_its_reader_goes_away);
	suite_add_tcase(s, t);
	return s;
}
