/*
 * One call of C core's, whatever it is about: its batches, its memory, its end.
 *
 *   arrived    a call came in; with its first message in rpc->in where the method reads one
 *   received   what rpc_receive asked for is there; rpc->in is NULL at the end of the stream and
 *              when the client is lost
 *   sent       the message of rpc_send has left, or never will: the next may be sent
 *   cancelled  the client went away, its deadline passed, or we are stopping; at most once
 *   freed      C core holds nothing of the call any more; it is freed right after
 *
 * All of them run on the loop, and none but `freed` after rpc_finish. A kind embeds struct rpc as
 * its first member.
 */
#ifndef SERVER_RPC_H
#define SERVER_RPC_H

#include <grpc/grpc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <protobuf-c/protobuf-c.h>

#include "proto/arena.h"
#include "proto/error.h"
#include "server/rpc_status.h"
#include "workers/mailbox.h"

struct grpc;
struct operation;
struct rpc;

/* What C core hands back from its completion queue, delivered on the loop. */
struct tag {
	struct mail mail;
	bool ok;
};

struct rpc_kind {
	size_t size; /* of the struct that embeds struct rpc */
	void (*arrived)(struct rpc *rpc);
	void (*received)(struct rpc *rpc); /* this and the next two may be NULL */
	void (*sent)(struct rpc *rpc, bool ok);
	void (*cancelled)(struct rpc *rpc);
	void (*freed)(struct rpc *rpc); /* may be NULL */
};

struct rpc {
	struct grpc *grpc;
	const struct rpc_kind *kind;
	const struct operation *operation; /* of the table; NULL for other services */
	grpc_call *call;
	gpr_timespec deadline;
	grpc_metadata_array metadata; /* what the client sent along */
	grpc_byte_buffer *in;	      /* the message at hand, or NULL */
	char request_id[64];	      /* echoed to the client when set before the first send */

	/* rpc.c's own */
	struct tag closed, received, sent, finished;
	int lost;	     /* C core's word on how the call ended */
	unsigned holds;	     /* the owner until rpc_finish is through, and outstanding receives */
	atomic_bool sending; /* cleared on the loop, set by whoever sends */
	bool headers_sent, finishing, finish_waits;
	grpc_metadata header;	/* x-request-id */
	grpc_byte_buffer *last; /* sent along with the status */
	struct rpc_status status;
};

/* Takes over call, metadata and message; calls kind->arrived. When memory is out the call is
 * dropped, which its client sees as CANCELLED. Loop. */
void rpc_open(struct grpc *g, const struct rpc_kind *kind, const struct operation *operation,
	grpc_call *call, gpr_timespec deadline, grpc_metadata_array *metadata,
	grpc_byte_buffer *in);

/* Asks for the next message. Loop; one at a time. */
void rpc_receive(struct rpc *rpc);
/* Whether the NULL just received means a lost client, rather than the end of its stream. */
bool rpc_receive_failed(const struct rpc *rpc);
/* Sends a message and takes it over. Any thread that owns the call; one at a time. */
void rpc_send(struct rpc *rpc, grpc_byte_buffer *message);
/* Ends the call, with a last message or NULL, after what is being sent. Loop, once. */
void rpc_finish(struct rpc *rpc, grpc_byte_buffer *message, const struct error *e);

/* What the client sent under `key`, if it fits `size` with its NUL and is printable ASCII without
 * spaces; else false and `to` is untouched. */
bool rpc_header(const struct rpc *rpc, const char *key, char *to, size_t size);

/* The bytes of rpc->in in one piece, to be unref'd by the caller; rpc->in is emptied. Any thread
 * that owns the call. */
grpc_slice rpc_take(struct rpc *rpc);
/* The small message of a small service, or INVALID_ARGUMENT; rpc->in is emptied. */
enum code rpc_unpack(struct rpc *rpc, const ProtobufCMessageDescriptor *type, struct arena *arena,
	ProtobufCMessage **out, struct error *e);
/* A message as bytes to send; NULL when memory is out. */
grpc_byte_buffer *rpc_pack(const ProtobufCMessage *m);

#endif
