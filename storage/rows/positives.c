#include "storage/rows/positives.h"

#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/rows/keys.h"
#include "storage/rows/statement.h"
#include "storage/rows/upsert.h"

struct upload {
	int64_t collection;
	Pb__Positive **positives;
	size_t n;
	struct upsert upsert;
};

/* An absent grade is the schema's default, which message initialisation has put there. */
static enum code check_one(const Pb__Positive *p, struct error *e)
{
	if (upsert_check_id(p->query_id, "query_id", e) ||
		upsert_check_id(p->document_id, "document_id", e))
		return e->code;
	if (p->grade > 0)
		return OK;
	error_set(e, INVALID_ARGUMENT, "OUT_OF_RANGE",
		"grade is 0 and must be above it: a positive is relevant.");
	return error_field(e, "grade");
}

static enum code check_all(Pb__Positive **positives, size_t n, struct error *e)
{
	if (upsert_check_count(n, "positives", e))
		return e->code;
	for (size_t i = 0; i < n; i++)
		if (check_one(positives[i], e))
			return error_within(e, "positives[%zu]", i);
	struct upsert_name *names = FAULT() ? NULL : malloc((n + 1) * sizeof *names);
	if (!names)
		return error_memory(e);
	for (size_t i = 0; i < n; i++)
		names[i] =
			(struct upsert_name){positives[i]->query_id, positives[i]->document_id, i};
	enum code rc = upsert_check_twice(names, n, "positives", NULL, e);
	free(names);
	return rc;
}

/* The number of the query or document with this id, if there is one. */
static enum code number_of(sqlite3 *db, const char *sql, int64_t collection, const char *id,
	uint32_t *out, bool *there, struct error *e)
{
	sqlite3_stmt *s = database_statement(db, sql, e);

	if (!s)
		return e->code;
	statement_int(s, 1, collection);
	statement_text(s, 2, id);
	if (statement_step(s, there, e))
		return e->code;
	if (*there)
		*out = row_number(sqlite3_column_int64(s, 0));
	sqlite3_reset(s);
	return OK;
}

static enum code resolve(sqlite3 *db, int64_t collection, const Pb__Positive *p, uint32_t *query,
	uint32_t *document, struct error *e)
{
	bool there;

	if (number_of(db, "SELECT key FROM queries WHERE collection = ?1 AND id = ?2", collection,
		    p->query_id, query, &there, e))
		return e->code;
	if (!there) {
		error_set(e, NOT_FOUND, "NO_SUCH_QUERY",
			"The collection has no query \"%s\"; upsert it first.", p->query_id);
		return error_field(e, "query_id");
	}
	if (number_of(db, "SELECT key FROM documents WHERE collection = ?1 AND id = ?2", collection,
		    p->document_id, document, &there, e))
		return e->code;
	if (!there) {
		error_set(e, NOT_FOUND, "NO_SUCH_DOCUMENT",
			"The collection has no document \"%s\"; upsert it first.", p->document_id);
		return error_field(e, "document_id");
	}
	return OK;
}

/* The stored grade; 0: the pair is not there. */
static enum code grade_of(sqlite3 *db, int64_t collection, uint32_t query, uint32_t document,
	int64_t *out, struct error *e)
{
	sqlite3_stmt *s = database_statement(db,
		"SELECT grade FROM positives WHERE collection = ?1 AND query = ?2 AND document = "
		"?3",
		e);
	bool there;

	if (!s)
		return e->code;
	statement_int(s, 1, collection);
	statement_int(s, 2, query);
	statement_int(s, 3, document);
	if (statement_step(s, &there, e))
		return e->code;
	*out = there ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_reset(s);
	return OK;
}

static enum code store(sqlite3 *db, const struct upload *u, uint32_t query, uint32_t document,
	uint32_t grade, struct error *e)
{
	sqlite3_stmt *s = database_statement(db,
		"INSERT INTO positives (collection, query, document, grade) VALUES (?1, ?2, ?3, "
		"?4) "
		"ON CONFLICT DO UPDATE SET grade = excluded.grade",
		e);

	if (!s)
		return e->code;
	statement_int(s, 1, u->collection);
	statement_int(s, 2, query);
	statement_int(s, 3, document);
	statement_int(s, 4, grade);
	return statement_run(s, e);
}

static enum code put(sqlite3 *db, struct upload *u, const Pb__Positive *p, struct error *e)
{
	uint32_t query, document;
	int64_t before;

	if (resolve(db, u->collection, p, &query, &document, e) ||
		grade_of(db, u->collection, query, document, &before, e))
		return e->code;
	if (before == p->grade) {
		u->upsert.counts.unchanged++;
		return OK;
	}
	u->upsert.counts.created += before == 0;
	u->upsert.counts.updated += before != 0;
	u->upsert.positives += before == 0;
	return store(db, u, query, document, p->grade, e);
}

static enum code put_all(sqlite3 *db, void *arg, struct error *e)
{
	struct upload *u = arg;

	if (upsert_begin(db, u->collection, &u->upsert, e))
		return e->code;
	for (size_t i = 0; i < u->n; i++)
		if (put(db, u, u->positives[i], e))
			return e->field[0] ? error_within(e, "positives[%zu]", i) : e->code;
	return upsert_end(db, &u->upsert, false, e);
}

enum code positives_upsert(struct database *db, int64_t collection, Pb__Positive **positives,
	size_t n, struct upsert_counts *out, struct error *e)
{
	struct upload u = {.collection = collection, .positives = positives, .n = n};

	if (check_all(positives, n, e) || database_write(db, put_all, &u, e))
		return e->code;
	*out = u.upsert.counts;
	return OK;
}

static enum code count(
	sqlite3 *reader, int64_t collection, uint32_t query, size_t *out, struct error *e)
{
	sqlite3_stmt *s = database_statement(
		reader, "SELECT count(*) FROM positives WHERE collection = ?1 AND query = ?2", e);
	bool row;

	if (!s)
		return e->code;
	statement_int(s, 1, collection);
	statement_int(s, 2, query);
	if (statement_step(s, &row, e))
		return e->code;
	*out = (size_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return OK;
}

static enum code read_rows(sqlite3 *reader, int64_t collection, uint32_t query,
	struct positive_row *rows, size_t n, struct error *e)
{
	sqlite3_stmt *s = database_statement(reader,
		"SELECT p.document, p.grade FROM positives p "
		"JOIN documents d ON d.key = (?1 << 32 | p.document) "
		"WHERE p.collection = ?1 AND p.query = ?2 ORDER BY d.id",
		e);

	if (!s)
		return e->code;
	statement_int(s, 1, collection);
	statement_int(s, 2, query);
	for (size_t i = 0; i < n; i++) {
		bool row;
		if (statement_step(s, &row, e))
			return e->code;
		if (!row)
			return error_set(e, DATA_LOSS, "DATABASE_DAMAGED",
				"A positive names a document that is not there; restore the "
				"database from a backup.");
		rows[i].document = (uint32_t)sqlite3_column_int64(s, 0);
		rows[i].grade = (uint32_t)sqlite3_column_int64(s, 1);
	}
	sqlite3_reset(s);
	return OK;
}

enum code positives_read(sqlite3 *reader, int64_t collection, uint32_t query, struct arena *arena,
	struct query_row *out, struct error *e)
{
	size_t n;

	if (count(reader, collection, query, &n, e))
		return e->code;
	struct positive_row *rows = arena_array(arena, n, sizeof *rows);
	if (!rows)
		return error_memory(e);
	if (read_rows(reader, collection, query, rows, n, e))
		return e->code;
	out->positives = rows;
	out->n_positives = n;
	return OK;
}
