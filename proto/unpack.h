/*
 * Protobuf bytes -> message, with everything checked that protobuf-c leaves open: memory is the
 * arena's, nesting is bounded, and message_check has passed.
 */
#ifndef PROTO_UNPACK_H
#define PROTO_UNPACK_H

#include <stddef.h>
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

#include "proto/arena.h"
#include "proto/error.h"

/* Everything the message points to lives in the arena; the bytes may go. Fails with
 * MALFORMED_PROTOBUF, TOO_DEEP, NUL_IN_STRING, message_check's reasons, or OUT_OF_MEMORY. Any
 * thread. */
enum code message_unpack(const uint8_t *bytes, size_t len, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e);

#endif
