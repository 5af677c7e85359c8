/* One field from a path variable or a query parameter: text without quotes. */
#include "proto/json.h"

#include <string.h>

#include "proto/base64.h"
#include "proto/field.h"
#include "proto/json_scalar.h"
#include "proto/scan.h"
#include "proto/utf8.h"

enum { QUOTED_BYTES = 60 };

union scalar {
	char *string;
	ProtobufCBinaryData bytes;
	protobuf_c_boolean boolean;
	int enumeration;
	char number[8];
};

static enum code set_string(const char *value, char **at, struct arena *arena, struct error *e)
{
	size_t len = strlen(value);

	if (utf8_span(value, len) < len)
		return error_set(e, INVALID_ARGUMENT, "INVALID_UTF8", "Text must be UTF-8.");
	*at = arena_strndup(arena, value, len);
	return *at ? OK : error_memory(e);
}

static enum code set_bytes(
	const char *value, ProtobufCBinaryData *at, struct arena *arena, struct error *e)
{
	size_t len = strlen(value);
	uint8_t *bytes = arena_alloc(arena, base64_room(len));

	if (!bytes)
		return error_memory(e);
	if (!base64_decode(value, len, bytes, &at->len))
		return error_set(e, INVALID_ARGUMENT, "INVALID_BASE64",
			"Bytes are base64 of the standard alphabet, padded with '='.");
	at->data = at->len ? bytes : NULL;
	return OK;
}

static enum code set_bool(const char *value, protobuf_c_boolean *at, struct error *e)
{
	if (strcmp(value, "true") && strcmp(value, "false"))
		return error_set(e, INVALID_ARGUMENT, "WRONG_TYPE", "Expected true or false.");
	*at = value[0] == 't';
	return OK;
}

static enum code set_number(
	const ProtobufCFieldDescriptor *f, const char *value, void *at, struct error *e)
{
	size_t len = strlen(value);

	if (len == 0 || len > SCAN_NUMBER_BYTES || scan_number_length(value, value + len) != len)
		return error_set(e, INVALID_ARGUMENT, "WRONG_TYPE", "Expected a number.");
	return scalar_number(f, value, len, at, e);
}

static enum code parse(const ProtobufCFieldDescriptor *f, const char *value, union scalar *to,
	struct arena *arena, struct error *e)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return set_string(value, &to->string, arena, e);
	case PROTOBUF_C_TYPE_BYTES:
		return set_bytes(value, &to->bytes, arena, e);
	case PROTOBUF_C_TYPE_BOOL:
		return set_bool(value, &to->boolean, e);
	case PROTOBUF_C_TYPE_ENUM:
		return scalar_enum(f->descriptor, value, strlen(value), &to->enumeration, e);
	default:
		return set_number(f, value, to->number, e);
	}
}

static bool equal(
	const ProtobufCFieldDescriptor *f, const union scalar *value, const union scalar *was)
{
	if (f->type == PROTOBUF_C_TYPE_STRING)
		return !strcmp(value->string, was->string);
	if (f->type != PROTOBUF_C_TYPE_BYTES)
		return !memcmp(value, was, field_size(f));
	return value->bytes.len == was->bytes.len &&
	       (!was->bytes.len || !memcmp(value->bytes.data, was->bytes.data, was->bytes.len));
}

static enum code store(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
	const union scalar *value, struct error *e)
{
	union scalar was;

	if (field_count(m, f)) {
		memcpy(&was, field_slot(m, f), field_size(f));
		return equal(f, value, &was)
			       ? OK
			       : error_set(e, INVALID_ARGUMENT, "FIELD_MISMATCH",
					 "The URL and the body disagree; give it once.");
	}
	memcpy(field_slot(m, f), value, field_size(f));
	field_mark(m, f);
	return OK;
}

enum code json_set_field(ProtobufCMessage *m, const char *name, const char *value,
	struct arena *arena, struct error *e)
{
	const ProtobufCFieldDescriptor *f = field_named(m->descriptor, name, strlen(name));
	int shown = (int)utf8_cut(name, strlen(name), QUOTED_BYTES);
	union scalar parsed;

	if (!f)
		error_set(e, INVALID_ARGUMENT, "UNKNOWN_FIELD", "%s has no field \"%.*s\".",
			m->descriptor->short_name, shown, name);
	else if (f->label == PROTOBUF_C_LABEL_REPEATED || f->type == PROTOBUF_C_TYPE_MESSAGE)
		error_set(e, INVALID_ARGUMENT, "WRONG_TYPE",
			"A URL cannot carry this field; send it in a body.");
	else if (!parse(f, value, &parsed, arena, e) && !store(m, f, &parsed, e))
		return OK;
	return error_field(e, "%.*s", shown, name);
}
