#include "storage/rows/mined_sets.h"

#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/rows/job_rows.h"
#include "storage/rows/keys.h"
#include "storage/rows/now.h"
#include "storage/rows/packed.h"
#include "storage/rows/statement.h"
#include "storage/rows/sweep.h"
#include "storage/rows/upsert.h"

static enum code missing(const struct collection *c, const char *name, struct error *e)
{
	error_set(e, NOT_FOUND, "NO_SUCH_MINED_SET",
		"The collection \"%s\" has no mined set \"%s\".", c->name, name ? name : "");
	return error_field(e, "name");
}

struct set {
	int64_t id, job, results;
	bool complete;
};

/* NOT_FOUND when it is not there. */
static enum code find(
	sqlite3 *db, const struct collection *c, const char *name, struct set *out, struct error *e)
{
	sqlite3_stmt *s = database_statement(db,
		"SELECT id, job, results, summary IS NOT NULL FROM mined_sets "
		"WHERE collection = ?1 AND name = ?2",
		e);
	bool there;

	if (!s)
		return e->code;
	statement_int(s, 1, c->id);
	statement_text(s, 2, name);
	if (statement_step(s, &there, e))
		return e->code;
	if (!there)
		return missing(c, name, e);
	out->id = sqlite3_column_int64(s, 0);
	out->job = sqlite3_column_int64(s, 1);
	out->results = sqlite3_column_int64(s, 2);
	out->complete = sqlite3_column_int64(s, 3);
	sqlite3_reset(s);
	return OK;
}

/* The set, for the job that fills it. One that was deleted and made anew is another job's. */
static enum code find_own(sqlite3 *db, const struct collection *c, const char *name,
	const char *job, struct set *out, struct error *e)
{
	if (find(db, c, name, out, e))
		return e->code;
	if (out->job != job_number(job))
		error_set(e, ABORTED, "MINED_SET_MOVED",
			"The mined set \"%s\" is no longer filled by %s.", name, job);
	else if (out->complete)
		error_set(e, FAILED_PRECONDITION, "MINED_SET_COMPLETE",
			"The mined set \"%s\" is complete and takes no more results.", name);
	else
		return OK;
	return error_field(e, "name");
}

struct creation {
	const struct collection *c;
	const char *name;
	struct job_order order;
};

static enum code check_free(sqlite3 *db, const struct creation *new, struct error *e)
{
	struct set set;
	struct error absent;
	enum code rc = find(db, new->c, new->name, &set, &absent);

	if (rc == NOT_FOUND)
		return OK;
	if (rc) {
		*e = absent;
		return rc;
	}
	error_set(e, ALREADY_EXISTS, "MINED_SET_EXISTS",
		"The collection \"%s\" already has a mined set \"%s\"; name another or delete it.",
		new->c->name, new->name);
	return error_field(e, "name");
}

static enum code create(sqlite3 *db, void *arg, struct error *e)
{
	struct creation *new = arg;

	if (check_free(db, new, e) || job_insert(db, &new->order, e))
		return e->code;
	sqlite3_stmt *s = database_statement(db,
		"INSERT INTO mined_sets (collection, name, job, created_at_ms) "
		"VALUES (?1, ?2, ?3, ?4)",
		e);
	if (!s)
		return e->code;
	statement_int(s, 1, new->c->id);
	statement_text(s, 2, new->name);
	statement_int(s, 3, new->order.id);
	statement_int(s, 4, now_ms());
	return statement_run(s, e);
}

enum code mined_set_create(struct database *db, const struct collection *c, const char *name,
	const ProtobufCMessage *request, struct arena *arena, Pb__Job *job, struct error *e)
{
	struct buf bytes;
	struct creation new = {c, name, {"mine", c, &bytes, .arena = arena}};

	if (collection_name_check(name, e))
		return error_field(e, "name");
	buf_init(&bytes);
	enum code rc = packed_add(&bytes, request, e);
	if (!rc)
		rc = database_write(db, create, &new, e);
	buf_free(&bytes);
	if (!rc)
		*job = new.order.job;
	return rc;
}

/* Results back to back, and where each ends. */
struct appending {
	const struct collection *c;
	const char *name;
	uint64_t first;
	struct buf bytes;
	size_t *ends, n;
	struct job_note note;
};

static enum code insert(
	sqlite3 *db, const struct appending *a, const struct set *set, size_t i, struct error *e)
{
	size_t begin = i ? a->ends[i - 1] : 0;
	sqlite3_stmt *s = database_statement(
		db, "INSERT INTO mined_results (key, result) VALUES (?1, ?2)", e);

	if (!s)
		return e->code;
	statement_int(s, 1, row_key(set->id, a->first + i));
	statement_blob(s, 2, a->bytes.data + begin, a->ends[i] - begin);
	return statement_run(s, e);
}

static enum code set_results(sqlite3 *db, int64_t set, uint64_t results, struct error *e)
{
	sqlite3_stmt *s =
		database_statement(db, "UPDATE mined_sets SET results = ?2 WHERE id = ?1", e);

	if (!s)
		return e->code;
	statement_int(s, 1, set);
	statement_int(s, 2, (int64_t)results);
	return statement_run(s, e);
}

/* The only hand that appends is the set's job; a gap or an overlap means that two are at work. */
static enum code check_place(const struct set *set, const struct appending *a, struct error *e)
{
	if ((uint64_t)set->results == a->first && a->n <= ROW_NUMBERS_END - a->first)
		return OK;
	error_set(e, ABORTED, "MINED_SET_MOVED",
		"The mined set \"%s\" holds %lld results and %llu were expected.", a->name,
		(long long)set->results, (unsigned long long)a->first);
	return error_field(e, "name");
}

static enum code append(sqlite3 *db, void *arg, struct error *e)
{
	const struct appending *a = arg;
	struct set set;

	if (find_own(db, a->c, a->name, a->note.id, &set, e) || check_place(&set, a, e))
		return e->code;
	for (size_t i = 0; i < a->n; i++)
		if (insert(db, a, &set, i, e))
			return e->code;
	return set_results(db, set.id, a->first + a->n, e) ? e->code : job_note(db, &a->note, e);
}

static enum code pack_results(struct appending *a, Pb__MineResult **results, struct error *e)
{
	a->ends = FAULT() ? NULL : malloc((a->n + 1) * sizeof *a->ends);
	if (!a->ends)
		return error_memory(e);
	for (size_t i = 0; i < a->n; i++) {
		if (packed_add(&a->bytes, &results[i]->base, e))
			return e->code;
		a->ends[i] = a->bytes.len;
	}
	return OK;
}

enum code mined_set_append(struct database *db, const struct collection *c, const char *name,
	uint64_t first, Pb__MineResult **results, size_t n, const char *job_id,
	const ProtobufCBinaryData *checkpoint, uint64_t done, uint64_t total, struct error *e)
{
	struct appending a = {
		.c = c,
		.name = name,
		.first = first,
		.n = n,
		.note = {.id = job_id, .done = done, .total = total, .checkpoint = checkpoint},
	};

	buf_init(&a.bytes);
	enum code rc = pack_results(&a, results, e);
	if (!rc)
		rc = database_write(db, append, &a, e);
	free(a.ends);
	buf_free(&a.bytes);
	return rc;
}

struct completion {
	const struct collection *c;
	const char *name, *job;
	struct buf summary;
};

static enum code complete(sqlite3 *db, void *arg, struct error *e)
{
	const struct completion *done = arg;
	struct set set;

	if (find_own(db, done->c, done->name, done->job, &set, e))
		return e->code;
	sqlite3_stmt *s =
		database_statement(db, "UPDATE mined_sets SET summary = ?2 WHERE id = ?1", e);
	if (!s)
		return e->code;
	statement_int(s, 1, set.id);
	statement_blob(s, 2, done->summary.data, done->summary.len);
	return statement_run(s, e);
}

enum code mined_set_complete(struct database *db, const struct collection *c, const char *name,
	const char *job_id, const Pb__MineSummary *summary, struct error *e)
{
	struct completion done = {.c = c, .name = name, .job = job_id};

	buf_init(&done.summary);
	enum code rc = packed_add(&done.summary, &summary->base, e);
	if (!rc)
		rc = database_write(db, complete, &done, e);
	buf_free(&done.summary);
	return rc;
}

#define SELECT \
	"SELECT name, results, created_at_ms, job, summary FROM mined_sets WHERE collection = ?1 "

/* The row that `s` stands on. */
static enum code read_row(sqlite3_stmt *s, const struct collection *c, struct arena *arena,
	Pb__MinedSet *out, struct error *e)
{
	Pb__MinedSet set = PB__MINED_SET__INIT;
	ProtobufCMessage *summary;

	set.collection = arena_strdup(arena, c->name);
	set.job_id = job_id(sqlite3_column_int64(s, 3), arena);
	if (!set.collection || !set.job_id)
		return error_memory(e);
	if (statement_copy(s, 0, arena, &set.name, e) ||
		packed_column(s, 4, &pb__mine_summary__descriptor, arena, &summary, e))
		return e->code;
	set.has_queries = set.has_complete = set.has_created_at_ms = 1;
	set.queries = (uint64_t)sqlite3_column_int64(s, 1);
	set.created_at_ms = sqlite3_column_int64(s, 2);
	set.complete = summary != NULL;
	set.summary = (Pb__MineSummary *)summary;
	*out = set;
	return OK;
}

static enum code get(sqlite3 *reader, const struct collection *c, const char *name,
	struct arena *arena, Pb__MinedSet *out, struct error *e)
{
	sqlite3_stmt *s = database_statement(reader, SELECT "AND name = ?2", e);
	bool there;

	if (!s)
		return e->code;
	statement_int(s, 1, c->id);
	statement_text(s, 2, name);
	if (statement_step(s, &there, e))
		return e->code;
	return there ? read_row(s, c, arena, out, e) : missing(c, name, e);
}

enum code mined_set_get(struct database *db, const struct collection *c, const char *name,
	struct arena *arena, Pb__MinedSet *out, struct error *e)
{
	sqlite3 *reader;

	if (database_read(db, &reader, e))
		return e->code;
	enum code rc = get(reader, c, name, arena, out, e);
	database_read_done(db, reader);
	return rc;
}

static enum code list(sqlite3 *reader, const struct collection *c, const char *after, size_t limit,
	struct arena *arena, Pb__MinedSet **rows, size_t *n, struct error *e)
{
	sqlite3_stmt *s =
		database_statement(reader, SELECT "AND name > ?2 ORDER BY name LIMIT ?3", e);
	bool row;

	if (!s)
		return e->code;
	statement_int(s, 1, c->id);
	statement_text(s, 2, after ? after : "");
	statement_int(s, 3, (int64_t)limit);
	for (*n = 0;; ++*n) {
		if (statement_step(s, &row, e))
			return e->code;
		if (!row)
			return OK;
		rows[*n] = arena_alloc(arena, sizeof **rows);
		if (!rows[*n])
			return error_memory(e);
		if (read_row(s, c, arena, rows[*n], e))
			return e->code;
	}
}

enum code mined_set_list(struct database *db, const struct collection *c, const char *after,
	size_t limit, struct arena *arena, Pb__MinedSet ***out, size_t *n, struct error *e)
{
	Pb__MinedSet **rows = arena_array(arena, limit, sizeof *rows);
	sqlite3 *reader;
	size_t found;

	if (!rows)
		return error_memory(e);
	if (database_read(db, &reader, e))
		return e->code;
	enum code rc = list(reader, c, after, limit, arena, rows, &found, e);
	database_read_done(db, reader);
	if (rc)
		return rc;
	*out = rows;
	*n = found;
	return OK;
}

struct deletion {
	const struct collection *c;
	const char *name;
};

static enum code remove_set(sqlite3 *db, void *arg, struct error *e)
{
	const struct deletion *d = arg;
	struct set set;

	if (find(db, d->c, d->name, &set, e))
		return e->code;
	if (statement_exec_with(db, "INSERT INTO garbage (of, owner) VALUES ('mined_results', ?1)",
		    set.id, e) ||
		job_cancel_queued(db, set.job, e)) /* it has nothing left to fill */
		return e->code;
	return statement_exec_with(db, "DELETE FROM mined_sets WHERE id = ?1", set.id, e);
}

enum code mined_set_delete(
	struct database *db, const struct collection *c, const char *name, struct error *e)
{
	struct deletion d = {c, name};
	struct error later;

	if (database_write(db, remove_set, &d, e))
		return e->code;
	sweep(db, &later); /* deleted it is; rows that stay are swept at the next open */
	return OK;
}

static enum code page(sqlite3 *reader, const struct set *set, uint64_t first, size_t n,
	struct arena *arena, Pb__MineResult **out, size_t *found, struct error *e)
{
	sqlite3_stmt *s = database_statement(reader,
		"SELECT result FROM mined_results WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT "
		"?3",
		e);
	bool row;

	if (!s)
		return e->code;
	statement_int(s, 1, row_key(set->id, first < UINT32_MAX ? first : UINT32_MAX));
	statement_int(s, 2, row_key(set->id + 1, 0));
	statement_int(s, 3, (int64_t)n);
	for (*found = 0;; ++*found) {
		ProtobufCMessage *result;
		if (statement_step(s, &row, e))
			return e->code;
		if (!row)
			return OK;
		if (packed_column(s, 0, &pb__mine_result__descriptor, arena, &result, e))
			return e->code;
		out[*found] = (Pb__MineResult *)result;
	}
}

enum code mined_set_page(struct database *db, const struct collection *c, const char *name,
	uint64_t first, size_t n, struct arena *arena, Pb__MineResult **out, size_t *found,
	struct error *e)
{
	struct set set;
	sqlite3 *reader;
	size_t rows;

	if (database_read(db, &reader, e))
		return e->code;
	enum code rc = find(reader, c, name, &set, e);
	if (!rc)
		rc = page(reader, &set, first, n, arena, out, &rows, e);
	database_read_done(db, reader);
	if (!rc)
		*found = rows;
	return rc;
}
