/*
 * Any bytes as a protobuf message of the service. What message_unpack accepts can be written as
 * JSON, and read from there it is the same message: it packs to the same bytes. The first byte
 * picks the message.
 */
#include <string.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/json.h"
#include "proto/unpack.h"
#include "proto/utf8.h"
#include "tests/fuzz/fuzz.h"

enum { REQUEST_MEMORY = 1 << 20, OUR_MEMORY = 64 << 20 };

static void check_json(const ProtobufCMessage *m)
{
	struct buf text, packed, again;
	struct arena arena;
	struct error e;
	ProtobufCMessage *read;

	buf_init(&text);
	buf_init(&packed);
	buf_init(&again);
	arena_init(&arena, OUR_MEMORY);
	json_write(m, &text);
	fuzz_assert(utf8_span(text.data, text.len) == text.len);
	fuzz_assert(!json_read(text.data, text.len, m->descriptor, &arena, &read, &e));
	protobuf_c_message_pack_to_buffer(m, &packed.pb);
	protobuf_c_message_pack_to_buffer(read, &again.pb);
	fuzz_assert(packed.len == again.len);
	fuzz_assert(packed.len == 0 || !memcmp(packed.data, again.data, packed.len));
	arena_free(&arena);
	buf_free(&text);
	buf_free(&packed);
	buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const ProtobufCServiceDescriptor *service = &pb__miner__descriptor;
	struct arena arena;
	struct error e;
	ProtobufCMessage *m;

	if (len == 0)
		return 0;
	arena_init(&arena, REQUEST_MEMORY);
	const ProtobufCMethodDescriptor *method =
		&service->methods[(data[0] & 0x7f) % service->n_methods];
	const ProtobufCMessageDescriptor *type = data[0] & 0x80 ? method->output : method->input;
	enum code rc = message_unpack(data + 1, len - 1, type, &arena, &m, &e);
	fuzz_assert(rc == OK || rc == INVALID_ARGUMENT || rc == RESOURCE_EXHAUSTED);
	if (!rc)
		check_json(m);
	arena_free(&arena);
	return 0;
}
