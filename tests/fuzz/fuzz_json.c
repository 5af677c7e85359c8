/*
 * Any bytes as the JSON body of a request. What json_read accepts, json_write writes; that text is
 * accepted too and written the same. The first byte picks the operation and whether the rest is
 * one object or lines.
 */
#include <string.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/json.h"
#include "proto/utf8.h"
#include "tests/fuzz/fuzz.h"

/* Requests may use little, so that running out is tried as well; reading our own text may not. */
enum { REQUEST_MEMORY = 1 << 20, OUR_MEMORY = 64 << 20 };

static enum code read_request(uint8_t how, const char *text, size_t len,
	const ProtobufCMessageDescriptor *type, struct arena *arena, ProtobufCMessage **m)
{
	struct error e;
	enum code rc = how & 0x80 ? json_read_lines(text, len, type, arena, m, &e)
				  : json_read(text, len, type, arena, m, &e);

	fuzz_assert(rc == OK || rc == INVALID_ARGUMENT || rc == RESOURCE_EXHAUSTED);
	if (rc)
		fuzz_assert(e.reason[0] && e.text[0] &&
			    utf8_span(e.text, strlen(e.text)) == strlen(e.text));
	return rc;
}

static void check_again(const ProtobufCMessage *m)
{
	struct buf first, second;
	struct arena arena;
	struct error e;
	ProtobufCMessage *again;

	buf_init(&first);
	buf_init(&second);
	arena_init(&arena, OUR_MEMORY);
	json_write(m, &first);
	fuzz_assert(utf8_span(first.data, first.len) == first.len);
	fuzz_assert(!json_read(first.data, first.len, m->descriptor, &arena, &again, &e));
	json_write(again, &second);
	fuzz_assert(first.len == second.len && !memcmp(first.data, second.data, first.len));
	arena_free(&arena);
	buf_free(&first);
	buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const ProtobufCServiceDescriptor *service = &pb__miner__descriptor;
	struct arena arena;
	ProtobufCMessage *m;

	if (len == 0)
		return 0;
	arena_init(&arena, REQUEST_MEMORY);
	const ProtobufCMessageDescriptor *type =
		service->methods[(data[0] & 0x7f) % service->n_methods].input;
	if (!read_request(data[0], (const char *)data + 1, len - 1, type, &arena, &m))
		check_again(m);
	arena_free(&arena);
	return 0;
}
