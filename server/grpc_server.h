/* The gRPC server as its own files see it: grpc.c, rpc.c, grpc_call.c, health.c, reflection.c. */
#ifndef SERVER_GRPC_SERVER_H
#define SERVER_GRPC_SERVER_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "server/daemon.h"
#include "server/rpc.h"

struct arrival;
struct method;
struct reflection;
struct watch;

struct grpc {
	struct daemon *daemon;
	grpc_completion_queue *cq;
	grpc_server *server;
	uv_thread_t thread; /* waits on cq */
	struct method *methods;
	size_t n_methods;
	struct arrival *arrivals;
	size_t n_arrivals;
	size_t armed; /* arrivals that C core holds */
	size_t live;  /* calls not yet freed */
	struct tag shutdown;
	bool shut_down;
	struct watch *watches; /* of the health service */
	const struct reflection *reflection;
};

extern const struct rpc_kind operation_rpc;    /* grpc_call.c */
extern const struct rpc_kind health_check_rpc; /* health.c */
extern const struct rpc_kind health_watch_rpc;
extern const struct rpc_kind reflection_rpc; /* reflection.c */

void health_changed(struct grpc *g);
void health_drain(struct grpc *g); /* tells the watchers and ends their streams */

/* C core is not instrumented: without these, ThreadSanitizer does not see that what was written
 * before a tag went in is there when it comes out. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
void __tsan_release(void *address);
void __tsan_acquire(void *address);
#define tag_release(tag) __tsan_release(tag)
#define tag_acquire(tag) __tsan_acquire(tag)
#else
#define tag_release(tag) ((void)(tag))
#define tag_acquire(tag) ((void)(tag))
#endif

#endif
