/*
 * The life of a request, whichever way it came in:
 *
 *   loop     a transport has the bytes, finds the operation, and calls call_start: draining?
 *            deadline past? lane full? then it is refused now; else it goes to a worker
 *   worker   call_work: the transport decodes into the arena, the handler runs straight through,
 *            the transport encodes
 *   loop     call_done: deadline timer off, metrics, one log line, and the transport replies,
 *            exactly once, also after a failure
 *
 * A handler takes a decoded request and fills a response; it cannot know its transport. The call
 * belongs to one thread at a time and passes with the queues, so it needs no lock; `cancelled` is
 * the one field that both sides touch.
 *
 * A CLIENT_STREAM operation goes loop -> worker -> loop once a message, with the same response:
 * the transport calls call_message for each and call_finish at the end of the stream. A
 * SERVER_STREAM handler sends responses with call_emit.
 *
 * Whoever cancels a call, it ends when the worker lets go of it, at once when no worker has it.
 */
#ifndef SERVER_CALL_H
#define SERVER_CALL_H

#include <stdatomic.h>
#include <stdint.h>
#include <uv.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/error.h"
#include "proto/operations.h"
#include "server/daemon.h"
#include "workers/mailbox.h"
#include "workers/pool.h"

struct call;

/* A row of the operation table, from proto/operations.h. */
struct operation {
	const char *name; /* "MineNegatives" */
	const char *path; /* REST, or NULL */
	enum verb verb;
	enum lane lane;
	enum permission permission;
	enum streaming streaming;
	const ProtobufCMessageDescriptor *request, *response;
	enum code (*run)(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res);
};
extern const struct operation operations[];
extern const size_t n_operations;
const struct operation *operation_named(const char *name, size_t len); /* or NULL */

/* What differs between the ways in. A transport embeds the struct call in its own. */
struct transport {
	const char *name; /* "grpc" or "http": a label */
	/* Worker: the pending bytes as a message in call_request_arena. */
	enum code (*decode)(struct call *c, ProtobufCMessage **req);
	/* Worker: the response as bytes in c->out; for SERVER_STREAM it is not called. */
	enum code (*encode)(struct call *c, const ProtobufCMessage *res);
	/* Worker: sends one message of a SERVER_STREAM; blocks while the client is slow; CANCELLED when
	 * it is gone. */
	enum code (*emit)(struct call *c, const ProtobufCMessage *m);
	/* Loop: a CLIENT_STREAM message is done with, ask for the next. */
	void (*more)(struct call *c);
	/* Loop: c->error.code says how it went; c->out has the bytes. Ends the call: from here the
	 * transport owns it and calls call_free when the bytes are out. May come before call_start or
	 * call_open has returned. */
	void (*reply)(struct call *c);
};

/* Who cancelled a call, and so how it ends. */
enum ending { NOT_ENDING, CLIENT_GONE, DEADLINE_PASSED, STOPPING };

struct call {
	struct daemon *daemon;
	const struct operation *op;
	const struct transport *via;
	struct arena arena;    /* decoded request, scratch, response: lives until the reply */
	struct arena message;  /* CLIENT_STREAM: the current message, emptied after each */
	struct error error;    /* how it went so far */
	atomic_bool cancelled; /* the client went away, its deadline passed, or we are stopping */
	struct buf out;
	char request_id[64]; /* the client's, or ours when it sent none that can be printed */
	size_t bytes;	     /* of the request, as they came; 0: a stream's */
	int64_t deadline_ms; /* on the loop's clock (uv_now); INT64_MAX: the daemon's, streams none */

	/* call.c's own */
	struct job job;
	struct mail mail;
	ProtobufCMessage *response;
	/* nanoseconds of uv_hrtime: arrived; the last trip to a worker and what it took; all trips */
	uint64_t started_ns, sent_ns, began_ns, took_ns, queued_ns, worked_ns;
	enum ending ending;
	bool busy;	/* a worker has it */
	bool messages;	/* CLIENT_STREAM: there was one */
	bool finishing; /* CLIENT_STREAM: the end has come */
	bool ended;	/* reply has been called */
	struct call *next_live, **prev_live;
};

/* All on the loop but call_emit. */

/* The timer behind all deadlines. After calls_close the loop must run once more. */
void calls_open(struct daemon *d);
void calls_close(struct daemon *d);
/* Shutdown: cancels every live call; those that fail by it end as UNAVAILABLE. */
void calls_cancel(struct daemon *d);

/* `c` is zeroed but for op, via, daemon, deadline_ms, request_id and what `decode` needs. */
void call_start(struct call *c);
/* CLIENT_STREAM: opens without a message; then each message, one at a time; then the end. Of a call
 * that has ended, the last two do nothing. */
void call_open(struct call *c);
void call_message(struct call *c);
void call_finish(struct call *c);
/* The client went away: work stops at its next slice; reply still comes, perhaps before this
 * returns. Of a call that has ended it does nothing. */
void call_cancel(struct call *c);
/* Keeps request_id when it is fit to be printed, else makes one. call_start and call_open do it; a
 * transport that refuses a request before them, itself. */
void call_identify(struct call *c);
/* After reply: frees what the call holds, not the struct. */
void call_free(struct call *c);

/* Where a decoded request belongs. */
static inline struct arena *call_request_arena(struct call *c)
{
	return c->op->streaming == CLIENT_STREAM ? &c->message : &c->arena;
}

/* Worker, in a SERVER_STREAM handler. The message may be reused when it returns. */
enum code call_emit(struct call *c, const ProtobufCMessage *m);

/* Every handler of the table: enum code op_<handler>(struct call *, const Request *, Response *). */
#define DECLARE_HANDLER(Name, handler, Request, Response, ...) \
	enum code op_##handler(struct call *c, const Pb__##Request *req, Pb__##Response *res);
OPERATIONS(DECLARE_HANDLER)
#undef DECLARE_HANDLER

#endif
