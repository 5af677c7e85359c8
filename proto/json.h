/*
 * Any message of the schema <-> JSON, by walking its protobuf-c descriptor. The dialect:
 *
 *   names     the schema's own snake_case; lowerCamelCase is accepted on input
 *   numbers   int64 and uint64 as numbers or decimal strings on input, numbers on output;
 *             a value that does not fit, or a fraction for an integer, is an error;
 *             float and double must be finite on input, absent stays absent on output
 *   enums     by name without the type's prefix, lower case ("survivors"); the full name
 *             (RANK_BASE_SURVIVORS) is accepted, in either case
 *   bytes     base64 with padding
 *   lists     a message whose one field is `repeated ... values` is a bare array
 *   null      the same as absent
 *   output    fields that are set; repeated fields also when empty
 *
 * Errors are INVALID_ARGUMENT with the path of the field: unknown or repeated names, wrong types,
 * overflow, NUL in strings, invalid UTF-8, nesting past JSON_DEPTH.
 */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/error.h"

enum { JSON_DEPTH = 32 };

/* Reads one message; everything it points to lives in the arena. Any thread. */
enum code json_read(const char *text, size_t len, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e);
/* Reads newline-delimited JSON: each line an element of the type's one repeated message field
 * (`documents` of UpsertDocumentsRequest). Paths name the element: documents[3].id. */
enum code json_read_lines(const char *text, size_t len, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e);
/* Sets one scalar field of a message from a path or query-string value. A field that is already
 * set must be set to the same value: the body and the path may not disagree. */
enum code json_set_field(ProtobufCMessage *m, const char *name, const char *value,
	struct arena *arena, struct error *e);
/* Appends the message as one line of JSON, no newline. Output failure sticks in `to`. */
void json_write(const ProtobufCMessage *m, struct buf *to);

/* What a decoded protobuf message may still have wrong, by path: invalid UTF-8 or NUL in strings,
 * enum numbers the schema does not know, NaN or infinite floats, unknown fields. json_read already
 * checks all of it. */
enum code message_check(const ProtobufCMessage *m, struct error *e);

#endif
