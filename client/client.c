#include "client/client.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <stdlib.h>
#include <string.h>

#include "client/exchange.h"

enum { MESSAGE_MEMORY = 1 << 30 };

struct hm_client {
	grpc_channel *channel;
	char *target;
	int64_t timeout_ms;
};

struct hm_upload {
	struct exchange exchange;
	struct error error; /* of the send that failed */
};

/* Answers may be as large as the daemon likes; a daemon is never behind an HTTP proxy that the
 * environment names for web pages. */
static grpc_channel *channel_to(const char *target)
{
	grpc_arg args[] = {
		{GRPC_ARG_INTEGER, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, {.integer = -1}},
		{GRPC_ARG_INTEGER, GRPC_ARG_ENABLE_HTTP_PROXY, {.integer = 0}},
	};
	const grpc_channel_args all = {sizeof args / sizeof *args, args};
	grpc_channel_credentials *plain = grpc_insecure_credentials_create();
	grpc_channel *channel = grpc_channel_create(target, plain, &all);

	grpc_channel_credentials_release(plain);
	return channel;
}

enum code hm_open(const char *target, struct hm_client **out, struct error *e)
{
	struct hm_client *client = calloc(1, sizeof *client);

	if (client)
		client->target = strdup(target);
	if (!client || !client->target) {
		free(client);
		return error_memory(e);
	}
	grpc_init();
	client->channel = channel_to(target);
	*out = client;
	return OK;
}

void hm_close(struct hm_client *client)
{
	if (!client)
		return;
	grpc_channel_destroy(client->channel);
	grpc_shutdown_blocking();
	free(client->target);
	free(client);
}

void hm_set_timeout(struct hm_client *client, int64_t milliseconds)
{
	client->timeout_ms = milliseconds;
}

static enum code open_call(
	struct exchange *x, struct hm_client *client, const char *operation, struct error *e)
{
	return exchange_open(x, client->channel, client->target, operation, client->timeout_ms, e);
}

static enum code unary(struct exchange *x, const ProtobufCMessage *request,
	const ProtobufCMessageDescriptor *answer, struct arena *arena, ProtobufCMessage **out,
	struct error *e)
{
	if (exchange_pack(x, request, e))
		return e->code;
	exchange_run(x, STEP_HEADERS | STEP_SEND | STEP_HALF_CLOSE | STEP_RECEIVE);
	if (exchange_outcome(x, e))
		return e->code;
	return exchange_unpack(x, answer, arena, out, e);
}

enum code hm_call(struct hm_client *client, const char *operation, const ProtobufCMessage *request,
	const ProtobufCMessageDescriptor *answer, struct arena *arena, ProtobufCMessage **out,
	struct error *e)
{
	struct exchange x;
	enum code code = open_call(&x, client, operation, e);

	if (code)
		return code;
	code = unary(&x, request, answer, arena, out, e);
	exchange_close(&x);
	return code;
}

struct reader {
	const ProtobufCMessageDescriptor *type;
	enum code (*each)(void *arg, const ProtobufCMessage *message, struct error *e);
	void *arg;
};

static enum code read_one(struct exchange *x, const struct reader *r, struct error *e)
{
	struct arena arena;
	ProtobufCMessage *message;

	arena_init(&arena, MESSAGE_MEMORY);
	enum code code = exchange_unpack(x, r->type, &arena, &message, e);
	if (!code)
		code = r->each(r->arg, message, e);
	arena_free(&arena);
	return code;
}

static enum code stream(struct exchange *x, const ProtobufCMessage *request, const struct reader *r,
	struct error *e)
{
	if (exchange_pack(x, request, e))
		return e->code;
	exchange_run(x, STEP_HEADERS | STEP_SEND | STEP_HALF_CLOSE);
	while (exchange_run(x, STEP_RECEIVE) && x->in) {
		enum code code = read_one(x, r, e);
		if (code)
			return code;
	}
	return exchange_outcome(x, e);
}

enum code hm_stream(struct hm_client *client, const char *operation,
	const ProtobufCMessage *request, const ProtobufCMessageDescriptor *answer,
	enum code (*each)(void *arg, const ProtobufCMessage *message, struct error *e), void *arg,
	struct error *e)
{
	const struct reader reader = {answer, each, arg};
	struct exchange x;
	enum code code = open_call(&x, client, operation, e);

	if (code)
		return code;
	code = stream(&x, request, &reader, e);
	exchange_close(&x);
	return code;
}

enum code hm_upload_begin(
	struct hm_client *client, const char *operation, struct hm_upload **out, struct error *e)
{
	struct hm_upload *upload = calloc(1, sizeof *upload);

	if (!upload)
		return error_memory(e);
	if (open_call(&upload->exchange, client, operation, e)) {
		free(upload);
		return e->code;
	}
	exchange_run(&upload->exchange, STEP_HEADERS);
	*out = upload;
	return OK;
}

/* The daemon ended the call before we did: it must have said why. */
static enum code ended_early(struct exchange *x, struct error *e)
{
	if (exchange_outcome(x, e))
		return e->code;
	return error_set(e, INTERNAL, "BAD_ANSWER",
		"The daemon at %s ended the upload before it was complete.", x->target);
}

enum code hm_upload_send(struct hm_upload *upload, const ProtobufCMessage *request, struct error *e)
{
	struct exchange *x = &upload->exchange;

	if (!upload->error.code && !exchange_pack(x, request, &upload->error) &&
		(exchange_is_over(x) || !exchange_run(x, STEP_SEND)))
		ended_early(x, &upload->error);
	if (upload->error.code)
		*e = upload->error;
	return upload->error.code;
}

static enum code finish(struct hm_upload *upload, const ProtobufCMessageDescriptor *answer,
	struct arena *arena, ProtobufCMessage **out, struct error *e)
{
	struct exchange *x = &upload->exchange;

	if (upload->error.code) {
		*e = upload->error;
		return e->code;
	}
	exchange_run(x, STEP_HALF_CLOSE | STEP_RECEIVE);
	if (exchange_outcome(x, e))
		return e->code;
	return exchange_unpack(x, answer, arena, out, e);
}

enum code hm_upload_finish(struct hm_upload *upload, const ProtobufCMessageDescriptor *answer,
	struct arena *arena, ProtobufCMessage **out, struct error *e)
{
	enum code code = finish(upload, answer, arena, out, e);

	hm_upload_abort(upload);
	return code;
}

void hm_upload_abort(struct hm_upload *upload)
{
	if (!upload)
		return;
	exchange_close(&upload->exchange);
	free(upload);
}
