/*
 * One call from the client's side: its own completion queue, batches that block until they are
 * done, and its outcome as a struct error. One thread at a time.
 */
#ifndef CLIENT_EXCHANGE_H
#define CLIENT_EXCHANGE_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

#include "proto/arena.h"
#include "proto/error.h"

/* The steps of a call; exchange_run does any set of them as one batch. */
enum step {
	STEP_HEADERS = 1, /* send initial metadata */
	STEP_SEND = 2,	  /* send x->out */
	STEP_HALF_CLOSE = 4,
	STEP_RECEIVE = 8 /* one message into x->in; NULL at the end */
};

struct exchange {
	const char *target; /* for sentences */
	grpc_completion_queue *cq;
	grpc_call *call;
	grpc_byte_buffer *out, *in;
	enum { NOT_ASKED, ASKED, OVER } outcome;
	grpc_metadata_array initial, trailing;
	grpc_status_code status;
	grpc_slice details;
};

/* timeout_ms 0: for ever. */
enum code exchange_open(struct exchange *x, grpc_channel *channel, const char *target,
	const char *operation, int64_t timeout_ms, struct error *e);
void exchange_close(struct exchange *x); /* cancels what is not over */

/* False when it could not be done: the call is over. */
bool exchange_run(struct exchange *x, unsigned steps);
/* Whether the daemon has ended the call. C core lets a client go on sending to a call that is over,
 * as if it were heard. */
bool exchange_is_over(struct exchange *x);

/* Puts a message where STEP_SEND takes it. */
enum code exchange_pack(struct exchange *x, const ProtobufCMessage *m, struct error *e);
/* Turns x->in into a message and empties it. */
enum code exchange_unpack(struct exchange *x, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e);
/* Waits for the end of the call: how it went. */
enum code exchange_outcome(struct exchange *x, struct error *e);

#endif
