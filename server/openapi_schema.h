/* JSON Schema of the schema's messages and enums, in the dialect of proto/json.h. */
#ifndef SERVER_OPENAPI_SCHEMA_H
#define SERVER_OPENAPI_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <protobuf-c/protobuf-c.h>

#include "proto/buf.h"

enum { OPENAPI_TYPES = 128 };

/* The messages and enums that a set of messages needs, each once. */
struct openapi_types {
	struct {
		const ProtobufCMessageDescriptor *message; /* or */
		const ProtobufCEnumDescriptor *enumeration;
		bool closed; /* requests may send it: unknown fields are refused */
	} at[OPENAPI_TYPES];
	size_t n;
};

/* Adds a message and all it contains. Closed ones first: a type keeps what it was added with. */
void openapi_add(
	struct openapi_types *types, const ProtobufCMessageDescriptor *message, bool closed);
/* "Name":{schema} for each, between commas. */
void openapi_write_types(const struct openapi_types *types, struct buf *to);
/* {"$ref":...} of a message. */
void openapi_write_ref(const char *name, struct buf *to);
/* The schema of one field's value, with its default. */
void openapi_write_field(const ProtobufCFieldDescriptor *f, struct buf *to);

#endif
