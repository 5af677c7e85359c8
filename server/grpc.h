/*
 * The gRPC way in: every operation of the table, health, reflection v1 and v1alpha, and
 * UNIMPLEMENTED for the rest. Everything here runs on the loop's thread.
 */
#ifndef SERVER_GRPC_H
#define SERVER_GRPC_H

#include <stddef.h>

#include "proto/error.h"
#include "server/daemon.h"

struct grpc;

/* Serves on `listen`, "HOST:PORT" or "unix:/path"; port 0 picks a free one. `bound` gets the
 * address with the port in it. NULL on failure. The process must not fork any more. */
struct grpc *grpc_start(
	struct daemon *d, const char *listen, char *bound, size_t bound_size, struct error *e);

/* daemon->ready changed: tells whoever watches the health service. */
void grpc_ready_changed(struct grpc *g);

/* After daemon->draining was set, by which new calls are refused: streams that watch health are told
 * NOT_SERVING and end. */
void grpc_drain(struct grpc *g);

/* Cancels what is left after a short moment, runs the loop until C core has given everything back,
 * and frees. Outside the loop's callbacks, while workers and mailbox still live.
 * NULL is fine. */
void grpc_stop(struct grpc *g);

#endif
