/*
 * The codec behind a pipe, for json_format.py. Each request on stdin is a line "json TYPE BYTES" or
 * "protobuf TYPE BYTES" and that many bytes in that form; each answer a line "ok BYTES" and the
 * message in the other form, or "REASON 0".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/json.h"
#include "proto/unpack.h"

static const ProtobufCMessageDescriptor *find_below(
	const ProtobufCMessageDescriptor *type, const char *name)
{
	const ProtobufCMessageDescriptor *found = strcmp(type->name, name) ? NULL : type;

	for (unsigned i = 0; !found && i < type->n_fields; i++)
		if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			found = find_below(type->fields[i].descriptor, name);
	return found;
}

static const ProtobufCMessageDescriptor *find_type(const char *name)
{
	const ProtobufCServiceDescriptor *service = &pb__miner__descriptor;
	const ProtobufCMessageDescriptor *found = NULL;

	for (unsigned i = 0; !found && i < service->n_methods; i++) {
		found = find_below(service->methods[i].input, name);
		if (!found)
			found = find_below(service->methods[i].output, name);
	}
	return found;
}

static void answer(const char *status, const struct buf *bytes)
{
	printf("%s %zu\n", status, bytes->len);
	if (bytes->len)
		fwrite(bytes->data, 1, bytes->len, stdout);
	fflush(stdout);
}

static void recode(
	const char *form, const ProtobufCMessageDescriptor *type, const char *bytes, size_t len)
{
	struct arena arena;
	struct buf out;
	struct error e = {0};
	ProtobufCMessage *m;

	arena_init(&arena, 64 << 20);
	buf_init(&out);
	if (!strcmp(form, "json")) {
		if (!json_read(bytes, len, type, &arena, &m, &e))
			protobuf_c_message_pack_to_buffer(m, &out.pb);
	} else {
		if (!message_unpack((const uint8_t *)bytes, len, type, &arena, &m, &e))
			json_write(m, &out);
	}
	answer(e.code ? e.reason : "ok", &out);
	arena_free(&arena);
	buf_free(&out);
}

int main(void)
{
	char form[16], name[128];
	size_t len;

	while (scanf("%15s %127s %zu", form, name, &len) == 3 && getchar() == '\n') {
		char *bytes = malloc(len + 1);
		const ProtobufCMessageDescriptor *type = find_type(name);
		if (!type || fread(bytes, 1, len, stdin) != len)
			return EXIT_FAILURE;
		recode(form, type, bytes, len);
		free(bytes);
	}
	return EXIT_SUCCESS;
}
