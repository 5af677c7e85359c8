/* Jobs within a larger transaction: a mined set is made, filled and deleted together with its job. */
#ifndef STORAGE_ROWS_JOB_ROWS_H
#define STORAGE_ROWS_JOB_ROWS_H

#include "proto/buf.h"
#include "storage/rows/jobs.h"

struct job_order {
	const char *kind;
	const struct collection *c;
	const struct buf *request;
	struct arena *arena; /* of who waits for the transaction */
	int64_t id;	     /* out: the number */
	Pb__Job job;	     /* out, strings in the arena */
};
/* Inserts a queued job and reads it back, so that it is not there if its maker cannot be told.
 * NOT_FOUND/NO_SUCH_COLLECTION at "collection" when it is gone by now. */
enum code job_insert(sqlite3 *db, struct job_order *order, struct error *e);

struct job_note {
	const char *id, *phase, *unit; /* phase and unit: NULL leaves what is there */
	uint64_t done, total;
	const ProtobufCBinaryData *checkpoint; /* NULL leaves what is there */
};
/* As job_progress. */
enum code job_note(sqlite3 *db, const struct job_note *note, struct error *e);

/* One that has not begun ends as cancelled; others stay as they are. */
enum code job_cancel_queued(sqlite3 *db, int64_t number, struct error *e);
/* The same for all of a collection. */
enum code job_cancel_queued_of(sqlite3 *db, int64_t collection, struct error *e);

/* 0, which no job has, unless `id` is written as we write it. */
int64_t job_number(const char *id);
/* "job-000000000042", in the arena; NULL when memory ran out. */
const char *job_id(int64_t number, struct arena *arena);

#endif
