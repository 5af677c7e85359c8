/*
 * What the daemon counts, as Prometheus text. Loop only. Seconds and bytes, names hardminer_...;
 * labels come from the operation table, never from a client, so their number is bounded.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "proto/buf.h"
#include "proto/error.h"
#include "proto/operations.h"

struct daemon;
struct metrics;
struct operation;

/* Why a request was refused before any work was done for it. */
enum shed { SHED_OVERLOADED, SHED_DRAINING, SHED_DEADLINE, SHED_REASONS };

/* Also begins to watch how late the loop's timers come. `table` outlives it. NULL: no memory. */
struct metrics *metrics_open(uv_loop_t *loop, const struct operation *table, size_t n);
/* The loop must run once more. */
void metrics_close(struct metrics *m);

/* One call has ended; `via` is "http" or "grpc". */
void metrics_call(struct metrics *m, const struct operation *op, const char *via, enum code code,
	uint64_t ns);
void metrics_shed(struct metrics *m, enum shed reason);

/* How long one job of the lane takes: a running mean, for telling a refused client when to return. */
void metrics_work(struct metrics *m, enum lane lane, uint64_t ns);
double metrics_work_ms(const struct metrics *m, enum lane lane);

void metrics_write(const struct metrics *m, const struct daemon *d, struct buf *to);

#endif
