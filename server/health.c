/*
 * grpc.health.v1.Health: whether the daemon may be sent work, asked once or watched. A watcher is
 * told at once and at every change; changes that come while a message is on its way to it are
 * folded into the latest. When the daemon drains it is told so, and that ends the watch.
 */
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"
#include "server/grpc_server.h"

#define STATUS(name) WIRE__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

enum { REQUEST_MEMORY = 256 << 10 };

static int serving(const struct grpc *g)
{
	return g->daemon->ready && !g->daemon->draining ? STATUS(SERVING) : STATUS(NOT_SERVING);
}

static grpc_byte_buffer *say(int status)
{
	Wire__HealthCheckResponse response = WIRE__HEALTH_CHECK_RESPONSE__INIT;

	response.status = status;
	return rpc_pack(&response.base);
}

/* Whether the service asked about is one of ours. */
static enum code read_request(struct rpc *rpc, bool *known, struct error *e)
{
	struct arena arena;
	ProtobufCMessage *request;

	arena_init(&arena, REQUEST_MEMORY);
	enum code code =
		rpc_unpack(rpc, &wire__health_check_request__descriptor, &arena, &request, e);
	if (!code) {
		const char *service = ((Wire__HealthCheckRequest *)request)->service;
		*known = !service[0] || !strcmp(service, "hardminer.v1.Miner");
	}
	arena_free(&arena);
	return code;
}

static void check_arrived(struct rpc *rpc)
{
	struct error e = {.code = OK};
	grpc_byte_buffer *message = NULL;
	bool known;

	if (!read_request(rpc, &known, &e)) {
		if (!known)
			error_set(&e, NOT_FOUND, "NO_SUCH_SERVICE",
				"Health is known of \"\" and \"hardminer.v1.Miner\" only.");
		else if (!(message = say(serving(rpc->grpc))))
			error_memory(&e);
	}
	rpc_finish(rpc, message, &e);
}

const struct rpc_kind health_check_rpc = {.size = sizeof(struct rpc), .arrived = check_arrived};

struct watch {
	struct rpc rpc; /* first */
	bool known;
	int said; /* the status last sent */
	struct watch *next, **prev;
};

static void watch_end(struct watch *w, const struct error *e)
{
	if (w->next)
		w->next->prev = w->prev;
	*w->prev = w->next;
	rpc_finish(&w->rpc, NULL, e);
}

/* Sends the status unless it is known or a message is under way; `sent` comes back here. */
static void watch_tell(struct watch *w)
{
	int now = w->known ? serving(w->rpc.grpc) : STATUS(SERVICE_UNKNOWN);
	grpc_byte_buffer *message;
	struct error e;

	if (w->said == now || atomic_load(&w->rpc.sending))
		return;
	if (!(message = say(now))) {
		error_memory(&e);
		watch_end(w, &e);
		return;
	}
	w->said = now;
	rpc_send(&w->rpc, message);
}

static void watch_arrived(struct rpc *rpc)
{
	struct watch *w = (struct watch *)rpc;
	struct grpc *g = rpc->grpc;
	struct error e;

	if (read_request(rpc, &w->known, &e)) {
		rpc_finish(rpc, NULL, &e);
		return;
	}
	w->said = -1;
	w->prev = &g->watches;
	w->next = g->watches;
	if (w->next)
		w->next->prev = &w->next;
	g->watches = w;
	watch_tell(w);
}

static void watch_sent(struct rpc *rpc, bool ok)
{
	if (ok) /* else it is being cancelled */
		watch_tell((struct watch *)rpc);
}

static void watch_cancelled(struct rpc *rpc)
{
	struct error e;

	error_set(&e, CANCELLED, "CANCELLED", "The watch was cancelled.");
	watch_end((struct watch *)rpc, &e);
}

const struct rpc_kind health_watch_rpc = {.size = sizeof(struct watch),
	.arrived = watch_arrived,
	.sent = watch_sent,
	.cancelled = watch_cancelled};

void health_changed(struct grpc *g)
{
	for (struct watch *w = g->watches, *next; w; w = next) {
		next = w->next;
		watch_tell(w);
	}
}

void health_drain(struct grpc *g)
{
	struct error e;

	error_set(&e, UNAVAILABLE, "DRAINING", "The daemon is stopping.");
	for (struct watch *w = g->watches, *next; w; w = next) {
		next = w->next;
		watch_tell(w);
		if (!w->rpc.finishing)
			watch_end(w, &e);
	}
}
