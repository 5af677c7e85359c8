/*
 * protobuf-c 1.4.1 trusts its input: it recurses as deep as the bytes nest (58 kB overflow an 8 MB
 * stack), takes as much memory as the bytes ask for (37 times their size), and hands out strings as
 * C strings, so that a NUL inside one silently cuts it. So the bytes are walked once before: depth
 * and NULs can only be seen here. What the walk lets through that is no message, protobuf-c
 * refuses; what it would cost, the arena's limit bounds.
 */
#include "proto/unpack.h"

#include <stdbool.h>
#include <string.h>

#include "proto/field.h"
#include "proto/json.h"

struct wire {
	const uint8_t *at, *end;
};

struct wire_field {
	uint32_t number;
	unsigned type;
	const uint8_t *data; /* of a length-prefixed field */
	size_t len;
};

static bool next_varint(struct wire *w, uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && w->at < w->end; shift += 7) {
		uint8_t byte = *w->at++;
		value |= (uint64_t)(byte & 127) << shift;
		if (byte < 128) {
			*out = value;
			return true;
		}
	}
	return false;
}

static bool skip(struct wire *w, uint64_t n)
{
	if (n > (uint64_t)(w->end - w->at))
		return false;
	w->at += n;
	return true;
}

/* One field; false when the bytes are no protobuf. */
static bool next_field(struct wire *w, struct wire_field *out)
{
	uint64_t tag, n;

	if (!next_varint(w, &tag) || tag >> 32 || tag >> 3 == 0)
		return false;
	*out = (struct wire_field){.number = (uint32_t)(tag >> 3), .type = tag & 7};
	switch (out->type) {
	case PROTOBUF_C_WIRE_TYPE_VARINT:
		return next_varint(w, &n);
	case PROTOBUF_C_WIRE_TYPE_64BIT:
		return skip(w, 8);
	case PROTOBUF_C_WIRE_TYPE_32BIT:
		return skip(w, 4);
	case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
		if (!next_varint(w, &n))
			return false;
		out->data = w->at;
		out->len = n;
		return skip(w, n);
	default:
		return false; /* groups, which no schema of ours has */
	}
}

static enum code malformed(const ProtobufCMessageDescriptor *type, struct error *e)
{
	return error_set(e, INVALID_ARGUMENT, "MALFORMED_PROTOBUF",
		"The bytes are not a message of type %s.", type->name);
}

/* How many fields of that number come before `until`: the index of a repeated one. */
static size_t index_of(const uint8_t *begin, const uint8_t *until, uint32_t number)
{
	struct wire w = {begin, until};
	struct wire_field field;
	size_t n = 0;

	while (next_field(&w, &field))
		n += field.number == number;
	return n;
}

static enum code check_bytes(const uint8_t *bytes, size_t len,
	const ProtobufCMessageDescriptor *type, int depth, struct error *e);

static enum code check_wire(const struct wire_field *field, const ProtobufCFieldDescriptor *f,
	int depth, struct error *e)
{
	if (field->type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
		return OK;
	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		return check_bytes(field->data, field->len, f->descriptor, depth + 1, e);
	if (f->type == PROTOBUF_C_TYPE_STRING && field->len && memchr(field->data, 0, field->len))
		return error_set(e, INVALID_ARGUMENT, "NUL_IN_STRING",
			"Strings must not contain the character U+0000.");
	return OK;
}

static enum code check_bytes(const uint8_t *bytes, size_t len,
	const ProtobufCMessageDescriptor *type, int depth, struct error *e)
{
	struct wire w = {bytes, bytes + len};
	struct wire_field field;

	if (depth > JSON_DEPTH)
		return error_set(e, INVALID_ARGUMENT, "TOO_DEEP",
			"The message nests deeper than %d levels; no request does.", JSON_DEPTH);
	while (w.at < w.end) {
		const uint8_t *start = w.at;
		if (!next_field(&w, &field))
			return malformed(type, e);
		const ProtobufCFieldDescriptor *f =
			protobuf_c_message_descriptor_get_field(type, field.number);
		if (!f || check_wire(&field, f, depth, e) == OK)
			continue;
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			return error_within(
				e, "%s[%zu]", f->name, index_of(bytes, start, field.number));
		return error_within(e, "%s", f->name);
	}
	return OK;
}

/* The arena's allocator, and whether it ever said no: protobuf-c says NULL to both. */
struct budget {
	ProtobufCAllocator pb;
	struct arena *arena;
	bool spent;
};

static void *budget_alloc(void *data, size_t size)
{
	struct budget *budget = data;
	void *p = arena_alloc(budget->arena, size);

	budget->spent |= !p;
	return p;
}

static void budget_free(void *data, void *pointer)
{
	(void)data, (void)pointer; /* the arena's end is the end of all of it */
}

enum code message_unpack(const uint8_t *bytes, size_t len, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e)
{
	const uint8_t *from = bytes ? bytes : (const uint8_t *)"";
	struct budget budget = {{budget_alloc, budget_free, &budget}, arena, false};

	if (check_bytes(from, len, type, 0, e))
		return e->code;
	ProtobufCMessage *m = protobuf_c_message_unpack(type, &budget.pb, len, from);
	if (!m)
		return budget.spent ? error_memory(e) : malformed(type, e);
	if (message_check(m, e))
		return e->code;
	*out = m;
	return OK;
}
