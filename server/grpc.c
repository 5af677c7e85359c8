/*
 * C core's server beside a libuv loop.
 *
 * One thread sits in grpc_completion_queue_next and does nothing but mail what comes out of it to
 * the loop. Each method has a number of arrivals waiting in C core; one that comes back with a call
 * hands it to rpc_open and goes back in. With a single arrival per method each call would wait for
 * the loop to re-arm it, which costs two thirds of the throughput.
 *
 * Unary and server-streaming methods are registered with their payload: the message comes with the
 * call, which saves a batch and a hop. Whatever is not registered arrives at the arrivals without a
 * method and is answered UNIMPLEMENTED; a client would wait for ever otherwise.
 *
 * Draining leaves the door open: new calls are refused by call.c with UNAVAILABLE and a hint when to
 * return, whereas C core, shutting down, ends those that come in between with a bare CANCELLED.
 *
 * Stopping, in this order: a moment for last answers to get out, shutdown_and_notify (no new calls,
 * and every arrival comes back empty), cancel what is left, wait until the shutdown tag, all
 * arrivals and all calls are back - calls may still be queued when the tag comes -, and only then
 * destroy.
 */
#include "server/grpc.h"

#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "proto/limits.h"
#include "server/address.h"
#include "server/call.h"
#include "server/grpc_server.h"
#include "server/log.h"
#include "server/reflection.h"

enum {
	ARRIVALS = 64,	      /* waiting in C core, for each operation */
	SERVICE_ARRIVALS = 8, /* and for each method of health and reflection */
	METADATA_BYTES = 16 << 10,
	CONNECTION_STREAMS = 100,
	LAST_WORDS_MS = 500,
	PATH_BYTES = 128
};

struct method {
	char path[PATH_BYTES]; /* "/hardminer.v1.Miner/Search" */
	const struct rpc_kind *kind;
	const struct operation *operation; /* or NULL */
	bool reads;			   /* the first message comes with the call */
	size_t arrivals;
	void *registered; /* NULL: whatever has no method of its own */
};

/* A place for one call to arrive in. */
struct arrival {
	struct tag tag;
	struct grpc *grpc;
	const struct method *method;
	grpc_call *call;
	gpr_timespec deadline;
	grpc_metadata_array metadata;
	grpc_byte_buffer *payload;
	grpc_call_details details; /* without a method only */
};

static void unknown_arrived(struct rpc *rpc)
{
	struct error e;

	error_set(&e, UNIMPLEMENTED, "NO_SUCH_METHOD",
		"There is no such method here; server reflection lists those there are.");
	rpc_finish(rpc, NULL, &e);
}

static const struct rpc_kind unknown_rpc = {.size = sizeof(struct rpc), .arrived = unknown_arrived};

static const struct method services[] = {
	{"/grpc.health.v1.Health/Check", &health_check_rpc, NULL, true, SERVICE_ARRIVALS, NULL},
	{"/grpc.health.v1.Health/Watch", &health_watch_rpc, NULL, true, SERVICE_ARRIVALS, NULL},
	{"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &reflection_rpc, NULL, false,
		SERVICE_ARRIVALS, NULL},
	{"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &reflection_rpc, NULL,
		false, SERVICE_ARRIVALS, NULL},
	{"", &unknown_rpc, NULL, false, SERVICE_ARRIVALS, NULL},
};

enum { SERVICES = sizeof services / sizeof *services };

/* Back into C core. */
static void arm(struct arrival *a)
{
	struct grpc *g = a->grpc;
	grpc_call_error failed;

	grpc_metadata_array_init(&a->metadata);
	a->payload = NULL;
	a->call = NULL;
	tag_release(&a->tag);
	if (a->method->registered) {
		failed = grpc_server_request_registered_call(g->server, a->method->registered,
			&a->call, &a->deadline, &a->metadata, a->method->reads ? &a->payload : NULL,
			g->cq, g->cq, &a->tag);
	} else {
		grpc_call_details_init(&a->details);
		failed = grpc_server_request_call(
			g->server, &a->call, &a->details, &a->metadata, g->cq, g->cq, &a->tag);
	}
	g->armed += failed == GRPC_CALL_OK;
}

static void arrived(struct mail *mail)
{
	struct arrival *a = (struct arrival *)mail;
	struct grpc *g = a->grpc;

	g->armed--;
	if (!a->method->registered) {
		a->deadline = a->details.deadline;
		grpc_call_details_destroy(&a->details);
	}
	if (!a->tag.ok || !a->call) { /* shutting down */
		grpc_metadata_array_destroy(&a->metadata);
		return;
	}
	rpc_open(g, a->method->kind, a->method->operation, a->call, a->deadline, &a->metadata,
		a->payload);
	arm(a);
}

static void shut_down(struct mail *mail)
{
	struct grpc *g = (struct grpc *)((char *)mail - offsetof(struct grpc, shutdown.mail));

	g->shut_down = true;
}

static void wait_for_tags(void *arg)
{
	struct grpc *g = arg;
	const gpr_timespec never = gpr_inf_future(GPR_CLOCK_MONOTONIC);

	for (;;) {
		grpc_event event = grpc_completion_queue_next(g->cq, never, NULL);
		if (event.type == GRPC_QUEUE_SHUTDOWN)
			return;
		struct tag *tag = event.tag;
		tag_acquire(tag);
		tag->ok = event.success;
		mailbox_post(g->daemon->mailbox, &tag->mail);
	}
}

/* What C core has to say becomes lines of our log. Even its errors are mostly a client's doing; ours
 * come back as errors of the functions we call. Any thread. */
static void log_core(gpr_log_func_args *args)
{
	struct log_line l;

	log_begin(&l, args->severity == GPR_LOG_SEVERITY_ERROR ? LEVEL_WARN : LEVEL_DEBUG, "grpc");
	log_text(&l, "message", args->message);
	log_end(&l);
}

static void describe_operation(struct method *m, const struct operation *op)
{
	snprintf(m->path, sizeof m->path, "/hardminer.v1.Miner/%s", op->name);
	m->kind = &operation_rpc;
	m->operation = op;
	m->reads = op->streaming != CLIENT_STREAM;
	m->arrivals = ARRIVALS;
}

static enum code make_methods(struct grpc *g, struct error *e)
{
	g->n_methods = n_operations + SERVICES;
	g->methods = FAULT() ? NULL : calloc(g->n_methods, sizeof *g->methods);
	if (!g->methods)
		return error_memory(e);
	for (size_t i = 0; i < n_operations; i++)
		describe_operation(&g->methods[i], &operations[i]);
	memcpy(g->methods + n_operations, services, sizeof services);
	for (size_t i = 0; i < g->n_methods; i++)
		g->n_arrivals += g->methods[i].arrivals;
	g->arrivals = FAULT() ? NULL : calloc(g->n_arrivals, sizeof *g->arrivals);
	return g->arrivals ? OK : error_memory(e);
}

/* Compression is off because C core inflates a message before it looks at its size: a megabyte on
 * the wire could take a gigabyte. Sharing the port is off because a second daemon would get half of
 * the first one's calls instead of an error. */
static grpc_server *create_server(void)
{
	static const struct {
		char *key;
		int value;
	} settings[] = {
		{GRPC_ARG_ALLOW_REUSEPORT, 0},
		{GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1},
		{GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, LIMIT_BODY_BYTES},
		{GRPC_ARG_MAX_METADATA_SIZE, METADATA_BYTES},
		{GRPC_ARG_MAX_CONCURRENT_STREAMS, CONNECTION_STREAMS},
		{GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10000},
		/* Trainers idle for minutes between refreshes and keep their connection. */
		{GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
		{GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000},
		{GRPC_ARG_KEEPALIVE_TIME_MS, 60000},
		{GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000},
	};
	enum { N = sizeof settings / sizeof *settings };
	grpc_arg args[N];

	for (size_t i = 0; i < N; i++)
		args[i] = (grpc_arg){
			GRPC_ARG_INTEGER, settings[i].key, {.integer = settings[i].value}};
	return grpc_server_create(&(grpc_channel_args){N, args}, NULL);
}

/* "HOST:0" has become "HOST:port"; anything that is not HOST:PORT stays. */
static void say_bound(const char *listen, int port, char *bound, size_t size)
{
	const char *colon = strrchr(listen, ':');

	if (address_is_file(listen) || !colon)
		snprintf(bound, size, "%s", listen);
	else
		snprintf(bound, size, "%.*s:%d", (int)(colon - listen), listen, port);
}

static enum code listen_on(
	struct grpc *g, const char *listen, char *bound, size_t bound_size, struct error *e)
{
	grpc_server_credentials *plain = grpc_insecure_server_credentials_create();
	int port = grpc_server_add_http2_port(g->server, listen, plain);

	grpc_server_credentials_release(plain);
	if (!port)
		return error_set(e, UNAVAILABLE, "ADDRESS_UNAVAILABLE",
			"Cannot listen for gRPC on %s: it is no address of this machine, or "
			"another process is there.",
			listen);
	say_bound(listen, port, bound, bound_size);
	return OK;
}

static void register_methods(struct grpc *g)
{
	for (size_t i = 0; i < g->n_methods; i++) {
		struct method *m = &g->methods[i];
		if (m->path[0])
			m->registered = grpc_server_register_method(g->server, m->path, NULL,
				m->reads ? GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER
					 : GRPC_SRM_PAYLOAD_NONE,
				0);
	}
}

static void arm_all(struct grpc *g)
{
	struct arrival *a = g->arrivals;

	for (size_t i = 0; i < g->n_methods; i++)
		for (size_t k = 0; k < g->methods[i].arrivals; k++, a++) {
			a->tag.mail.deliver = arrived;
			a->grpc = g;
			a->method = &g->methods[i];
			arm(a);
		}
}

static void free_all(struct grpc *g)
{
	reflection_free(g->reflection);
	free(g->arrivals);
	free(g->methods);
	free(g);
}

static enum code prepare(struct grpc *g, struct error *e)
{
	g->shutdown.mail.deliver = shut_down;
	if (make_methods(g, e))
		return e->code;
	return reflection_make(&g->reflection, e);
}

/* From here on there is C core to be torn down. */
static enum code serve(
	struct grpc *g, const char *listen, char *bound, size_t bound_size, struct error *e)
{
	gpr_set_log_function(log_core);
	grpc_init();
	g->cq = grpc_completion_queue_create_for_next(NULL);
	g->server = create_server();
	grpc_server_register_completion_queue(g->server, g->cq, NULL);
	register_methods(g);
	enum code code = listen_on(g, listen, bound, bound_size, e);
	if (!code && (FAULT() || uv_thread_create(&g->thread, wait_for_tags, g)))
		code = error_set(e, RESOURCE_EXHAUSTED, "NO_THREADS",
			"Cannot start the thread that waits for gRPC.");
	if (code) {
		grpc_server_destroy(g->server);
		grpc_completion_queue_shutdown(g->cq);
		grpc_completion_queue_destroy(g->cq);
		grpc_shutdown_blocking();
		return code;
	}
	grpc_server_start(g->server);
	arm_all(g);
	return OK;
}

struct grpc *grpc_start(
	struct daemon *d, const char *listen, char *bound, size_t bound_size, struct error *e)
{
	struct grpc *g = FAULT() ? NULL : calloc(1, sizeof *g);

	if (!g) {
		error_memory(e);
		return NULL;
	}
	g->daemon = d;
	if (prepare(g, e) || serve(g, listen, bound, bound_size, e)) {
		free_all(g);
		return NULL;
	}
	return g;
}

void grpc_ready_changed(struct grpc *g)
{
	health_changed(g);
}

void grpc_drain(struct grpc *g)
{
	health_drain(g);
}

static void time_is_up(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

static void timer_closed(uv_handle_t *timer)
{
	*(bool *)timer->data = true;
}

/* What has been answered already gets a moment to reach its client. */
static void let_out(struct grpc *g)
{
	bool late = false, closed = false;
	uv_timer_t timer;

	uv_timer_init(g->daemon->loop, &timer);
	timer.data = &late;
	uv_timer_start(&timer, time_is_up, LAST_WORDS_MS, 0);
	while (g->live && !late)
		uv_run(g->daemon->loop, UV_RUN_ONCE);
	timer.data = &closed;
	uv_close((uv_handle_t *)&timer, timer_closed);
	while (!closed)
		uv_run(g->daemon->loop, UV_RUN_ONCE);
}

void grpc_stop(struct grpc *g)
{
	if (!g)
		return;
	health_drain(g);
	let_out(g);
	tag_release(&g->shutdown);
	grpc_server_shutdown_and_notify(g->server, g->cq, &g->shutdown);
	grpc_server_cancel_all_calls(g->server);
	while (!g->shut_down || g->armed || g->live)
		uv_run(g->daemon->loop, UV_RUN_ONCE);
	grpc_server_destroy(g->server);
	grpc_completion_queue_shutdown(g->cq);
	uv_thread_join(&g->thread);
	grpc_completion_queue_destroy(g->cq);
	grpc_shutdown_blocking();
	free_all(g);
}
