#ifndef PROTO_COPY_H
#define PROTO_COPY_H

#include "proto/arena.h"

/* A deep copy of any message in the arena, default strings included; NULL when memory ran out. */
ProtobufCMessage *message_copy(const ProtobufCMessage *m, struct arena *arena);

#endif
