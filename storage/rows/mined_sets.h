/* Mined sets as rows: each result a packed MineResult, in query order. */
#ifndef STORAGE_ROWS_MINED_SETS_H
#define STORAGE_ROWS_MINED_SETS_H

#include "hardminer/v1/miner.pb-c.h"
#include "proto/arena.h"
#include "storage/rows/collections.h"

/* In the same transaction as the job that fills it. ALREADY_EXISTS/MINED_SET_EXISTS at "name". */
enum code mined_set_create(struct database *db, const struct collection *c, const char *name,
	const ProtobufCMessage *request, struct arena *arena, Pb__Job *job, struct error *e);
/* All of these: NOT_FOUND/NO_SUCH_MINED_SET at "name" where there is none. */

/* Appends results and the job's checkpoint in one transaction, so that a resumed job neither
 * repeats nor skips one. `first` is the number of results already there: ABORTED/MINED_SET_MOVED when
 * it is not, or when the set is another job's. FAILED_PRECONDITION/MINED_SET_COMPLETE, or
 * JOB_NOT_RUNNING. */
enum code mined_set_append(struct database *db, const struct collection *c, const char *name,
	uint64_t first, Pb__MineResult **results, size_t n, const char *job_id,
	const ProtobufCBinaryData *checkpoint, uint64_t done, uint64_t total, struct error *e);
/* Fails like mined_set_append. */
enum code mined_set_complete(struct database *db, const struct collection *c, const char *name,
	const char *job_id, const Pb__MineSummary *summary, struct error *e);
enum code mined_set_get(struct database *db, const struct collection *c, const char *name,
	struct arena *arena, Pb__MinedSet *out, struct error *e);
enum code mined_set_list(struct database *db, const struct collection *c, const char *after,
	size_t limit, struct arena *arena, Pb__MinedSet ***out, size_t *n, struct error *e);
enum code mined_set_delete(
	struct database *db, const struct collection *c, const char *name, struct error *e);
/* Up to n results from the first-th on. */
enum code mined_set_page(struct database *db, const struct collection *c, const char *name,
	uint64_t first, size_t n, struct arena *arena, Pb__MineResult **out, size_t *found,
	struct error *e);

#endif
