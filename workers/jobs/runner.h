/*
 * Carries out jobs, one at a time, on a thread of its own: encode, publish, mine. A job that a
 * crash or a restart interrupted runs again from its checkpoint.
 */
#ifndef WORKERS_JOBS_RUNNER_H
#define WORKERS_JOBS_RUNNER_H

#include "workers/mine/mine.h"

struct runner;

struct runner *runner_start(struct database *db, struct catalog *catalog, struct pool *pool);
/* Stops at the next checkpoint and joins; an interrupted job stays running on disk and is taken
 * up again at the next start. NULL is fine. */
struct runner *runner_stop(struct runner *r);

/* Enqueue: the job is on disk when these return. Refused at once is what can be known now: no
 * documents, no positives, no such generation, or one in the wrong state. */
enum code runner_encode(struct runner *r, const Pb__EncodeCollectionRequest *req,
	struct arena *arena, Pb__Job *out, struct error *e);
enum code runner_publish(struct runner *r, const Pb__PublishGenerationRequest *req,
	struct arena *arena, Pb__Job *out, struct error *e);
enum code runner_mine(struct runner *r, const Pb__MineCollectionRequest *req, struct arena *arena,
	Pb__Job *out, struct error *e);
/* A queued job ends at once, a running one at its next slice; an ended one is returned as it is. */
enum code runner_cancel(
	struct runner *r, const char *id, struct arena *arena, Pb__Job *out, struct error *e);
/* A job's row, over it what the job reported last, and from that the rate and ETA. */
enum code runner_get(
	struct runner *r, const char *id, struct arena *arena, Pb__Job *out, struct error *e);
/* The same of job_list. */
enum code runner_list(struct runner *r, const char *collection, const char *before, size_t limit,
	struct arena *arena, Pb__Job ***out, size_t *n, struct error *e);

#endif
