#include "client/cli/session.h"

#include <string.h>
#include <time.h>

#include "client/cli/pretty.h"
#include "proto/json.h"

static const struct {
	const char *name;
	enum streaming streaming;
} streamings[] = {
#define X(Name, handler, Request, Response, verb, path, lane, permission, streaming) \
	{#Name, streaming},
	OPERATIONS(X)
#undef X
};

enum { OPERATION_COUNT = sizeof streamings / sizeof *streamings };

const char *operation_name(size_t i)
{
	return i < OPERATION_COUNT ? streamings[i].name : NULL;
}

bool operation_find(const char *name, struct operation *out)
{
	const ProtobufCServiceDescriptor *service = &pb__miner__descriptor;
	const ProtobufCMethodDescriptor *method =
		protobuf_c_service_descriptor_get_method_by_name(service, name);

	for (size_t i = 0; method && i < OPERATION_COUNT; i++)
		if (!strcmp(streamings[i].name, name)) {
			*out = (struct operation){streamings[i].name, method->input, method->output,
				streamings[i].streaming};
			return true;
		}
	return false;
}

enum code session_ask(struct session *s, const char *operation, const ProtobufCMessage *request,
	void *out, struct error *e)
{
	struct operation op;
	ProtobufCMessage *answer;

	if (!operation_find(operation, &op))
		return error_set(e, UNIMPLEMENTED, "NO_SUCH_OPERATION", "There is no operation %s.",
			operation);
	if (hm_call(s->client, operation, request, op.answer, &s->arena, &answer, e))
		return e->code;
	memcpy(out, &answer, sizeof answer);
	return OK;
}

enum code session_fields(
	struct session *s, const struct options *o, ProtobufCMessage *request, struct error *e)
{
	for (size_t i = 0; i < o->n_given; i++) {
		const struct option *option = o->given[i].option;
		char name[64];
		size_t n = 0;

		if (option->kind != OPTION_FIELD)
			continue;
		for (; option->name[n] && n + 1 < sizeof name; n++)
			name[n] = option->name[n] == '-' ? '_' : option->name[n];
		name[n] = 0;
		if (json_set_field(request, name, o->given[i].value, &s->arena, e))
			return e->code;
	}
	return OK;
}

enum code session_print(
	const struct session *s, const ProtobufCMessage *m, FILE *to, struct error *e)
{
	struct buf line, pretty;

	buf_init(&line);
	buf_init(&pretty);
	json_write(m, &line);
	if (s->output != AS_NDJSON)
		pretty_json(line.data, line.len, &pretty);
	struct buf *out = s->output == AS_NDJSON ? &line : &pretty;
	buf_char(out, '\n');
	bool failed = line.failed || pretty.failed;
	if (!failed)
		fwrite(out->data, 1, out->len, to);
	buf_free(&line);
	buf_free(&pretty);
	return failed ? error_memory(e) : OK;
}

double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
