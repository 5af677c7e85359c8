/*
 * What a decoded message may still have wrong. protobuf-c checks the wire format alone: it takes
 * any bytes for a string, any number for an enum, NaN for a score, and keeps fields it does not
 * know for the next hop.
 */
#include "proto/json.h"

#include <math.h>
#include <string.h>

#include "proto/field.h"
#include "proto/utf8.h"

static enum code check_string(const char *s, struct error *e)
{
	size_t len = s ? strlen(s) : 0;

	if (utf8_span(s, len) < len)
		return error_set(e, INVALID_ARGUMENT, "INVALID_UTF8", "Text must be UTF-8.");
	return OK;
}

static enum code check_finite(double value, struct error *e)
{
	if (!isfinite(value))
		return error_set(e, INVALID_ARGUMENT, "NOT_FINITE",
			"Numbers must be finite, not NaN or infinite.");
	return OK;
}

/* Floats at the start of an array that are finite: x - x is 0 for those alone. */
static size_t finite_span(const float *values, size_t n)
{
	size_t i = 0;

	while (i < n && values[i] - values[i] == 0)
		i++;
	return i;
}

static enum code check_enum(const ProtobufCEnumDescriptor *type, int value, struct error *e)
{
	if (!protobuf_c_enum_descriptor_get_value(type, value))
		return error_set(e, INVALID_ARGUMENT, "UNKNOWN_VALUE", "%s has no value %d.",
			type->short_name, value);
	return OK;
}

static enum code check_value(const ProtobufCFieldDescriptor *f, const void *at, struct error *e)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return message_check(*(const ProtobufCMessage *const *)at, e);
	case PROTOBUF_C_TYPE_STRING:
		return check_string(*(const char *const *)at, e);
	case PROTOBUF_C_TYPE_ENUM:
		return check_enum(f->descriptor, *(const int *)at, e);
	case PROTOBUF_C_TYPE_FLOAT:
		return check_finite(*(const float *)at, e);
	case PROTOBUF_C_TYPE_DOUBLE:
		return check_finite(*(const double *)at, e);
	default:
		return OK;
	}
}

static enum code check_field(
	const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, struct error *e)
{
	size_t n = field_count(m, f);
	bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED;
	size_t i = 0;

	if (n && repeated &&
		f->type == PROTOBUF_C_TYPE_FLOAT) /* vectors: most of a large message */
		i = finite_span(field_value(m, f, 0), n);
	for (; i < n; i++) {
		if (check_value(f, field_value(m, f, i), e) == OK)
			continue;
		if (repeated && field_of_list(m->descriptor))
			return error_within(e, "[%zu]", i);
		return repeated ? error_within(e, "%s[%zu]", f->name, i)
				: error_within(e, "%s", f->name);
	}
	return OK;
}

enum code message_check(const ProtobufCMessage *m, struct error *e)
{
	const ProtobufCMessageDescriptor *type = m->descriptor;

	if (m->n_unknown_fields)
		return error_set(e, INVALID_ARGUMENT, "UNKNOWN_FIELD",
			"%s has no field number %u; is the client newer than the server?",
			type->short_name, m->unknown_fields[0].tag);
	for (unsigned i = 0; i < type->n_fields; i++)
		if (check_field(m, &type->fields[i], e))
			return e->code;
	return OK;
}
