/* The verb `call`: any operation of the schema, JSON in and out. */
#include <string.h>

#include "client/cli/lines.h"
#include "client/cli/session.h"
#include "client/cli/whole.h"
#include "proto/json.h"

enum { MESSAGE_MEMORY = 1 << 30 };

static enum code read_request(struct session *s, const struct operation *op, const char *text,
	size_t len, ProtobufCMessage **out, struct error *e)
{
	return json_read(text, len, op->request, &s->arena, out, e);
}

static enum code print_each(void *arg, const ProtobufCMessage *message, struct error *e)
{
	return session_print(arg, message, stdout, e);
}

static enum code send_lines(
	struct hm_upload *upload, const struct operation *op, struct lines *l, struct error *e)
{
	bool more = true;

	while (!lines_next(l, &more, e) && more) {
		struct arena arena;
		ProtobufCMessage *request;
		arena_init(&arena, MESSAGE_MEMORY);
		enum code code = json_read(l->text, l->len, op->request, &arena, &request, e);
		code = code ? lines_at(l, e) : hm_upload_send(upload, request, e);
		arena_free(&arena);
		if (code)
			return code;
	}
	return more ? e->code : OK;
}

/* A client stream takes its messages from standard input, one a line. */
static enum code upload(struct session *s, const struct operation *op, struct error *e)
{
	struct hm_upload *upload;
	ProtobufCMessage *answer;
	struct lines l;

	if (lines_open(&l, "-", e))
		return e->code;
	enum code code = hm_upload_begin(s->client, op->name, &upload, e);
	if (!code) {
		code = send_lines(upload, op, &l, e);
		if (code)
			hm_upload_abort(upload);
		else
			code = hm_upload_finish(upload, op->answer, &s->arena, &answer, e);
	}
	lines_close(&l);
	return code ? code : session_print(s, answer, stdout, e);
}

static enum code call(struct session *s, const struct operation *op, const char *text, size_t len,
	struct error *e)
{
	ProtobufCMessage *request, *answer;

	if (read_request(s, op, text, len, &request, e))
		return e->code;
	if (op->streaming == SERVER_STREAM)
		return hm_stream(s->client, op->name, request, op->answer, print_each, s, e);
	if (hm_call(s->client, op->name, request, op->answer, &s->arena, &answer, e))
		return e->code;
	return session_print(s, answer, stdout, e);
}

static enum code unknown(const char *name, struct error *e)
{
	return error_set(e, INVALID_ARGUMENT, "NO_SUCH_OPERATION",
		"There is no operation \"%s\"; `hardminer call` alone lists them.", name);
}

static enum code list(void)
{
	for (size_t i = 0; operation_name(i); i++)
		puts(operation_name(i));
	return OK;
}

static enum code run(struct session *s, const struct options *o, struct error *e)
{
	const char *json = o->n_words > 1 ? o->words[1] : "{}";
	struct operation op;
	struct buf text;

	if (!o->n_words)
		return list();
	if (!operation_find(o->words[0], &op))
		return unknown(o->words[0], e);
	if (op.streaming == CLIENT_STREAM)
		return upload(s, &op, e);
	if (strcmp(json, "-") != 0)
		return call(s, &op, json, strlen(json), e);
	enum code code = read_whole("-", &text, e);
	if (!code)
		code = call(s, &op, text.data, text.len, e);
	buf_free(&text);
	return code;
}

static const struct option call_options[] = {{NULL}};

const struct command command_call = {
	.name = "call",
	.words = "[OPERATION [JSON | -]]",
	.least = 0,
	.most = 2,
	.summary = "any operation of the schema: JSON in, JSON out",
	.details = "JSON is the request ({} when absent), - reads it from standard input. An "
		   "operation that takes a\nstream reads its messages from standard input, one a "
		   "line. Without OPERATION it lists them all.",
	.options = call_options,
	.run = run,
};
