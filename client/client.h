/*
 * A blocking client of hardminerd over gRPC: one call for any operation of the schema, by message.
 *
 *	struct hm_client *client;
 *	Pb__GetInfoRequest request = PB__GET_INFO_REQUEST__INIT;
 *	ProtobufCMessage *info;
 *
 *	hm_open("127.0.0.1:7071", &client, &error);
 *	hm_call(client, "GetInfo", &request.base, &pb__info__descriptor, &arena, &info, &error);
 *	hm_close(client);
 *
 * Every function returns OK or fills `error`: the daemon's own code, reason, sentence, field and
 * retry_after_ms; or UNAVAILABLE/UNREACHABLE when nobody answers. Out-parameters are untouched on
 * failure. Answers live in the caller's arena. A client may be shared by threads; an upload belongs
 * to one at a time. The process must not fork after hm_open.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

#include "proto/arena.h"
#include "proto/error.h"

struct hm_client;
struct hm_upload;

/* `target` is "HOST:PORT" or "unix:/path". Connects with the first call, and again when it must. */
enum code hm_open(const char *target, struct hm_client **out, struct error *e);
/* After its last call returned. NULL is fine. */
void hm_close(struct hm_client *client);

/* How long each later call, stream or upload may take from its beginning; 0 is for ever, as it is
 * after hm_open. Before threads share the client. */
void hm_set_timeout(struct hm_client *client, int64_t milliseconds);

/* One request, one answer of type `answer`. `operation` is the name of an rpc: "MineNegatives". */
enum code hm_call(struct hm_client *client, const char *operation, const ProtobufCMessage *request,
	const ProtobufCMessageDescriptor *answer, struct arena *arena, ProtobufCMessage **out,
	struct error *e);

/* One request, many answers: each(arg, message) runs for one after another. The message dies when
 * it returns. Anything but OK from it cancels the call and is what hm_stream returns. */
enum code hm_stream(struct hm_client *client, const char *operation,
	const ProtobufCMessage *request, const ProtobufCMessageDescriptor *answer,
	enum code (*each)(void *arg, const ProtobufCMessage *message, struct error *e), void *arg,
	struct error *e);

/* Many requests, one answer. */
enum code hm_upload_begin(
	struct hm_client *client, const char *operation, struct hm_upload **out, struct error *e);
/* Blocks while the daemon is slower than we are. After a failure only finish or abort are left. */
enum code hm_upload_send(
	struct hm_upload *upload, const ProtobufCMessage *request, struct error *e);
/* Waits for the answer and frees the upload, whatever it returns. After a failed send it returns
 * that failure again. */
enum code hm_upload_finish(struct hm_upload *upload, const ProtobufCMessageDescriptor *answer,
	struct arena *arena, ProtobufCMessage **out, struct error *e);
/* Cancels and frees. What the daemon has taken so far stays. NULL is fine. */
void hm_upload_abort(struct hm_upload *upload);

#endif
