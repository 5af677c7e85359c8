/*
 * Reading: one pass over the text, straight into the message, in the arena.
 *
 * There is no tree in between, and so no JSON library. Bodies of tens of megabytes are mostly
 * numbers, and a value object for each would cost ten times the body in memory, outside the
 * request's budget, and most of the time; here a number costs its own four or eight bytes. A tree
 * also holds uint64 above 2^63 badly. Knowing the descriptor while reading means that the first
 * thing wrong is reported at once, with its path.
 *
 * read_message and read_value call each other, as deep as the schema nests, which is finite: no
 * message of the schema contains itself. A text that nests deeper has failed by then; only then is
 * its depth measured, to say so (TOO_DEEP) instead of whatever it failed for first.
 *
 * Memory: strings and bytes are decoded in place of their text's size. An array of numbers gets
 * its room at once, from the commas up to the next ']'; other arrays double.
 */
#include "proto/json.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "proto/base64.h"
#include "proto/field.h"
#include "proto/json_scalar.h"
#include "proto/scan.h"
#include "proto/utf8.h"

enum { FIELDS_MOST = 64, QUOTED_BYTES = 60 };

static enum code read_message(
	struct scan *in, const ProtobufCMessageDescriptor *type, ProtobufCMessage **out);

static enum code wrong_type(struct scan *in, const char *expected)
{
	const char *found = scan_found(scan_peek(in));

	if (!found)
		return scan_malformed(in, in->at,
			in->at == in->end ? "it ends too early" : "a value was expected");
	return error_set(
		in->e, INVALID_ARGUMENT, "WRONG_TYPE", "Expected %s, found %s.", expected, found);
}

static enum code read_text(struct scan *in, const char *expected, char **out, size_t *len)
{
	struct scan_token token;

	if (scan_peek(in) != '"')
		return wrong_type(in, expected);
	if (scan_string(in, &token))
		return in->e->code;
	return scan_decode(in, &token, out, len);
}

static enum code read_string(struct scan *in, char **at)
{
	char *s;
	size_t len;

	if (read_text(in, "a string", &s, &len))
		return in->e->code;
	if (memchr(s, 0, len))
		return error_set(in->e, INVALID_ARGUMENT, "NUL_IN_STRING",
			"Strings must not contain the character U+0000.");
	*at = s;
	return OK;
}

static enum code read_bytes(struct scan *in, ProtobufCBinaryData *at)
{
	char *s;
	size_t len;

	if (read_text(in, "a string of base64", &s, &len))
		return in->e->code;
	/* In place: decoding writes three bytes behind the four it has read. */
	if (!base64_decode(s, len, (uint8_t *)s, &len))
		return error_set(in->e, INVALID_ARGUMENT, "INVALID_BASE64",
			"Bytes are base64 of the standard alphabet, padded with '='.");
	*at = (ProtobufCBinaryData){len, len ? (uint8_t *)s : NULL};
	return OK;
}

static enum code read_enum(struct scan *in, const ProtobufCEnumDescriptor *type, int *at)
{
	char *s;
	size_t len;

	if (read_text(in, "a name", &s, &len))
		return in->e->code;
	return scalar_enum(type, s, len, at, in->e);
}

static enum code read_bool(struct scan *in, protobuf_c_boolean *at)
{
	bool yes = scan_word(in, "true");

	if (!yes && !scan_word(in, "false"))
		return wrong_type(in, "true or false");
	*at = yes;
	return OK;
}

static bool is_64_bits(const ProtobufCFieldDescriptor *f)
{
	return f->type != PROTOBUF_C_TYPE_DOUBLE && field_size(f) == 8;
}

/* Numbers beyond 2^53 do not survive every JSON library: 64-bit integers may come as strings. */
static enum code read_number(struct scan *in, const ProtobufCFieldDescriptor *f, void *at)
{
	struct scan_token token;
	char c = scan_peek(in), *s;

	if (c == '"' && is_64_bits(f)) {
		if (read_text(in, "a number", &s, &token.len))
			return in->e->code;
		token.s = s;
		if (token.len > SCAN_NUMBER_BYTES || token.len == 0 ||
			scan_number_length(s, s + token.len) != token.len)
			return error_set(in->e, INVALID_ARGUMENT, "WRONG_TYPE",
				"Expected a number, found another string.");
	} else if (c != '-' && (c < '0' || c > '9')) {
		return wrong_type(in, "a number");
	} else if (scan_number(in, &token)) {
		return in->e->code;
	}
	return scalar_number(f, token.s, token.len, at, in->e);
}

static enum code read_value(struct scan *in, const ProtobufCFieldDescriptor *f, void *at)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return read_message(in, f->descriptor, at);
	case PROTOBUF_C_TYPE_STRING:
		return read_string(in, at);
	case PROTOBUF_C_TYPE_BYTES:
		return read_bytes(in, at);
	case PROTOBUF_C_TYPE_ENUM:
		return read_enum(in, f->descriptor, at);
	case PROTOBUF_C_TYPE_BOOL:
		return read_bool(in, at);
	default:
		return read_number(in, f, at);
	}
}

struct array {
	char *values;
	size_t n, cap, size;
};

/* Commas up to the next ']': for numbers, one less than the array has. */
static size_t count_ahead(const struct scan *in)
{
	const char *end = memchr(in->at, ']', (size_t)(in->end - in->at));
	size_t n = 1;

	for (const char *s = in->at; end && s < end; s++)
		n += *s == ',';
	return n;
}

static enum code array_reserve(struct scan *in, struct array *a, size_t cap)
{
	char *values = arena_array(in->arena, cap, a->size);

	if (!values)
		return error_memory(in->e);
	if (a->n)
		memcpy(values, a->values, a->n * a->size);
	a->values = values;
	a->cap = cap;
	return OK;
}

static enum code read_element(struct scan *in, const ProtobufCFieldDescriptor *f, struct array *a)
{
	enum code rc = OK;

	if (a->n == a->cap)
		rc = array_reserve(in, a, a->cap ? 2 * a->cap : 8);
	if (!rc)
		rc = read_value(in, f, a->values + a->n * a->size);
	if (!rc)
		a->n++;
	return rc;
}

/* The elements up to ']'. A failure's path begins with the element: "[17]". */
static enum code read_elements(struct scan *in, const ProtobufCFieldDescriptor *f, struct array *a)
{
	do {
		if (read_element(in, f, a))
			return error_within(in->e, "[%zu]", a->n);
		if (scan_peek(in) != ',')
			return scan_expect(in, ']', "',' or ']' was expected");
		in->at++;
	} while (true);
}

static void keep_array(
	ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, const struct array *a)
{
	*(size_t *)((char *)m + f->quantifier_offset) = a->n;
	*(char **)field_slot(m, f) = a->values;
}

static enum code read_array(struct scan *in, const ProtobufCFieldDescriptor *f, ProtobufCMessage *m)
{
	struct array a = {.size = field_size(f)};
	bool numbers = f->type < PROTOBUF_C_TYPE_BOOL;

	if (scan_peek(in) != '[')
		return wrong_type(in, "an array");
	in->at++;
	if (scan_peek(in) == ']') {
		in->at++;
		return OK;
	}
	if (numbers && array_reserve(in, &a, count_ahead(in)))
		return in->e->code;
	if (read_elements(in, f, &a))
		return in->e->code;
	keep_array(m, f, &a);
	return OK;
}

static enum code read_field(struct scan *in, const ProtobufCFieldDescriptor *f, ProtobufCMessage *m)
{
	enum code rc = OK;

	if (scan_word(in, "null"))
		return OK;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		rc = read_array(in, f, m);
	} else {
		rc = read_value(in, f, field_slot(m, f));
		if (!rc)
			field_mark(m, f);
	}
	return rc ? error_within(in->e, "%s", f->name) : OK;
}

static enum code unknown_field(
	struct scan *in, const ProtobufCMessageDescriptor *type, const char *name, size_t len)
{
	int shown = (int)utf8_cut(name, len, QUOTED_BYTES);

	error_set(in->e, INVALID_ARGUMENT, "UNKNOWN_FIELD", "%s has no field \"%.*s\".",
		type->short_name, shown, name);
	return error_field(in->e, "%.*s", shown, name);
}

/* The name of a member and its colon; the field it names, once. */
static enum code read_name(struct scan *in, const ProtobufCMessageDescriptor *type, uint64_t *seen,
	const ProtobufCFieldDescriptor **out)
{
	struct scan_token token;
	char *decoded;

	if (scan_string(in, &token))
		return in->e->code;
	if (token.escaped) {
		if (scan_decode(in, &token, &decoded, &token.len))
			return in->e->code;
		token.s = decoded;
	}
	const ProtobufCFieldDescriptor *f = field_named(type, token.s, token.len);
	if (!f)
		return unknown_field(in, type, token.s, token.len);
	uint64_t bit = UINT64_C(1) << (f - type->fields);
	if (*seen & bit) {
		error_set(in->e, INVALID_ARGUMENT, "DUPLICATE_FIELD",
			"The field \"%s\" is given twice.", f->name);
		return error_field(in->e, "%s", f->name);
	}
	*seen |= bit;
	*out = f;
	return scan_expect(in, ':', "':' was expected");
}

static enum code read_members(
	struct scan *in, const ProtobufCMessageDescriptor *type, ProtobufCMessage *m)
{
	const ProtobufCFieldDescriptor *f;
	uint64_t seen = 0;

	do {
		if (read_name(in, type, &seen, &f) || read_field(in, f, m))
			return in->e->code;
		if (scan_peek(in) != ',')
			return scan_expect(in, '}', "',' or '}' was expected");
		in->at++;
	} while (true);
}

static enum code read_object(
	struct scan *in, const ProtobufCMessageDescriptor *type, ProtobufCMessage *m)
{
	if (scan_peek(in) != '{')
		return wrong_type(in, "an object");
	in->at++;
	if (scan_peek(in) != '}')
		return read_members(in, type, m);
	in->at++;
	return OK;
}

static ProtobufCMessage *message_new(const ProtobufCMessageDescriptor *type, struct arena *arena)
{
	ProtobufCMessage *m = arena_alloc(arena, type->sizeof_message);

	assert(type->n_fields <= FIELDS_MOST); /* read_name's bits */
	if (m)
		protobuf_c_message_init(type, m);
	return m;
}

static enum code read_message(
	struct scan *in, const ProtobufCMessageDescriptor *type, ProtobufCMessage **out)
{
	const ProtobufCFieldDescriptor *list = field_of_list(type);
	ProtobufCMessage *m = message_new(type, in->arena);
	enum code rc;

	if (!m)
		return error_memory(in->e);
	rc = list ? read_array(in, list, m) : read_object(in, type, m);
	if (!rc)
		*out = m;
	return rc;
}

/* What a failed text is told when its nesting alone would have been enough. */
static enum code explain_depth(const struct scan *in, const char *text, size_t len)
{
	char field[sizeof in->e->field];

	if (in->e->code != INVALID_ARGUMENT || scan_nesting(text, len) <= JSON_DEPTH)
		return in->e->code;
	memcpy(field, in->e->field, sizeof field);
	error_set(in->e, INVALID_ARGUMENT, "TOO_DEEP",
		"The JSON nests deeper than %d levels; no request does.", JSON_DEPTH);
	return error_field(in->e, "%s", field);
}

enum code json_read(const char *text, size_t len, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e)
{
	struct scan in = scan_start(text, len, arena, e);
	ProtobufCMessage *m;
	enum code rc;

	if (scan_peek(&in) == 0 && in.at == in.end) {
		m = message_new(type, arena);
		rc = m ? OK : error_memory(e);
	} else {
		rc = read_message(&in, type, &m);
		if (!rc && (scan_peek(&in), in.at != in.end))
			rc = scan_malformed(&in, in.at, "there is more after the end");
	}
	if (rc)
		return explain_depth(&in, in.begin, len);
	*out = m;
	return OK;
}

/* One line, which must hold one element and nothing else, unless it is blank. */
static enum code read_line(struct scan *in, const ProtobufCFieldDescriptor *f, struct array *a)
{
	const char *line = in->at;

	scan_peek(in);
	if (in->at == in->end)
		return OK;
	if (!read_element(in, f, a)) {
		scan_peek(in);
		if (in->at == in->end)
			return OK;
		a->n--;
		scan_malformed(in, in->at, "a line must hold one value");
	}
	explain_depth(in, line, (size_t)(in->end - line));
	return error_within(in->e, "%s[%zu]", f->name, a->n);
}

enum code json_read_lines(const char *text, size_t len, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e)
{
	const ProtobufCFieldDescriptor *f = field_of_lines(type);
	struct scan in = scan_start(text, len, arena, e);
	const char *end = in.end;

	if (!f)
		return error_set(e, INVALID_ARGUMENT, "UNSUPPORTED_MEDIA_TYPE",
			"%s cannot be sent line by line; send one JSON object.", type->short_name);
	struct array a = {.size = field_size(f)};
	ProtobufCMessage *m = message_new(type, arena);
	if (!m)
		return error_memory(e);
	while (in.at < end) {
		const char *newline = memchr(in.at, '\n', (size_t)(end - in.at));
		in.end = newline ? newline : end;
		if (read_line(&in, f, &a))
			return e->code;
		in.at = newline ? newline + 1 : end;
	}
	keep_array(m, f, &a);
	*out = m;
	return OK;
}
