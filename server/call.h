/*
 * One request, from whichever transport, on its way loop -> worker -> loop. A handler takes a
 * decoded request and fills a response; it cannot know its transport.
 */
#ifndef SERVER_CALL_H
#define SERVER_CALL_H

#include <stdatomic.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/arena.h"
#include "proto/error.h"
#include "proto/operations.h"
#include "storage/catalog.h"
#include "workers/jobs/runner.h"
#include "workers/mine/mine.h"

/* What the operations work on. Made in main.c, shared by all calls. */
struct daemon {
	struct database *db;
	struct catalog *catalog;
	struct pool *pool;
	struct runner *runner;
	int64_t started_at_ms;
	/* ... transports' needs: loop, metrics, config; see daemon.h */
};

/* What a handler sees of its call. */
struct call {
	struct daemon *daemon;
	struct arena arena;    /* of the request: decoded message, scratch, response */
	struct error error;    /* where it failed */
	atomic_bool cancelled; /* the client went away or its deadline passed */
};

/* SERVER_STREAM handlers send each response through this; it blocks while the client is slow and
 * fails with CANCELLED when it is gone. The message may be reused when it returns. */
enum code call_emit(struct call *c, const ProtobufCMessage *m);

#endif
