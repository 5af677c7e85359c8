/*
 * The operations over gRPC: struct transport for call.c on one side, struct rpc_kind for C core on
 * the other.
 *
 * A call is owned by call.c from call_start until it replies, and by C core from then on. The
 * messages of a server stream are sent by the worker itself, one in flight: it packs the next one
 * and then waits until the one before has left, so that a slow reader slows the work instead of
 * filling memory.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/unpack.h"
#include "server/call.h"
#include "server/grpc_server.h"

enum { NS_PER_MS = 1000000, LOOK_AGAIN_MS = 100 };

struct inbound {
	struct rpc rpc; /* first */
	struct call call;
	uv_mutex_t lock; /* for left alone: whoever waits must not miss the wakeup */
	uv_cond_t left;	 /* a message left, or never will */
};

static struct inbound *inbound(struct call *c)
{
	return (struct inbound *)((char *)c - offsetof(struct inbound, call));
}

static struct call *call_of(struct rpc *rpc)
{
	return &((struct inbound *)rpc)->call;
}

static enum code decode(struct call *c, ProtobufCMessage **req)
{
	struct rpc *rpc = &inbound(c)->rpc;
	struct arena *arena = c->op->streaming == CLIENT_STREAM ? &c->message : &c->arena;

	if (!rpc->in)
		return error_set(&c->error, INVALID_ARGUMENT, "MISSING_MESSAGE",
			"The call came without a request message.");
	grpc_slice bytes = rpc_take(rpc);
	enum code code = message_unpack(GRPC_SLICE_START_PTR(bytes), GRPC_SLICE_LENGTH(bytes),
		c->op->request, arena, req, &c->error);
	grpc_slice_unref(bytes);
	return code;
}

static enum code encode(struct call *c, const ProtobufCMessage *res)
{
	protobuf_c_message_pack_to_buffer(res, &c->out.pb);
	return c->out.failed ? error_memory(&c->error) : OK;
}

/* A call that is cancelled from within, by its deadline or at shutdown, makes no tag come back
 * while the client does not read, so the flag is looked at now and then. */
static bool wait_for_room(struct inbound *in)
{
	uv_mutex_lock(&in->lock);
	while (atomic_load(&in->rpc.sending) && !atomic_load(&in->call.cancelled))
		uv_cond_timedwait(&in->left, &in->lock, (uint64_t)LOOK_AGAIN_MS * NS_PER_MS);
	uv_mutex_unlock(&in->lock);
	return !atomic_load(&in->call.cancelled);
}

static enum code emit(struct call *c, const ProtobufCMessage *m)
{
	struct inbound *in = inbound(c);
	grpc_byte_buffer *message = rpc_pack(m);

	if (!message)
		return error_memory(&c->error);
	if (!wait_for_room(in)) {
		grpc_byte_buffer_destroy(message);
		return error_set(
			&c->error, CANCELLED, "CANCELLED", "The call ended before its answer did.");
	}
	memcpy(in->rpc.request_id, c->request_id, sizeof in->rpc.request_id);
	rpc_send(&in->rpc, message);
	return OK;
}

static void more(struct call *c)
{
	rpc_receive(&inbound(c)->rpc);
}

static grpc_byte_buffer *take_out(struct call *c)
{
	size_t len;
	char *bytes = buf_detach(&c->out, &len);
	grpc_slice slice = bytes ? grpc_slice_new(bytes, len, free) : grpc_empty_slice();
	grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1);

	grpc_slice_unref(slice);
	return message;
}

static void reply(struct call *c)
{
	struct rpc *rpc = &inbound(c)->rpc;
	bool answers = !c->error.code && c->op->streaming != SERVER_STREAM;

	/* Its last message would wait for a reader who does not read. */
	if (atomic_load(&c->cancelled) && atomic_load(&rpc->sending))
		grpc_call_cancel(rpc->call, NULL);
	memcpy(rpc->request_id, c->request_id, sizeof rpc->request_id);
	rpc_finish(rpc, answers ? take_out(c) : NULL, &c->error);
}

static const struct transport grpc_transport = {.name = "grpc",
	.decode = decode,
	.encode = encode,
	.emit = emit,
	.more = more,
	.reply = reply};

static int64_t deadline_on(const uv_loop_t *loop, gpr_timespec deadline)
{
	if (deadline.tv_sec == INT64_MAX)
		return INT64_MAX;
	gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
	return (int64_t)uv_now(loop) + gpr_time_to_millis(left);
}

static void arrived(struct rpc *rpc)
{
	struct inbound *in = (struct inbound *)rpc;
	struct call *c = &in->call;

	uv_mutex_init(&in->lock);
	uv_cond_init(&in->left);
	c->daemon = rpc->grpc->daemon;
	c->op = rpc->operation;
	c->via = &grpc_transport;
	c->deadline_ms = deadline_on(c->daemon->loop, rpc->deadline);
	rpc_header(rpc, "x-request-id", c->request_id, sizeof c->request_id);
	if (c->op->streaming != CLIENT_STREAM) {
		c->bytes = rpc->in ? grpc_byte_buffer_length(rpc->in) : 0;
		call_start(c);
		return;
	}
	call_open(c);
	if (!rpc->finishing) /* it was not refused */
		rpc_receive(rpc);
}

static void received(struct rpc *rpc)
{
	struct call *c = call_of(rpc);

	if (rpc->in) {
		call_message(c);
		return;
	}
	if (rpc_receive_failed(rpc))
		call_cancel(c);
	call_finish(c);
}

static void wake(struct inbound *in)
{
	uv_mutex_lock(&in->lock);
	uv_cond_signal(&in->left);
	uv_mutex_unlock(&in->lock);
}

/* A message that could not be sent comes before the word that the call is cancelled. */
static void sent(struct rpc *rpc, bool ok)
{
	if (!ok)
		call_cancel(call_of(rpc));
	wake((struct inbound *)rpc);
}

static void cancelled(struct rpc *rpc)
{
	call_cancel(call_of(rpc));
	wake((struct inbound *)rpc);
}

static void freed(struct rpc *rpc)
{
	struct inbound *in = (struct inbound *)rpc;

	call_free(&in->call);
	uv_cond_destroy(&in->left);
	uv_mutex_destroy(&in->lock);
}

const struct rpc_kind operation_rpc = {.size = sizeof(struct inbound),
	.arrived = arrived,
	.received = received,
	.sent = sent,
	.cancelled = cancelled,
	.freed = freed};
