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
 *   output    fields that are set, in the schema's order; repeated fields also when empty; numbers
 *             that are not finite count as absent, and are null in arrays; bytes of a string that
 *             are no UTF-8 become U+FFFD, so that a reply is always JSON
 *
 * Errors are INVALID_ARGUMENT with the path of the field (queries[3].vector[17]) and one of these
 * reasons: MALFORMED_JSON (the sentence has the byte offset), UNKNOWN_FIELD, DUPLICATE_FIELD,
 * WRONG_TYPE, OUT_OF_RANGE, UNKNOWN_VALUE (enums), INVALID_BASE64, INVALID_UTF8, NUL_IN_STRING,
 * TOO_DEEP (past JSON_DEPTH), NOT_FINITE (message_check), FIELD_MISMATCH (json_set_field).
 *
 * Numbers are read and written by the C library: the process must keep LC_NUMERIC at "C".
 */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/error.h"

enum { JSON_DEPTH = 32 };

/* Reads one message; everything it points to lives in the arena. White space alone, or nothing, is
 * an empty message. Any thread. */
enum code json_read(const char *text, size_t len, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e);
/* Reads newline-delimited JSON: each line an element of the type's one repeated field (`documents`
 * of UpsertDocumentsRequest, see field_of_lines); blank lines are skipped. Paths name the element:
 * documents[3].id. A type without such a field: UNSUPPORTED_MEDIA_TYPE. */
enum code json_read_lines(const char *text, size_t len, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e);
/* Sets one scalar field of a message from a decoded path or query-string value, which has no quotes.
 * A field that is already set must be set to the same value: the body and the path may not
 * disagree. */
enum code json_set_field(ProtobufCMessage *m, const char *name, const char *value,
	struct arena *arena, struct error *e);
/* Appends the message as one line of JSON, no newline. Output failure sticks in `to`. */
void json_write(const ProtobufCMessage *m, struct buf *to);

/* What a decoded protobuf message may still have wrong, by path: invalid UTF-8 in strings, enum
 * numbers the schema does not know, NaN or infinite floats, unknown fields. A NUL inside a string
 * cannot be seen any more: message_unpack looks for it in the bytes. json_read already checks all
 * of it. */
enum code message_check(const ProtobufCMessage *m, struct error *e);

#endif
