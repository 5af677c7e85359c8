/*
 * grpc.reflection.v1 and v1alpha: a stream of questions, each answered before the next is read.
 * The two have the same messages. There are no extensions in our schema, so questions about them
 * are answered NOT_FOUND.
 */
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "server/grpc_server.h"
#include "server/reflection.h"

enum { QUESTION_MEMORY = 1 << 20 };

static void not_found(Wire__ServerReflectionResponse *to, Wire__ErrorResponse *error)
{
	error->error_code = NOT_FOUND;
	error->error_message = "There is no such file, symbol or extension here.";
	to->message_response_case =
		WIRE__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
	to->error_response = error;
}

static enum code say_files(const struct reflection *r, const struct reflected_file *file,
	struct arena *arena, Wire__ServerReflectionResponse *to)
{
	size_t room = reflection_files(r);
	const struct reflected_file **files = arena_array(arena, room, sizeof *files);
	ProtobufCBinaryData *bytes = arena_array(arena, room, sizeof *bytes);
	Wire__FileDescriptorResponse *answer = arena_alloc(arena, sizeof *answer);

	if (!files || !bytes || !answer)
		return RESOURCE_EXHAUSTED;
	wire__file_descriptor_response__init(answer);
	answer->n_file_descriptor_proto = reflection_closure(r, file, files);
	answer->file_descriptor_proto = bytes;
	for (size_t i = 0; i < answer->n_file_descriptor_proto; i++)
		bytes[i] = (ProtobufCBinaryData){files[i]->len, (uint8_t *)files[i]->bytes};
	to->message_response_case =
		WIRE__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
	to->file_descriptor_response = answer;
	return OK;
}

static enum code say_services(
	const struct reflection *r, struct arena *arena, Wire__ServerReflectionResponse *to)
{
	size_t n;
	const char *const *names = reflection_services(r, &n);
	Wire__ListServiceResponse *answer = arena_alloc(arena, sizeof *answer);
	Wire__ServiceResponse *services = arena_array(arena, n, sizeof *services);
	Wire__ServiceResponse **list = arena_array(arena, n, sizeof *list);

	if (!answer || !services || !list)
		return RESOURCE_EXHAUSTED;
	wire__list_service_response__init(answer);
	for (size_t i = 0; i < n; i++) {
		wire__service_response__init(&services[i]);
		services[i].name = names[i];
		list[i] = &services[i];
	}
	answer->n_service = n;
	answer->service = list;
	to->message_response_case =
		WIRE__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
	to->list_services_response = answer;
	return OK;
}

static enum code answer(const struct reflection *r, Wire__ServerReflectionRequest *q,
	struct arena *arena, Wire__ServerReflectionResponse *to)
{
	const struct reflected_file *file = NULL;
	Wire__ErrorResponse *error = arena_alloc(arena, sizeof *error);

	if (!error)
		return RESOURCE_EXHAUSTED;
	wire__error_response__init(error);
	switch (q->message_request_case) {
	case WIRE__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
		return say_services(r, arena, to);
	case WIRE__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
		file = reflection_file(r, q->file_by_filename);
		break;
	case WIRE__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
		file = reflection_symbol(r, q->file_containing_symbol);
		break;
	default:
		break;
	}
	if (file)
		return say_files(r, file, arena, to);
	not_found(to, error);
	return OK;
}

/* The answer to the question at hand, as bytes to send; NULL with the error set. */
static grpc_byte_buffer *respond(struct rpc *rpc, struct arena *arena, struct error *e)
{
	Wire__ServerReflectionResponse response = WIRE__SERVER_REFLECTION_RESPONSE__INIT;
	ProtobufCMessage *question;
	grpc_byte_buffer *message = NULL;

	if (rpc_unpack(rpc, &wire__server_reflection_request__descriptor, arena, &question, e))
		return NULL;
	response.original_request = (Wire__ServerReflectionRequest *)question;
	response.valid_host = response.original_request->host;
	if (!answer(rpc->grpc->reflection, response.original_request, arena, &response))
		message = rpc_pack(&response.base);
	if (!message)
		error_memory(e);
	return message;
}

static void reflection_received(struct rpc *rpc)
{
	struct error e = {.code = OK};
	grpc_byte_buffer *message = NULL;
	struct arena arena;

	if (rpc->in) {
		arena_init(&arena, QUESTION_MEMORY);
		message = respond(rpc, &arena, &e);
		arena_free(&arena);
	}
	if (message)
		rpc_send(rpc, message);
	else
		rpc_finish(rpc, NULL, &e); /* the end of the questions, or a bad one */
}

static void reflection_sent(struct rpc *rpc, bool ok)
{
	if (ok) /* else it is being cancelled */
		rpc_receive(rpc);
}

static void reflection_cancelled(struct rpc *rpc)
{
	struct error e;

	error_set(&e, CANCELLED, "CANCELLED", "The stream was cancelled.");
	rpc_finish(rpc, NULL, &e);
}

const struct rpc_kind reflection_rpc = {.size = sizeof(struct rpc),
	.arrived = rpc_receive,
	.received = reflection_received,
	.sent = reflection_sent,
	.cancelled = reflection_cancelled};
