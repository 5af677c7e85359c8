#include "storage/rows/job_rows.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/rows/now.h"
#include "storage/rows/packed.h"
#include "storage/rows/statement.h"

enum {
	QUEUED = PB__JOB_STATE__JOB_STATE_QUEUED,
	RUNNING = PB__JOB_STATE__JOB_STATE_RUNNING,
	FAILED = PB__JOB_STATE__JOB_STATE_FAILED,
	ENDED_UNDONE = PB__JOB_STATE__JOB_STATE_CANCELLED, /* CANCELLED is an enum code */
};

/* Twelve digits, so that ids sort as text by age for longer than anybody will run jobs. */
#define ID_FORMAT "job-%012" PRId64

#define SELECT \
	"SELECT id, kind, collection_name, state, phase, done, total, unit, created_at_ms, " \
	"started_at_ms, finished_at_ms, error, result, collection, request, checkpoint FROM jobs "

const char *job_id(int64_t number, struct arena *arena)
{
	return arena_printf(arena, ID_FORMAT, number);
}

int64_t job_number(const char *id)
{
	char again[32];
	int64_t number = 0;

	if (!id || strncmp(id, "job-", 4) || strnlen(id, sizeof again) >= sizeof again)
		return 0;
	number = strtoll(id + 4, NULL, 10);
	snprintf(again, sizeof again, ID_FORMAT, number);
	return number > 0 && !strcmp(id, again) ? number : 0;
}

static enum code missing(const char *id, struct error *e)
{
	error_set(e, NOT_FOUND, "NO_SUCH_JOB", "There is no job \"%s\".", id ? id : "");
	return error_field(e, "id");
}

static void read_numbers(sqlite3_stmt *s, Pb__Job *j)
{
	j->has_state = j->has_created_at_ms = 1;
	j->state = (Pb__JobState)sqlite3_column_int64(s, 3);
	j->created_at_ms = sqlite3_column_int64(s, 8);
	j->has_done = sqlite3_column_type(s, 5) != SQLITE_NULL;
	j->done = (uint64_t)sqlite3_column_int64(s, 5);
	j->has_total = sqlite3_column_type(s, 6) != SQLITE_NULL;
	j->total = (uint64_t)sqlite3_column_int64(s, 6);
	j->has_started_at_ms = sqlite3_column_type(s, 9) != SQLITE_NULL;
	j->started_at_ms = sqlite3_column_int64(s, 9);
	j->has_finished_at_ms = sqlite3_column_type(s, 10) != SQLITE_NULL;
	j->finished_at_ms = sqlite3_column_int64(s, 10);
}

/* The row that `s` stands on. */
static enum code read_row(sqlite3_stmt *s, struct arena *arena, Pb__Job *out, struct error *e)
{
	Pb__Job j = PB__JOB__INIT;
	ProtobufCMessage *error;

	j.id = job_id(sqlite3_column_int64(s, 0), arena);
	if (!j.id)
		return error_memory(e);
	if (statement_copy(s, 1, arena, &j.kind, e) ||
		statement_copy(s, 2, arena, &j.collection, e) ||
		statement_copy(s, 4, arena, &j.phase, e) ||
		statement_copy(s, 7, arena, &j.unit, e) ||
		statement_copy(s, 12, arena, &j.result, e) ||
		packed_column(s, 11, &pb__error__descriptor, arena, &error, e))
		return e->code;
	j.error = (Pb__Error *)error;
	read_numbers(s, &j);
	*out = j;
	return OK;
}

/* The statement on the row of a job, or at its end. NULL with the error set. */
static sqlite3_stmt *seek(sqlite3 *db, int64_t number, bool *there, struct error *e)
{
	sqlite3_stmt *s = database_statement(db, SELECT "WHERE id = ?1", e);

	if (!s)
		return NULL;
	statement_int(s, 1, number);
	return statement_step(s, there, e) ? NULL : s;
}

static enum code get(sqlite3 *reader, int64_t number, const char *id, struct arena *arena,
	Pb__Job *out, struct error *e)
{
	bool there;
	sqlite3_stmt *s = seek(reader, number, &there, e);

	if (!s)
		return e->code;
	return there ? read_row(s, arena, out, e) : missing(id, e);
}

enum code job_get(
	struct database *db, const char *id, struct arena *arena, Pb__Job *out, struct error *e)
{
	int64_t number = job_number(id);
	sqlite3 *reader;

	if (!number)
		return missing(id, e);
	if (database_read(db, &reader, e))
		return e->code;
	enum code rc = get(reader, number, id, arena, out, e);
	database_read_done(db, reader);
	return rc;
}

enum code job_insert(sqlite3 *db, struct job_order *order, struct error *e)
{
	sqlite3_stmt *s = database_statement(db,
		"INSERT INTO jobs (kind, collection, collection_name, state, created_at_ms, "
		"request) "
		"SELECT ?1, id, name, 0, ?3, ?4 FROM collections WHERE id = ?2",
		e);

	if (!s)
		return e->code;
	statement_text(s, 1, order->kind);
	statement_int(s, 2, order->c->id);
	statement_int(s, 3, now_ms());
	statement_blob(s, 4, order->request->data, order->request->len);
	if (statement_run(s, e))
		return e->code;
	if (!sqlite3_changes(db)) {
		error_set(e, NOT_FOUND, "NO_SUCH_COLLECTION",
			"There is no collection \"%s\"; create it.", order->c->name);
		return error_field(e, "collection");
	}
	order->id = sqlite3_last_insert_rowid(db);
	bool there;
	s = seek(db, order->id, &there, e);
	return s ? read_row(s, order->arena, &order->job, e) : e->code;
}

static enum code insert(sqlite3 *db, void *order, struct error *e)
{
	return job_insert(db, order, e);
}

enum code job_create(struct database *db, const char *kind, const struct collection *c,
	const ProtobufCMessage *request, struct arena *arena, Pb__Job *out, struct error *e)
{
	struct buf bytes;
	struct job_order order = {.kind = kind, .c = c, .request = &bytes, .arena = arena};

	buf_init(&bytes);
	enum code rc = packed_add(&bytes, request, e);
	if (!rc)
		rc = database_write(db, insert, &order, e);
	buf_free(&bytes);
	if (!rc)
		*out = order.job;
	return rc;
}

static enum code check_page(const char *before, int64_t *number, struct error *e)
{
	*number = before ? job_number(before) : INT64_MAX;
	if (*number)
		return OK;
	error_set(e, INVALID_ARGUMENT, "INVALID_PAGE_TOKEN",
		"page_token is not one that a list of jobs has given out.");
	return error_field(e, "page_token");
}

static enum code list(sqlite3 *reader, const char *collection, int64_t before, size_t limit,
	struct arena *arena, Pb__Job **rows, size_t *n, struct error *e)
{
	sqlite3_stmt *s = database_statement(reader,
		collection ? SELECT
			"WHERE id < ?1 AND collection_name = ?3 ORDER BY id DESC LIMIT ?2"
			   : SELECT "WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
		e);
	bool row;

	if (!s)
		return e->code;
	statement_int(s, 1, before);
	statement_int(s, 2, (int64_t)limit);
	if (collection)
		statement_text(s, 3, collection);
	for (*n = 0;; ++*n) {
		if (statement_step(s, &row, e))
			return e->code;
		if (!row)
			return OK;
		rows[*n] = arena_alloc(arena, sizeof **rows);
		if (!rows[*n])
			return error_memory(e);
		if (read_row(s, arena, rows[*n], e))
			return e->code;
	}
}

enum code job_list(struct database *db, const char *collection, const char *before, size_t limit,
	struct arena *arena, Pb__Job ***out, size_t *n, struct error *e)
{
	Pb__Job **rows = arena_array(arena, limit, sizeof *rows);
	sqlite3 *reader;
	int64_t number;
	size_t found;

	if (!rows)
		return error_memory(e);
	if (check_page(before, &number, e) || database_read(db, &reader, e))
		return e->code;
	enum code rc = list(reader, collection, number, limit, arena, rows, &found, e);
	database_read_done(db, reader);
	if (rc)
		return rc;
	*out = rows;
	*n = found;
	return OK;
}

struct taking {
	struct arena *arena;
	struct job_work work;
	bool found;
};

/* What this process has taken is in memory, in a table of the writer's connection that is part of
 * its transactions. A running job that is not among them was cut short: it comes first. */
static enum code find_work(sqlite3 *db, int64_t *number, bool *found, struct error *e)
{
	if (statement_exec(
		    db, "CREATE TEMP TABLE IF NOT EXISTS taken (job INTEGER PRIMARY KEY)", e))
		return e->code;
	sqlite3_stmt *s = database_statement(db,
		"SELECT id FROM jobs WHERE state <= 1 AND (state = 0 OR id NOT IN "
		"(SELECT job FROM taken)) ORDER BY state DESC, id LIMIT 1",
		e);
	if (!s || statement_step(s, found, e))
		return e->code;
	if (*found)
		*number = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return OK;
}

static enum code set_running(sqlite3 *db, int64_t number, struct error *e)
{
	sqlite3_stmt *s = database_statement(db,
		"UPDATE jobs SET state = 1, started_at_ms = coalesce(started_at_ms, ?2) "
		"WHERE id = ?1",
		e);

	if (!s)
		return e->code;
	statement_int(s, 1, number);
	statement_int(s, 2, now_ms());
	if (statement_run(s, e))
		return e->code;
	return statement_exec_with(db, "INSERT INTO taken VALUES (?1)", number, e);
}

static enum code read_work(
	sqlite3 *db, int64_t number, struct arena *arena, struct job_work *out, struct error *e)
{
	bool there;
	sqlite3_stmt *s = seek(db, number, &there, e);

	if (!s || read_row(s, arena, &out->job, e) ||
		packed_bytes(s, 14, arena, &out->request, e) ||
		packed_bytes(s, 15, arena, &out->checkpoint, e))
		return e->code;
	out->collection = sqlite3_column_int64(s, 13);
	return OK;
}

/* Reads within the transaction, so that a job which cannot be read is not taken. */
static enum code take(sqlite3 *db, void *arg, struct error *e)
{
	struct taking *t = arg;
	int64_t number;

	if (find_work(db, &number, &t->found, e))
		return e->code;
	if (!t->found)
		return OK;
	if (set_running(db, number, e))
		return e->code;
	return read_work(db, number, t->arena, &t->work, e);
}

enum code job_take(struct database *db, struct arena *arena, struct job_work *out, bool *found,
	struct error *e)
{
	struct taking t = {.arena = arena};

	if (database_write(db, take, &t, e))
		return e->code;
	if (t.found)
		*out = t.work;
	*found = t.found;
	return OK;
}

/* Why an update of an unended job changed no row. */
static enum code not_there_or_ended(sqlite3 *db, const char *id, struct error *e)
{
	bool there;
	sqlite3_stmt *s = seek(db, job_number(id), &there, e);

	if (!s)
		return e->code;
	if (!there)
		return missing(id, e);
	error_set(e, FAILED_PRECONDITION, "JOB_NOT_RUNNING", "The job \"%s\" %s.", id,
		sqlite3_column_int64(s, 3) == QUEUED ? "has not begun" : "has ended already");
	return error_field(e, "id");
}

enum code job_note(sqlite3 *db, const struct job_note *note, struct error *e)
{
	sqlite3_stmt *s = database_statement(db,
		"UPDATE jobs SET phase = coalesce(?2, phase), done = ?3, total = ?4, "
		"unit = coalesce(?5, unit), checkpoint = coalesce(?6, checkpoint) "
		"WHERE id = ?1 AND state = 1",
		e);

	if (!s)
		return e->code;
	statement_int(s, 1, job_number(note->id));
	statement_text(s, 2, note->phase);
	statement_int(s, 3, (int64_t)note->done);
	statement_int(s, 4, (int64_t)note->total);
	statement_text(s, 5, note->unit);
	if (note->checkpoint)
		statement_blob(s, 6, note->checkpoint->data, note->checkpoint->len);
	if (statement_run(s, e))
		return e->code;
	return sqlite3_changes(db) ? OK : not_there_or_ended(db, note->id, e);
}

static enum code progress(sqlite3 *db, void *note, struct error *e)
{
	return job_note(db, note, e);
}

enum code job_progress(struct database *db, const char *id, const char *phase, uint64_t done,
	uint64_t total, const char *unit, const ProtobufCBinaryData *checkpoint, struct error *e)
{
	struct job_note note = {id, phase, unit, done, total, checkpoint};

	return database_write(db, progress, &note, e);
}

static enum code cancel(sqlite3 *db, const char *sql, int64_t of, struct error *e)
{
	sqlite3_stmt *s = database_statement(db, sql, e);

	if (!s)
		return e->code;
	statement_int(s, 1, of);
	statement_int(s, 2, ENDED_UNDONE);
	statement_int(s, 3, now_ms());
	return statement_run(s, e);
}

enum code job_cancel_queued(sqlite3 *db, int64_t number, struct error *e)
{
	return cancel(db,
		"UPDATE jobs SET state = ?2, finished_at_ms = ?3 WHERE id = ?1 AND state = 0",
		number, e);
}

enum code job_cancel_queued_of(sqlite3 *db, int64_t collection, struct error *e)
{
	return cancel(db,
		"UPDATE jobs SET state = ?2, finished_at_ms = ?3 WHERE collection = ?1 AND state = "
		"0",
		collection, e);
}

struct ending {
	const char *id, *result;
	Pb__JobState state;
	struct buf error; /* packed; empty: none */
};

static enum code pack_error(struct buf *to, const struct error *why, struct error *e)
{
	Pb__Error error = PB__ERROR__INIT;

	error.has_code = 1;
	error.code = error_http_status(why);
	error.status = code_name(why->code);
	error.reason = why->reason;
	error.message = why->text;
	error.field = why->field[0] ? why->field : NULL;
	error.has_retry_after_ms = why->retry_after_ms != 0;
	error.retry_after_ms = why->retry_after_ms;
	return packed_add(to, &error.base, e);
}

static enum code finish(sqlite3 *db, void *arg, struct error *e)
{
	const struct ending *end = arg;
	sqlite3_stmt *s = database_statement(db,
		"UPDATE jobs SET state = ?2, result = ?3, error = ?4, finished_at_ms = ?5, "
		"checkpoint = NULL WHERE id = ?1 AND state <= 1",
		e);

	if (!s)
		return e->code;
	statement_int(s, 1, job_number(end->id));
	statement_int(s, 2, end->state);
	statement_text(s, 3, end->result);
	if (end->error.len)
		statement_blob(s, 4, end->error.data, end->error.len);
	statement_int(s, 5, now_ms());
	if (statement_run(s, e))
		return e->code;
	return sqlite3_changes(db) ? OK : not_there_or_ended(db, end->id, e);
}

enum code job_finish(struct database *db, const char *id, Pb__JobState state, const char *result,
	const struct error *why, struct error *e)
{
	struct ending end = {.id = id, .result = result, .state = state};
	enum code rc = OK;

	assert((int)state > RUNNING && ((int)state == FAILED) == (why != NULL));
	buf_init(&end.error);
	if (why)
		rc = pack_error(&end.error, why, e);
	if (!rc)
		rc = database_write(db, finish, &end, e);
	buf_free(&end.error);
	return rc;
}
