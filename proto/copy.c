#include "proto/copy.h"

/* By way of the wire: the one walk over every kind of field that is already there and tested. */
ProtobufCMessage *message_copy(const ProtobufCMessage *m, struct arena *arena)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	uint8_t *bytes = arena_alloc(arena, len);

	if (!bytes)
		return NULL;
	protobuf_c_message_pack(m, bytes);
	return protobuf_c_message_unpack(m->descriptor, &arena->pb, len, bytes);
}
