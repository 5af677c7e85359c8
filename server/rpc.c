/*
 * The life of one call of C core's.
 *
 * Batches go in from the loop, but for rpc_send, which a worker may call while it owns the call;
 * completions come out of the completion-queue thread as mail to the loop. RECV_CLOSE_ON_SERVER is
 * a batch of its own, started at once: it is how cancellation and deadlines are noticed, and it
 * completes for every call, cancelled or not.
 *
 * `holds` counts what still points at the struct: RECV_CLOSE, each receive, and the owner, whose
 * hold ends with the batch that carries the status. A send needs no hold, for the status waits
 * until it is through. Only the loop counts.
 */
#include "server/rpc.h"

#include <grpc/byte_buffer_reader.h>
#include <stdlib.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/fault.h"
#include "server/grpc_server.h"

enum { SMALL_MESSAGE = 16 << 10 };

#define CONTAINER(tag_mail, member) \
	((struct rpc *)((char *)(tag_mail)-offsetof(struct rpc, member.mail)))

static void drop(struct rpc *rpc)
{
	if (--rpc->holds)
		return;
	struct grpc *g = rpc->grpc;
	if (rpc->kind->freed)
		rpc->kind->freed(rpc);
	if (rpc->in)
		grpc_byte_buffer_destroy(rpc->in);
	rpc_status_free(&rpc->status);
	if (rpc->headers_sent)
		grpc_slice_unref(rpc->header.value);
	grpc_metadata_array_destroy(&rpc->metadata);
	grpc_call_unref(rpc->call);
	free(rpc);
	g->live--;
}

/* A batch that C core refuses comes back as one that failed. */
static void start(struct rpc *rpc, const grpc_op *ops, size_t n, struct tag *tag)
{
	tag_release(tag);
	if (grpc_call_start_batch(rpc->call, ops, n, tag, NULL) == GRPC_CALL_OK)
		return;
	tag->ok = false;
	mailbox_post(rpc->grpc->daemon->mailbox, &tag->mail);
}

static void on_closed(struct mail *mail)
{
	struct rpc *rpc = CONTAINER(mail, closed);

	if (rpc->lost && !rpc->finishing && rpc->kind->cancelled)
		rpc->kind->cancelled(rpc);
	drop(rpc);
}

static void on_received(struct mail *mail)
{
	struct rpc *rpc = CONTAINER(mail, received);

	if (!rpc->finishing)
		rpc->kind->received(rpc);
	drop(rpc);
}

static void on_finished(struct mail *mail)
{
	drop(CONTAINER(mail, finished));
}

static size_t headers_op(struct rpc *rpc, grpc_op *op)
{
	if (rpc->headers_sent)
		return 0;
	rpc->headers_sent = true;
	rpc->header.key = grpc_slice_from_static_string("x-request-id");
	rpc->header.value = grpc_slice_from_copied_string(rpc->request_id);
	op->op = GRPC_OP_SEND_INITIAL_METADATA;
	op->data.send_initial_metadata.count = rpc->request_id[0] != 0;
	op->data.send_initial_metadata.metadata = &rpc->header;
	return 1;
}

static void start_finish(struct rpc *rpc)
{
	grpc_op ops[3] = {0};
	size_t n = headers_op(rpc, ops);

	if (rpc->last) {
		ops[n].op = GRPC_OP_SEND_MESSAGE;
		ops[n++].data.send_message.send_message = rpc->last;
	}
	ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
	ops[n].data.send_status_from_server.status = rpc->status.code;
	ops[n].data.send_status_from_server.status_details = &rpc->status.text;
	ops[n].data.send_status_from_server.trailing_metadata = rpc->status.trailing;
	ops[n++].data.send_status_from_server.trailing_metadata_count = rpc->status.n_trailing;
	start(rpc, ops, n, &rpc->finished);
	if (rpc->last)
		grpc_byte_buffer_destroy(rpc->last);
	rpc->last = NULL;
}

static void on_sent(struct mail *mail)
{
	struct rpc *rpc = CONTAINER(mail, sent);
	bool ok = rpc->sent.ok; /* the tag is the next sender's as soon as `sending` falls */

	atomic_store(&rpc->sending, false);
	if (rpc->finish_waits)
		start_finish(rpc);
	else if (rpc->kind->sent)
		rpc->kind->sent(rpc, ok);
}

static void watch_close(struct rpc *rpc)
{
	grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER,
		.data.recv_close_on_server.cancelled = &rpc->lost};

	start(rpc, &op, 1, &rpc->closed);
}

void rpc_open(struct grpc *g, const struct rpc_kind *kind, const struct operation *operation,
	grpc_call *call, gpr_timespec deadline, grpc_metadata_array *metadata, grpc_byte_buffer *in)
{
	struct rpc *rpc = FAULT() ? NULL : calloc(1, kind->size);

	if (!rpc) {
		grpc_metadata_array_destroy(metadata);
		if (in)
			grpc_byte_buffer_destroy(in);
		grpc_call_unref(call);
		return;
	}
	rpc->grpc = g;
	rpc->kind = kind;
	rpc->operation = operation;
	rpc->call = call;
	rpc->deadline = deadline;
	rpc->metadata = *metadata;
	rpc->in = in;
	rpc->closed.mail.deliver = on_closed;
	rpc->received.mail.deliver = on_received;
	rpc->sent.mail.deliver = on_sent;
	rpc->finished.mail.deliver = on_finished;
	rpc->holds = 2; /* the owner and watch_close */
	g->live++;
	watch_close(rpc);
	kind->arrived(rpc);
}

void rpc_receive(struct rpc *rpc)
{
	grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &rpc->in};

	rpc->holds++;
	start(rpc, &op, 1, &rpc->received);
}

bool rpc_receive_failed(const struct rpc *rpc)
{
	return !rpc->received.ok || grpc_call_failed_before_recv_message(rpc->call);
}

void rpc_send(struct rpc *rpc, grpc_byte_buffer *message)
{
	grpc_op ops[2] = {0};
	size_t n = headers_op(rpc, ops);

	ops[n].op = GRPC_OP_SEND_MESSAGE;
	ops[n++].data.send_message.send_message = message;
	atomic_store(&rpc->sending, true);
	start(rpc, ops, n, &rpc->sent);
	grpc_byte_buffer_destroy(message); /* sending has taken the bytes, the shell is ours */
}

void rpc_finish(struct rpc *rpc, grpc_byte_buffer *message, const struct error *e)
{
	rpc->finishing = true;
	rpc->last = message;
	rpc_status_make(&rpc->status, e, rpc->request_id);
	if (atomic_load(&rpc->sending))
		rpc->finish_waits = true;
	else
		start_finish(rpc);
}

static bool printable(grpc_slice s)
{
	for (size_t i = 0; i < GRPC_SLICE_LENGTH(s); i++)
		if (GRPC_SLICE_START_PTR(s)[i] <= ' ' || GRPC_SLICE_START_PTR(s)[i] > '~')
			return false;
	return GRPC_SLICE_LENGTH(s) > 0;
}

bool rpc_header(const struct rpc *rpc, const char *key, char *to, size_t size)
{
	for (size_t i = 0; i < rpc->metadata.count; i++) {
		grpc_slice value = rpc->metadata.metadata[i].value;
		if (grpc_slice_str_cmp(rpc->metadata.metadata[i].key, key) || !printable(value) ||
			GRPC_SLICE_LENGTH(value) >= size)
			continue;
		memcpy(to, GRPC_SLICE_START_PTR(value), GRPC_SLICE_LENGTH(value));
		to[GRPC_SLICE_LENGTH(value)] = 0;
		return true;
	}
	return false;
}

grpc_slice rpc_take(struct rpc *rpc)
{
	grpc_byte_buffer_reader reader;
	grpc_slice bytes = grpc_empty_slice();

	if (grpc_byte_buffer_reader_init(&reader, rpc->in)) {
		bytes = grpc_byte_buffer_reader_readall(&reader);
		grpc_byte_buffer_reader_destroy(&reader);
	}
	grpc_byte_buffer_destroy(rpc->in);
	rpc->in = NULL;
	return bytes;
}

enum code rpc_unpack(struct rpc *rpc, const ProtobufCMessageDescriptor *type, struct arena *arena,
	ProtobufCMessage **out, struct error *e)
{
	ProtobufCMessage *m = NULL;

	if (rpc->in && grpc_byte_buffer_length(rpc->in) <= SMALL_MESSAGE) {
		grpc_slice bytes = rpc_take(rpc);
		m = protobuf_c_message_unpack(
			type, &arena->pb, GRPC_SLICE_LENGTH(bytes), GRPC_SLICE_START_PTR(bytes));
		grpc_slice_unref(bytes);
	}
	if (!m)
		return error_set(e, INVALID_ARGUMENT, "MALFORMED_MESSAGE",
			"The request is no %s, or larger than %d bytes.", type->name,
			SMALL_MESSAGE);
	*out = m;
	return OK;
}

grpc_byte_buffer *rpc_pack(const ProtobufCMessage *m)
{
	struct buf b;
	size_t len;

	buf_init(&b);
	protobuf_c_message_pack_to_buffer(m, &b.pb);
	if (b.failed) {
		buf_free(&b);
		return NULL;
	}
	char *bytes = buf_detach(&b, &len);
	grpc_slice slice = bytes ? grpc_slice_new(bytes, len, free) : grpc_empty_slice();
	grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	return message;
}
