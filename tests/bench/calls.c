/*
 * Unary calls a second of an operation that does nothing (GetInfo), from 1 and from 64 callers. The
 * partner is an empty echo on bare gRPC C core in this process, answered on its completion-queue
 * thread: what the transport alone can do.
 */
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

enum { OUTSTANDING = 64 };

struct echo_call {
	grpc_call *call;
	grpc_metadata_array metadata;
	gpr_timespec deadline;
	grpc_byte_buffer *payload;
	int cancelled;
	bool answering;
};

struct echo {
	grpc_server *server;
	grpc_completion_queue *cq;
	void *method;
	pthread_t thread;
	char target[64];
};

static void expect_call(struct echo *s, struct echo_call *c)
{
	memset(c, 0, sizeof *c);
	grpc_metadata_array_init(&c->metadata);
	grpc_server_request_registered_call(s->server, s->method, &c->call, &c->deadline,
		&c->metadata, &c->payload, s->cq, s->cq, c);
}

static void answer(struct echo_call *c)
{
	grpc_slice empty = grpc_empty_slice();
	grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&empty, 1);
	grpc_op ops[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
		{.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = message},
		{.op = GRPC_OP_SEND_STATUS_FROM_SERVER},
		{.op = GRPC_OP_RECV_CLOSE_ON_SERVER,
			.data.recv_close_on_server.cancelled = &c->cancelled}};

	c->answering = true;
	grpc_call_start_batch(c->call, ops, 4, c, NULL);
	grpc_byte_buffer_destroy(message);
}

static void release(struct echo_call *c)
{
	if (c->payload)
		grpc_byte_buffer_destroy(c->payload);
	grpc_metadata_array_destroy(&c->metadata);
	if (c->call)
		grpc_call_unref(c->call);
}

static void *serve(void *arg)
{
	struct echo *s = arg;

	for (;;) {
		grpc_event event =
			grpc_completion_queue_next(s->cq, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
		struct echo_call *c = event.tag;
		if (event.type == GRPC_QUEUE_SHUTDOWN)
			return NULL;
		if (c == NULL) /* the server's own shutdown */
			continue;
		if (!c->answering && c->call) {
			answer(c);
			continue;
		}
		bool again = c->call != NULL;
		release(c);
		if (again)
			expect_call(s, c);
		else
			free(c);
	}
}

static void echo_start(struct echo *s)
{
	grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();

	s->server = grpc_server_create(NULL, NULL);
	s->cq = grpc_completion_queue_create_for_next(NULL);
	grpc_server_register_completion_queue(s->server, s->cq, NULL);
	s->method = grpc_server_register_method(s->server, "/hardminer.v1.Miner/GetInfo", NULL,
		GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
	int port = grpc_server_add_http2_port(s->server, "127.0.0.1:0", credentials);
	grpc_server_credentials_release(credentials);
	if (!port)
		exit(1);
	snprintf(s->target, sizeof s->target, "127.0.0.1:%d", port);
	grpc_server_start(s->server);
	for (int i = 0; i < OUTSTANDING; i++)
		expect_call(s, calloc(1, sizeof(struct echo_call)));
	if (pthread_create(&s->thread, NULL, serve, s))
		exit(1);
}

static void echo_stop(struct echo *s)
{
	grpc_server_shutdown_and_notify(s->server, s->cq, NULL);
	grpc_server_cancel_all_calls(s->server);
	grpc_completion_queue_shutdown(s->cq);
	pthread_join(s->thread, NULL);
	grpc_server_destroy(s->server);
	grpc_completion_queue_destroy(s->cq);
}

struct load {
	struct hm_client *client;
	double until;
	uint64_t calls[OUTSTANDING];
};

static void call_until(void *arg, size_t i)
{
	struct load *l = arg;
	struct error e;
	struct arena arena;
	ProtobufCMessage *info;
	Pb__GetInfoRequest request = PB__GET_INFO_REQUEST__INIT;

	arena_init(&arena, 1 << 20);
	while (now_s() < l->until) {
		must(hm_call(l->client, "GetInfo", &request.base, &pb__info__descriptor, &arena,
			     &info, &e),
			&e, "call GetInfo");
		l->calls[i]++;
		arena_free(&arena);
	}
}

static double calls_per_s(struct hm_client *client, size_t callers)
{
	struct load l = {client, now_s() + 1, {0}};
	uint64_t calls = 0;
	double seconds = on_threads(callers, call_until, &l);

	for (size_t i = 0; i < callers; i++)
		calls += l.calls[i];
	return (double)calls / seconds;
}

void line_calls(struct bench *b, const struct measurement *m)
{
	struct hm_client *ours_client = daemon_client(b), *bare;
	double ours[ROUNDS], theirs[ROUNDS];
	struct echo echo;
	struct error e;

	echo_start(&echo);
	must(hm_open(echo.target, &bare, &e), &e, "connect to the echo");
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = calls_per_s(ours_client, (size_t)m->n);
		theirs[r] = calls_per_s(bare, (size_t)m->n);
	}
	double value = median(ours, ROUNDS);
	line(m->name, value, "calls/s", "bare-grpc-echo", value / median(theirs, ROUNDS));
	hm_close(bare);
	echo_stop(&echo);
}
