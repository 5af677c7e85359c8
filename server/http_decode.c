/* On a worker: a request's body, path and query string as a message, and its answer as JSON. */
#include <string.h>

#include "proto/field.h"
#include "proto/json.h"
#include "server/http_server.h"

/* One line of JSON, then the bytes of `data` as they are. They stay where they are: the body lives
 * as long as the message. */
static enum code read_raw(struct request *r, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e)
{
	const ProtobufCFieldDescriptor *f = field_of_raw(type);
	char *newline = r->body.len ? memchr(r->body.data, '\n', r->body.len) : NULL;

	if (!f)
		return error_set(e, INVALID_ARGUMENT, "UNSUPPORTED_MEDIA_TYPE",
			"This operation has no raw data; send application/json.");
	if (!newline)
		return error_set(e, INVALID_ARGUMENT, "MISSING_HEADER_LINE",
			"A raw body begins with a line of JSON: the request without `data`.");
	size_t line = (size_t)(newline - r->body.data);
	enum code code = json_read(r->body.data, line, type, arena, out, e);
	if (code)
		return code;
	protobuf_c_boolean *has = (void *)((char *)*out + f->quantifier_offset);
	ProtobufCBinaryData *data = (void *)((char *)*out + f->offset);
	if (*has) {
		error_set(e, INVALID_ARGUMENT, "FIELD_SET_TWICE",
			"`data` is what follows the first line; it may not be in it as well.");
		return error_field(e, "data");
	}
	*has = true;
	data->data = (uint8_t *)newline + 1;
	data->len = r->body.len - line - 1;
	return OK;
}

static enum code read_body(struct request *r, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e)
{
	switch (r->format) {
	case BODY_LINES:
		return json_read_lines(r->body.data, r->body.len, type, arena, out, e);
	case BODY_RAW:
		return read_raw(r, type, arena, out, e);
	default:
		if (!r->body.len)
			return json_read("{}", 2, type, arena, out, e);
		return json_read(r->body.data, r->body.len, type, arena, out, e);
	}
}

static enum code read_query(char *query, ProtobufCMessage *m, struct arena *arena, struct error *e)
{
	for (char *pair; (pair = strsep(&query, "&"));) {
		char *value = pair, *name = strsep(&value, "=");
		if (!*name && !value)
			continue;
		if (!percent_decode(name, true) || (value && !percent_decode(value, true)))
			return error_set(e, INVALID_ARGUMENT, "BAD_QUERY_STRING",
				"The query string is not percent-encoded text without NUL.");
		enum code code = json_set_field(m, name, value ? value : "", arena, e);
		if (code)
			return code;
	}
	return OK;
}

enum code http_decode(struct call *c, ProtobufCMessage **req)
{
	struct request *r = (struct request *)c;
	const ProtobufCMessageDescriptor *type = c->op->request;
	ProtobufCMessage *m;
	enum code code = read_body(r, type, &c->arena, &m, &c->error);

	for (size_t i = 0; i < r->route.n && !code; i++)
		code = json_set_field(m, r->route.variables[i].name, r->route.variables[i].value,
			&c->arena, &c->error);
	if (!code && r->query)
		code = read_query(r->query, m, &c->arena, &c->error);
	if (!code)
		*req = m;
	return code;
}

enum code http_encode(struct call *c, const ProtobufCMessage *res)
{
	json_write(res, &c->out);
	buf_char(&c->out, '\n');
	return c->out.failed ? error_memory(&c->error) : OK;
}
