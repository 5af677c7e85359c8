#include "server/openapi_schema.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>

#include "proto/field.h"

static bool has(const struct openapi_types *types, const void *descriptor)
{
	for (size_t i = 0; i < types->n; i++)
		if (types->at[i].message == descriptor || types->at[i].enumeration == descriptor)
			return true;
	return false;
}

void openapi_add(
	struct openapi_types *types, const ProtobufCMessageDescriptor *message, bool closed)
{
	if (has(types, message))
		return;
	assert(types->n < OPENAPI_TYPES);
	types->at[types->n].closed = closed;
	types->at[types->n++].message = message;
	for (unsigned i = 0; i < message->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &message->fields[i];
		if (f->type == PROTOBUF_C_TYPE_MESSAGE)
			openapi_add(types, f->descriptor, closed);
		if (f->type != PROTOBUF_C_TYPE_ENUM || has(types, f->descriptor))
			continue;
		assert(types->n < OPENAPI_TYPES);
		types->at[types->n++].enumeration = f->descriptor;
	}
}

void openapi_write_ref(const char *name, struct buf *to)
{
	buf_printf(to, "{\"$ref\":\"#/components/schemas/%s\"}", name);
}

static void write_enum_name(
	const ProtobufCEnumDescriptor *type, const ProtobufCEnumValue *value, struct buf *to)
{
	buf_char(to, '"');
	for (const char *s = field_enum_short(type, value); *s; s++)
		buf_char(to, (char)tolower((unsigned char)*s));
	buf_char(to, '"');
}

/* ,"default":... when the schema gives one. */
static void write_default(const ProtobufCFieldDescriptor *f, struct buf *to)
{
	const void *at = f->default_value;
	const ProtobufCEnumDescriptor *type = f->descriptor;

	if (!at)
		return;
	buf_str(to, ",\"default\":");
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		buf_printf(to, "\"%s\"", (const char *)at);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		buf_str(to, *(const protobuf_c_boolean *)at ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_ENUM:
		write_enum_name(
			type, protobuf_c_enum_descriptor_get_value(type, *(const int *)at), to);
		break;
	case PROTOBUF_C_TYPE_UINT32:
		buf_printf(to, "%" PRIu32, *(const uint32_t *)at);
		break;
	case PROTOBUF_C_TYPE_UINT64:
		buf_printf(to, "%" PRIu64, *(const uint64_t *)at);
		break;
	case PROTOBUF_C_TYPE_INT64:
		buf_printf(to, "%" PRId64, *(const int64_t *)at);
		break;
	default:
		assert(!"a type of default that the schema did not have");
	}
}

/* The value's schema without its closing brace. */
static void write_open(const ProtobufCFieldDescriptor *f, struct buf *to)
{
	static const char *const scalars[] = {
		[PROTOBUF_C_TYPE_INT32] = "\"type\":\"integer\",\"format\":\"int32\"",
		[PROTOBUF_C_TYPE_INT64] = "\"type\":\"integer\",\"format\":\"int64\"",
		[PROTOBUF_C_TYPE_UINT32] =
			"\"type\":\"integer\",\"format\":\"uint32\",\"minimum\":0",
		[PROTOBUF_C_TYPE_UINT64] =
			"\"type\":\"integer\",\"format\":\"uint64\",\"minimum\":0",
		[PROTOBUF_C_TYPE_FLOAT] = "\"type\":\"number\",\"format\":\"float\"",
		[PROTOBUF_C_TYPE_DOUBLE] = "\"type\":\"number\",\"format\":\"double\"",
		[PROTOBUF_C_TYPE_BOOL] = "\"type\":\"boolean\"",
		[PROTOBUF_C_TYPE_STRING] = "\"type\":\"string\"",
		[PROTOBUF_C_TYPE_BYTES] = "\"type\":\"string\",\"contentEncoding\":\"base64\"",
	};

	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		buf_printf(to, "{\"$ref\":\"#/components/schemas/%s\"",
			((const ProtobufCMessageDescriptor *)f->descriptor)->short_name);
	else if (f->type == PROTOBUF_C_TYPE_ENUM)
		buf_printf(to, "{\"$ref\":\"#/components/schemas/%s\"",
			((const ProtobufCEnumDescriptor *)f->descriptor)->short_name);
	else
		buf_printf(to, "{%s", scalars[f->type]);
}

void openapi_write_field(const ProtobufCFieldDescriptor *f, struct buf *to)
{
	bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED;

	if (repeated)
		buf_str(to, "{\"type\":\"array\",\"items\":");
	write_open(f, to);
	write_default(f, to);
	buf_str(to, repeated ? "}}" : "}");
}

static void write_enum(const ProtobufCEnumDescriptor *type, struct buf *to)
{
	buf_printf(to, "\"%s\":{\"type\":\"string\",\"enum\":[", type->short_name);
	for (unsigned i = 0; i < type->n_values; i++) {
		if (i)
			buf_char(to, ',');
		write_enum_name(type, &type->values[i], to);
	}
	buf_str(to, "]}");
}

static void write_message(const ProtobufCMessageDescriptor *type, bool closed, struct buf *to)
{
	const ProtobufCFieldDescriptor *list = field_of_list(type);

	buf_printf(to, "\"%s\":", type->short_name);
	if (list) {
		openapi_write_field(list, to);
		return;
	}
	buf_str(to, "{\"type\":\"object\",\"properties\":{");
	for (unsigned i = 0; i < type->n_fields; i++) {
		buf_printf(to, "%s\"%s\":", i ? "," : "", type->fields[i].name);
		openapi_write_field(&type->fields[i], to);
	}
	buf_str(to, closed ? "},\"additionalProperties\":false}" : "}}");
}

void openapi_write_types(const struct openapi_types *types, struct buf *to)
{
	for (size_t i = 0; i < types->n; i++) {
		if (i)
			buf_char(to, ',');
		if (types->at[i].message)
			write_message(types->at[i].message, types->at[i].closed, to);
		else
			write_enum(types->at[i].enumeration, to);
	}
}
