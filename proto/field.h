/*
 * How the fields of a protobuf-c descriptor lie in a message, and what JSON calls them: the ground
 * that json_read, json_write, message_check and the OpenAPI document share.
 *
 * Presence: a repeated field has its count; a number, enum or bytes its has_ flag; a string or a
 * message is set when its pointer is neither NULL nor the schema's default.
 */
#ifndef PROTO_FIELD_H
#define PROTO_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <protobuf-c/protobuf-c.h>

/* By the schema's snake_case name or its lowerCamelCase form; NULL when there is none. */
const ProtobufCFieldDescriptor *field_named(
	const ProtobufCMessageDescriptor *type, const char *name, size_t len);
/* Bytes of one value, in place or in a repeated field's array. */
size_t field_size(const ProtobufCFieldDescriptor *f);
/* How many values the field holds: absent 0, set 1, repeated N. */
size_t field_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);
/* The i-th of them. */
const void *field_value(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i);
/* Where a value of a field that is not repeated goes; field_mark then says it is there. */
void *field_slot(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);
void field_mark(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);

/* The field of a message that is nothing but `repeated ... values`, which JSON shows as a bare
 * array; NULL for any other message. */
const ProtobufCFieldDescriptor *field_of_list(const ProtobufCMessageDescriptor *type);
/* The field that newline-delimited JSON gives the elements of: a message's one repeated field, when
 * that is of messages; NULL when lines cannot say the whole. */
const ProtobufCFieldDescriptor *field_of_lines(const ProtobufCMessageDescriptor *type);
/* The field that a raw body fills with its bytes: `data`, where there is one; else NULL. */
const ProtobufCFieldDescriptor *field_of_raw(const ProtobufCMessageDescriptor *type);
/* An enum value's name without the type's prefix, still in upper case. */
const char *field_enum_short(const ProtobufCEnumDescriptor *type, const ProtobufCEnumValue *value);

#endif
