#include "proto/field.h"

#include <ctype.h>
#include <string.h>

static bool is_snake(const char *snake, const char *name, size_t len)
{
	return strlen(snake) == len && !memcmp(snake, name, len);
}

static bool is_camel(const char *snake, const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++, snake++) {
		bool upper = *snake == '_';
		snake += upper;
		if (*snake == 0 || (upper ? toupper(*snake) : *snake) != name[i])
			return false;
	}
	return *snake == 0;
}

const ProtobufCFieldDescriptor *field_named(
	const ProtobufCMessageDescriptor *type, const char *name, size_t len)
{
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		if (is_snake(f->name, name, len) || is_camel(f->name, name, len))
			return f;
	}
	return NULL;
}

size_t field_size(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_ENUM:
		return 4;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	default:
		return 8;
	}
}

void *field_slot(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	return (char *)m + f->offset;
}

size_t field_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const void *at = (const char *)m + f->offset;
	const void *quantifier = (const char *)m + f->quantifier_offset;

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)quantifier;
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF && *(const uint32_t *)quantifier != f->id)
		return 0;
	if (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE) {
		const void *p = *(void *const *)at;
		return p != NULL && p != f->default_value;
	}
	if (f->label == PROTOBUF_C_LABEL_OPTIONAL && !(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
		return *(const protobuf_c_boolean *)quantifier != 0;
	return 1;
}

const void *field_value(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i)
{
	const void *at = (const char *)m + f->offset;

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const char *const *)at + i * field_size(f);
	return at;
}

void field_mark(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	if (f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_MESSAGE)
		*(protobuf_c_boolean *)((char *)m + f->quantifier_offset) = 1;
}

const ProtobufCFieldDescriptor *field_of_list(const ProtobufCMessageDescriptor *type)
{
	const ProtobufCFieldDescriptor *f = type->fields;

	if (type->n_fields != 1 || f->label != PROTOBUF_C_LABEL_REPEATED)
		return NULL;
	return strcmp(f->name, "values") ? NULL : f;
}

const ProtobufCFieldDescriptor *field_of_lines(const ProtobufCMessageDescriptor *type)
{
	const ProtobufCFieldDescriptor *found = NULL;

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		if (f->label != PROTOBUF_C_LABEL_REPEATED)
			continue;
		if (found || f->type != PROTOBUF_C_TYPE_MESSAGE)
			return NULL;
		found = f;
	}
	return found;
}

const ProtobufCFieldDescriptor *field_of_raw(const ProtobufCMessageDescriptor *type)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(type, "data");

	return f && f->type == PROTOBUF_C_TYPE_BYTES && f->label == PROTOBUF_C_LABEL_OPTIONAL
		       ? f
		       : NULL;
}

const char *field_enum_short(const ProtobufCEnumDescriptor *type, const ProtobufCEnumValue *value)
{
	const char *name = value->name;

	for (const char *c = type->short_name; *c; c++)
		name += 1 + (c != type->short_name && isupper((unsigned char)*c));
	return name + 1;
}
