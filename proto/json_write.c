/* Writing: a walk over the message's fields, appending. */
#include "proto/json.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "proto/base64.h"
#include "proto/decimal.h"
#include "proto/field.h"
#include "proto/utf8.h"

static void write_message(const ProtobufCMessage *m, struct buf *to);

static void write_double(double value, struct buf *to)
{
	char text[DECIMAL_ROOM];

	buf_add(to, text, decimal_double(value, text));
}

static void write_float(float value, struct buf *to)
{
	char text[DECIMAL_ROOM];

	buf_add(to, text, decimal_float(value, text));
}

static void write_unsigned(uint64_t value, struct buf *to)
{
	char text[DECIMAL_ROOM];

	buf_add(to, text, decimal_unsigned(value, text));
}

static void write_signed(int64_t value, struct buf *to)
{
	if (value < 0)
		buf_char(to, '-');
	write_unsigned(value < 0 ? -(uint64_t)value : (uint64_t)value, to);
}

static void write_escape(unsigned char c, struct buf *to)
{
	static const char from[] = "\"\\\b\f\n\r\t", into[] = "\"\\bfnrt";
	const char *simple = memchr(from, c, sizeof from - 1);

	if (simple) {
		char escape[] = {'\\', into[simple - from]};
		buf_add(to, escape, sizeof escape);
	} else {
		buf_printf(to, "\\u%04x", c);
	}
}

/* Valid UTF-8, escaped where JSON must. */
static void write_characters(const char *s, size_t len, struct buf *to)
{
	const char *end = s + len;

	while (s < end) {
		const char *plain = s;
		while (s < end && *s != '"' && *s != '\\' && (unsigned char)*s >= 0x20)
			s++;
		buf_add(to, plain, (size_t)(s - plain));
		if (s < end)
			write_escape((unsigned char)*s++, to);
	}
}

/* Bytes that are no UTF-8 become U+FFFD one by one: a reply is JSON whatever it quotes. */
static void write_string(const char *s, struct buf *to)
{
	size_t len = strlen(s);

	buf_char(to, '"');
	while (len) {
		size_t valid = utf8_span(s, len);
		write_characters(s, valid, to);
		s += valid;
		len -= valid;
		if (len) {
			buf_str(to, "\xef\xbf\xbd");
			s++;
			len--;
		}
	}
	buf_char(to, '"');
}

static void write_bytes(const ProtobufCBinaryData *bytes, struct buf *to)
{
	buf_char(to, '"');
	base64_encode(bytes->data, bytes->len, to);
	buf_char(to, '"');
}

/* A number the schema does not name is our own mistake; it stays visible as a number. */
static void write_enum(const ProtobufCEnumDescriptor *type, int value, struct buf *to)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(type, value);

	if (!v) {
		write_signed(value, to);
		return;
	}
	buf_char(to, '"');
	for (const char *s = field_enum_short(type, v); *s; s++)
		buf_char(to, (char)tolower((unsigned char)*s));
	buf_char(to, '"');
}

static void write_number(ProtobufCType type, const void *at, struct buf *to)
{
	switch (type) {
	case PROTOBUF_C_TYPE_FLOAT:
		write_float(*(const float *)at, to);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		write_double(*(const double *)at, to);
		break;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		write_signed(*(const int32_t *)at, to);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		write_unsigned(*(const uint32_t *)at, to);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		write_unsigned(*(const uint64_t *)at, to);
		break;
	default:
		write_signed(*(const int64_t *)at, to);
		break;
	}
}

static bool is_finite(ProtobufCType type, const void *at)
{
	if (type == PROTOBUF_C_TYPE_FLOAT)
		return isfinite(*(const float *)at);
	return type != PROTOBUF_C_TYPE_DOUBLE || isfinite(*(const double *)at);
}

static void write_value(const ProtobufCFieldDescriptor *f, const void *at, struct buf *to)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		write_message(*(const ProtobufCMessage *const *)at, to);
		break;
	case PROTOBUF_C_TYPE_STRING:
		write_string(*(const char *const *)at, to);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		write_bytes(at, to);
		break;
	case PROTOBUF_C_TYPE_ENUM:
		write_enum(f->descriptor, *(const int *)at, to);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		buf_str(to, *(const protobuf_c_boolean *)at ? "true" : "false");
		break;
	default:
		if (is_finite(f->type, at))
			write_number(f->type, at, to);
		else
			buf_str(to, "null");
		break;
	}
}

static void write_array(
	const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, struct buf *to)
{
	size_t n = field_count(m, f);

	buf_char(to, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(to, ',');
		write_value(f, field_value(m, f, i), to);
	}
	buf_char(to, ']');
}

static bool is_written(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return true;
	return field_count(m, f) && is_finite(f->type, field_value(m, f, 0));
}

static void write_object(const ProtobufCMessage *m, struct buf *to)
{
	const ProtobufCMessageDescriptor *type = m->descriptor;
	char before = '{';

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		if (!is_written(m, f))
			continue;
		buf_char(to, before);
		before = ',';
		buf_char(to, '"');
		buf_str(to, f->name);
		buf_add(to, "\":", 2);
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			write_array(m, f, to);
		else
			write_value(f, field_value(m, f, 0), to);
	}
	if (before == '{')
		buf_char(to, '{');
	buf_char(to, '}');
}

static void write_message(const ProtobufCMessage *m, struct buf *to)
{
	const ProtobufCFieldDescriptor *list = field_of_list(m->descriptor);

	if (list)
		write_array(m, list, to);
	else
		write_object(m, to);
}

void json_write(const ProtobufCMessage *m, struct buf *to)
{
	write_message(m, to);
}
