#include "client/exchange.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hardminer/internal/rich_status.pb-c.h"
#include "proto/buf.h"

enum { DETAILS_MEMORY = 1 << 20, MAX_OPS = 4 };

static gpr_timespec deadline_in(int64_t timeout_ms)
{
	if (timeout_ms <= 0)
		return gpr_inf_future(GPR_CLOCK_MONOTONIC);
	return gpr_time_add(
		gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(timeout_ms, GPR_TIMESPAN));
}

enum code exchange_open(struct exchange *x, grpc_channel *channel, const char *target,
	const char *operation, int64_t timeout_ms, struct error *e)
{
	char path[128];
	int n = snprintf(path, sizeof path, "/hardminer.v1.Miner/%s", operation);

	if (n < 0 || n >= (int)sizeof path)
		return error_set(e, INVALID_ARGUMENT, "NO_SUCH_OPERATION",
			"There is no operation with so long a name.");
	*x = (struct exchange){.target = target, .details = grpc_empty_slice()};
	grpc_metadata_array_init(&x->initial);
	grpc_metadata_array_init(&x->trailing);
	x->cq = grpc_completion_queue_create_for_pluck(NULL);
	grpc_slice method =
		grpc_slice_from_copied_string(path); /* the call takes its own reference */
	x->call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, x->cq, method,
		NULL, deadline_in(timeout_ms), NULL);
	grpc_slice_unref(method);
	return OK;
}

static size_t send_ops(struct exchange *x, unsigned steps, grpc_op *ops)
{
	size_t n = 0;

	if (steps & STEP_HEADERS)
		ops[n++].op = GRPC_OP_SEND_INITIAL_METADATA;
	if (steps & STEP_SEND) {
		ops[n].op = GRPC_OP_SEND_MESSAGE;
		ops[n++].data.send_message.send_message = x->out;
	}
	if (steps & STEP_HALF_CLOSE)
		ops[n++].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
	return n;
}

static size_t receive_ops(struct exchange *x, unsigned steps, grpc_op *ops)
{
	size_t n = 0;

	if (steps & STEP_RECEIVE) {
		ops[n].op = GRPC_OP_RECV_MESSAGE;
		ops[n++].data.recv_message.recv_message = &x->in;
	}
	return n;
}

/* The outcome is asked for as soon as the call exists, so that it may come at any time. */
static void ask_outcome(struct exchange *x)
{
	grpc_op ops[2] = {
		{.op = GRPC_OP_RECV_INITIAL_METADATA}, {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};

	ops[0].data.recv_initial_metadata.recv_initial_metadata = &x->initial;
	ops[1].data.recv_status_on_client.trailing_metadata = &x->trailing;
	ops[1].data.recv_status_on_client.status = &x->status;
	ops[1].data.recv_status_on_client.status_details = &x->details;
	if (grpc_call_start_batch(x->call, ops, 2, &x->outcome, NULL) == GRPC_CALL_OK)
		x->outcome = ASKED;
}

static void wait_outcome(struct exchange *x, gpr_timespec until)
{
	if (x->outcome == ASKED &&
		grpc_completion_queue_pluck(x->cq, &x->outcome, until, NULL).type ==
			GRPC_OP_COMPLETE)
		x->outcome = OVER;
}

void exchange_close(struct exchange *x)
{
	grpc_call_cancel(x->call, NULL);
	wait_outcome(x, gpr_inf_future(GPR_CLOCK_MONOTONIC));
	grpc_call_unref(x->call);
	grpc_completion_queue_shutdown(x->cq);
	while (grpc_completion_queue_pluck(x->cq, NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL)
			.type != GRPC_QUEUE_SHUTDOWN)
		;
	grpc_completion_queue_destroy(x->cq);
	if (x->out)
		grpc_byte_buffer_destroy(x->out);
	if (x->in)
		grpc_byte_buffer_destroy(x->in);
	grpc_metadata_array_destroy(&x->initial);
	grpc_metadata_array_destroy(&x->trailing);
	grpc_slice_unref(x->details);
}

bool exchange_is_over(struct exchange *x)
{
	wait_outcome(x, gpr_now(GPR_CLOCK_MONOTONIC));
	return x->outcome == OVER;
}

bool exchange_run(struct exchange *x, unsigned steps)
{
	const gpr_timespec never = gpr_inf_future(GPR_CLOCK_MONOTONIC);
	grpc_op ops[MAX_OPS] = {0};
	size_t n = send_ops(x, steps, ops);

	n += receive_ops(x, steps, ops + n);
	bool started = grpc_call_start_batch(x->call, ops, n, x, NULL) == GRPC_CALL_OK;
	if (steps & STEP_HEADERS)
		ask_outcome(x);
	if (x->out) { /* sending has taken the bytes, the shell is ours */
		grpc_byte_buffer_destroy(x->out);
		x->out = NULL;
	}
	return started && grpc_completion_queue_pluck(x->cq, x, never, NULL).success;
}

enum code exchange_pack(struct exchange *x, const ProtobufCMessage *m, struct error *e)
{
	struct buf b;
	size_t len;

	buf_init(&b);
	protobuf_c_message_pack_to_buffer(m, &b.pb);
	if (b.failed) {
		buf_free(&b);
		return error_memory(e);
	}
	char *bytes = buf_detach(&b, &len);
	grpc_slice slice = bytes ? grpc_slice_new(bytes, len, free) : grpc_empty_slice();
	x->out = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	return OK;
}

enum code exchange_unpack(struct exchange *x, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e)
{
	grpc_byte_buffer_reader reader;

	if (!x->in)
		return error_set(e, INTERNAL, "BAD_ANSWER",
			"The daemon at %s ended the call without an answer.", x->target);
	if (!grpc_byte_buffer_reader_init(&reader, x->in))
		return error_set(e, INTERNAL, "BAD_ANSWER",
			"The daemon at %s sent bytes that cannot be read.", x->target);
	grpc_slice bytes = grpc_byte_buffer_reader_readall(&reader);
	grpc_byte_buffer_reader_destroy(&reader);
	grpc_byte_buffer_destroy(x->in);
	x->in = NULL;
	ProtobufCMessage *m = protobuf_c_message_unpack(
		type, &arena->pb, GRPC_SLICE_LENGTH(bytes), GRPC_SLICE_START_PTR(bytes));
	grpc_slice_unref(bytes);
	if (!m)
		return error_set(e, INTERNAL, "BAD_ANSWER",
			"The daemon at %s answered with something that is no %s, or one too large "
			"for the memory it may take.",
			x->target, type->name);
	*out = m;
	return OK;
}

static void *detail(const Wire__Any *any, const char *name, const ProtobufCMessageDescriptor *type,
	struct arena *arena)
{
	if (!any->type_url || strcmp(any->type_url, name))
		return NULL;
	return protobuf_c_message_unpack(type, &arena->pb, any->value.len, any->value.data);
}

static void take_detail(const Wire__Any *any, struct arena *arena, struct error *e)
{
	const Wire__ErrorInfo *info = detail(any, "type.googleapis.com/google.rpc.ErrorInfo",
		&wire__error_info__descriptor, arena);
	const Wire__BadRequest *bad = detail(any, "type.googleapis.com/google.rpc.BadRequest",
		&wire__bad_request__descriptor, arena);
	const Wire__RetryInfo *retry = detail(any, "type.googleapis.com/google.rpc.RetryInfo",
		&wire__retry_info__descriptor, arena);

	if (info)
		snprintf(e->reason, sizeof e->reason, "%s", info->reason);
	if (bad && bad->n_field_violations)
		error_field(e, "%s", bad->field_violations[0]->field);
	if (retry && retry->retry_delay && retry->retry_delay->seconds >= 0 &&
		retry->retry_delay->seconds < 1 << 20)
		e->retry_after_ms = (unsigned)(retry->retry_delay->seconds * 1000 +
					       retry->retry_delay->nanos / 1000000);
}

static void take_details(grpc_slice bytes, struct error *e)
{
	struct arena arena;

	arena_init(&arena, DETAILS_MEMORY);
	const Wire__Status *status =
		(const Wire__Status *)protobuf_c_message_unpack(&wire__status__descriptor,
			&arena.pb, GRPC_SLICE_LENGTH(bytes), GRPC_SLICE_START_PTR(bytes));
	for (size_t i = 0; status && i < status->n_details; i++)
		take_detail(status->details[i], &arena, e);
	arena_free(&arena);
}

enum code exchange_outcome(struct exchange *x, struct error *e)
{
	bool rich = false;

	wait_outcome(x, gpr_inf_future(GPR_CLOCK_MONOTONIC));
	if (x->outcome != OVER)
		return error_set(e, INTERNAL, "BAD_CALL", "The call could not be started.");
	if (x->status == GRPC_STATUS_OK)
		return OK;
	error_set(e, (enum code)x->status, code_name((enum code)x->status), "%.*s",
		(int)GRPC_SLICE_LENGTH(x->details), (const char *)GRPC_SLICE_START_PTR(x->details));
	for (size_t i = 0; i < x->trailing.count; i++)
		if (!grpc_slice_str_cmp(x->trailing.metadata[i].key, "grpc-status-details-bin")) {
			take_details(x->trailing.metadata[i].value, e);
			rich = true;
		}
	if (e->code == UNAVAILABLE && !rich) {
		snprintf(e->reason, sizeof e->reason, "UNREACHABLE");
		error_prefix(
			e, "No daemon answers at %s; is hardminerd running there? ", x->target);
	}
	return e->code;
}
