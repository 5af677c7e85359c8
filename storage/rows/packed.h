/* Messages in columns: packed as protobuf, checked when they come back. */
#ifndef STORAGE_ROWS_PACKED_H
#define STORAGE_ROWS_PACKED_H

#include <sqlite3.h>

#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/error.h"

/* Appends the message's bytes. */
enum code packed_add(struct buf *to, const ProtobufCMessage *m, struct error *e);
/* The message in a column, in the arena; NULL is NULL. DATA_LOSS/DATABASE_DAMAGED when it is not
 * what was packed. */
enum code packed_column(sqlite3_stmt *s, int at, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e);
/* The bytes in a column, copied. */
enum code packed_bytes(
	sqlite3_stmt *s, int at, struct arena *arena, ProtobufCBinaryData *out, struct error *e);

#endif
