/* What the whole process shares: made in main.c in this order, torn down in reverse. */
#ifndef SERVER_DAEMON_H
#define SERVER_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "storage/catalog.h"
#include "workers/jobs/runner.h"
#include "workers/mailbox.h"
#include "workers/pool.h"

struct call;
struct config;
struct metrics;

struct daemon {
	const struct config *config;
	uv_loop_t *loop;
	struct mailbox *mailbox; /* into the loop */
	struct database *db;
	struct catalog *catalog;
	struct pool *pool;
	struct runner *runner;
	struct metrics *metrics;
	struct http *http;
	struct grpc *grpc;
	struct call *live;    /* every call between start and free; loop only */
	uv_timer_t deadlines; /* due at the next deadline of a live call */
	bool ready;	      /* data loaded, not draining: what /readyz and health say */
	bool draining;	      /* new calls are refused with UNAVAILABLE/DRAINING */
	int64_t started_at_ms;
};

#endif
