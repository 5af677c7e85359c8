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
	STEP_ANSWERED = 8, /* receive initial metadata, once */
	STEP_RECEIVE = 16, /* one message into x->in; NULL at the end */
	STEP_STATUS = 32   /* the outcome, once, last */
};

struct exchange {
	const char *target; /* for sentences */
	grpc_completion_queue *cq;
	grpc_call *call;
	grpc_byte_buffer *out, *in;
	bool answered;
	grpc_metadata_array initial, trailing;
	grpc_status_code status;
	grpc_slice details;
};

/* timeout_ms 0: for ever. */
enum code exchange_open(struct exchange *x, grpc_channel *channel, const char *target,
	const char *operation, int64_t timeout_ms, struct error *e);
void exchange_close(struct exchange *x); /* cancels what is not over */

/* False when the call is over and a send could not be done: ask for its status. */
bool exchange_run(struct exchange *x, unsigned steps);

/* Puts a message where STEP_SEND takes it. */
enum code exchange_pack(struct exchange *x, const ProtobufCMessage *m, struct error *e);
/* Turns x->in into a message and empties it. */
enum code exchange_unpack(struct exchange *x, const ProtobufCMessageDescriptor *type,
	struct arena *arena, ProtobufCMessage **out, struct error *e);
/* After STEP_STATUS: how the call went. */
enum code exchange_outcome(const struct exchange *x, struct error *e);

#endif
