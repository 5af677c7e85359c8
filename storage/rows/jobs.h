/* Jobs as rows: they outlive their request and the process. */
#ifndef STORAGE_ROWS_JOBS_H
#define STORAGE_ROWS_JOBS_H

#include <stdbool.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/arena.h"
#include "storage/rows/collections.h"

/* Ids sort by age. `request` is the packed message that the job carries out. */
enum code job_create(struct database *db, const char *kind, const struct collection *c,
	const ProtobufCMessage *request, struct arena *arena, Pb__Job *out, struct error *e);
/* NOT_FOUND/NO_SUCH_JOB at "id". */
enum code job_get(
	struct database *db, const char *id, struct arena *arena, Pb__Job *out, struct error *e);
/* Newest first, before `before` (NULL: from the newest); collection NULL: of all. A `before` that is
 * no id is INVALID_ARGUMENT/INVALID_PAGE_TOKEN at "page_token". */
enum code job_list(struct database *db, const char *collection, const char *before, size_t limit,
	struct arena *arena, Pb__Job ***out, size_t *n, struct error *e);

/* The oldest job that is running from before a restart, or else queued, becomes running. *found says
 * whether there was one; the request's bytes and the checkpoint live in the arena. */
struct job_work {
	Pb__Job job;
	int64_t collection;
	ProtobufCBinaryData request, checkpoint;
};
enum code job_take(struct database *db, struct arena *arena, struct job_work *out, bool *found,
	struct error *e);
/* Progress and, if not NULL, a checkpoint to resume from; a phase or unit of NULL leaves the last.
 * FAILED_PRECONDITION/JOB_NOT_RUNNING at "id" when it is not, or no longer. */
enum code job_progress(struct database *db, const char *id, const char *phase, uint64_t done,
	uint64_t total, const char *unit, const ProtobufCBinaryData *checkpoint, struct error *e);
/* The end, of a queued or running job: SUCCEEDED with a result, FAILED with an error (and only then
 * `why`), or CANCELLED. FAILED_PRECONDITION/JOB_NOT_RUNNING at "id" when it has ended already. */
enum code job_finish(struct database *db, const char *id, Pb__JobState state, const char *result,
	const struct error *why, struct error *e);

#endif
