#include "storage/rows/packed.h"

#include "proto/unpack.h"

enum code packed_add(struct buf *to, const ProtobufCMessage *m, struct error *e)
{
	protobuf_c_message_pack_to_buffer(m, &to->pb);
	return to->failed ? error_memory(e) : OK;
}

enum code packed_column(sqlite3_stmt *s, int at, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e)
{
	const void *bytes = sqlite3_column_blob(s, at);
	size_t len = (size_t)sqlite3_column_bytes(s, at);
	struct error why;

	if (sqlite3_column_type(s, at) == SQLITE_NULL) {
		*out = NULL;
		return OK;
	}
	if (!message_unpack(bytes, len, type, arena, out, &why))
		return OK;
	if (why.code == RESOURCE_EXHAUSTED) {
		*e = why;
		return e->code;
	}
	return error_set(e, DATA_LOSS, "DATABASE_DAMAGED",
		"A stored %s cannot be read (%s); restore the database from a backup.",
		type->short_name, why.reason);
}

enum code packed_bytes(
	sqlite3_stmt *s, int at, struct arena *arena, ProtobufCBinaryData *out, struct error *e)
{
	const void *bytes = sqlite3_column_blob(s, at);
	size_t len = (size_t)sqlite3_column_bytes(s, at);
	void *copy = len ? arena_copy(arena, bytes, len) : NULL;

	if (len && !copy)
		return error_memory(e);
	*out = (ProtobufCBinaryData){.len = len, .data = copy};
	return OK;
}
