/* Text to the number or enum a field wants: shared by JSON bodies and by path and query values. */
#ifndef PROTO_JSON_SCALAR_H
#define PROTO_JSON_SCALAR_H

#include <stddef.h>
#include <protobuf-c/protobuf-c.h>

#include "proto/error.h"

/* `s` is a JSON number (scan_number_length) of at most SCAN_NUMBER_BYTES; `f` an integer, float or
 * double. Integers may be written 1.0 or 1e3 when that is whole and below 2^53. */
enum code scalar_number(
	const ProtobufCFieldDescriptor *f, const char *s, size_t len, void *at, struct error *e);
/* By short name or full name, in either case. */
enum code scalar_enum(
	const ProtobufCEnumDescriptor *type, const char *s, size_t len, int *at, struct error *e);

#endif
