/* The operation table: rows of proto/operations.h with their handlers and message types. */
#include <string.h>

#include "server/call.h"
#include "server/descriptors.h"

/* Handlers have the types of their messages; the table has one type for all. */
#define SHIM(Name, handler, Request, Response, ...) \
	static enum code run_##Name( \
		struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res) \
	{ \
		return op_##handler(c, (const Pb__##Request *)req, (Pb__##Response *)res); \
	}
OPERATIONS(SHIM)

#define ROW(name_, handler, request_, response_, verb_, path_, lane_, permission_, streaming_) \
	{.name = #name_, \
		.path = path_, \
		.verb = verb_, \
		.lane = lane_, \
		.permission = permission_, \
		.streaming = streaming_, \
		.request = &DESCRIPTOR_##request_, \
		.response = &DESCRIPTOR_##response_, \
		.run = run_##name_},
const struct operation operations[] = {OPERATIONS(ROW)};

const size_t n_operations = sizeof operations / sizeof *operations;

const struct operation *operation_named(const char *name, size_t len)
{
	for (size_t i = 0; i < n_operations; i++)
		if (strlen(operations[i].name) == len && !memcmp(operations[i].name, name, len))
			return &operations[i];
	return NULL;
}
