#include "storage/rows/queries.h"

#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "proto/limits.h"
#include "storage/rows/keys.h"
#include "storage/rows/positives.h"
#include "storage/rows/statement.h"
#include "storage/rows/upsert.h"

struct upload {
	int64_t collection;
	Pb__Query **queries;
	size_t n;
	struct upsert upsert;
};

static enum code check_one(const Pb__Query *q, struct error *e)
{
	if (upsert_check_id(q->id, "id", e) ||
		upsert_check_size(q->group, LIMIT_ID_BYTES, "group", e))
		return e->code;
	return upsert_check_size(q->text, LIMIT_TEXT_BYTES, "text", e);
}

static enum code check_all(Pb__Query **queries, size_t n, struct error *e)
{
	if (upsert_check_count(n, "queries", e))
		return e->code;
	for (size_t i = 0; i < n; i++)
		if (check_one(queries[i], e))
			return error_within(e, "queries[%zu]", i);
	struct upsert_name *names = FAULT() ? NULL : malloc((n + 1) * sizeof *names);
	if (!names)
		return error_memory(e);
	for (size_t i = 0; i < n; i++)
		names[i] = (struct upsert_name){.id = queries[i]->id, .index = i};
	enum code rc = upsert_check_twice(names, n, "queries", "id", e);
	free(names);
	return rc;
}

static enum code insert(sqlite3 *db, struct upload *u, const Pb__Query *q, struct error *e)
{
	if (u->upsert.queries >= ROW_NUMBERS_END)
		return error_set(e, RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED",
			"The collection is full: it holds %llu queries.",
			(unsigned long long)u->upsert.queries);
	sqlite3_stmt *s = database_statement(db,
		"INSERT INTO queries (key, collection, id, group_name, text) "
		"VALUES (?1, ?2, ?3, ?4, ?5)",
		e);
	if (!s)
		return e->code;
	statement_int(s, 1, row_key(u->collection, u->upsert.queries));
	statement_int(s, 2, u->collection);
	statement_text(s, 3, q->id);
	statement_text(s, 4, group_of(q->group));
	statement_text(s, 5, q->text);
	if (statement_run(s, e))
		return e->code;
	u->upsert.queries++;
	u->upsert.counts.created++;
	return OK;
}

static enum code update(
	sqlite3 *db, struct upload *u, int64_t key, const Pb__Query *q, struct error *e)
{
	sqlite3_stmt *s = database_statement(
		db, "UPDATE queries SET group_name = ?2, text = ?3 WHERE key = ?1", e);

	if (!s)
		return e->code;
	statement_int(s, 1, key);
	statement_text(s, 2, group_of(q->group));
	statement_text(s, 3, q->text);
	u->upsert.counts.updated++;
	return statement_run(s, e);
}

/* A query by its id: key, id, text, group. NULL with the error set; *there says whether it is. */
static sqlite3_stmt *find(
	sqlite3 *db, int64_t collection, const char *id, bool *there, struct error *e)
{
	sqlite3_stmt *s = database_statement(db,
		"SELECT key, id, text, group_name FROM queries WHERE collection = ?1 AND id = ?2",
		e);

	if (!s)
		return NULL;
	statement_int(s, 1, collection);
	statement_text(s, 2, id);
	return statement_step(s, there, e) ? NULL : s;
}

static enum code put(sqlite3 *db, struct upload *u, const Pb__Query *q, struct error *e)
{
	bool there;
	sqlite3_stmt *s = find(db, u->collection, q->id, &there, e);

	if (!s)
		return e->code;
	if (!there)
		return insert(db, u, q, e);
	int64_t key = sqlite3_column_int64(s, 0);
	bool same = upsert_same(statement_column(s, 2), q->text) &&
		    upsert_same(statement_column(s, 3), group_of(q->group));
	sqlite3_reset(s);
	if (!same)
		return update(db, u, key, q, e);
	u->upsert.counts.unchanged++;
	return OK;
}

static enum code put_all(sqlite3 *db, void *arg, struct error *e)
{
	struct upload *u = arg;

	if (upsert_begin(db, u->collection, &u->upsert, e))
		return e->code;
	for (size_t i = 0; i < u->n; i++)
		if (put(db, u, u->queries[i], e))
			return e->code;
	return upsert_end(db, &u->upsert, false, e);
}

enum code queries_upsert(struct database *db, int64_t collection, Pb__Query **queries, size_t n,
	struct upsert_counts *out, struct error *e)
{
	struct upload u = {.collection = collection, .queries = queries, .n = n};

	if (check_all(queries, n, e) || database_write(db, put_all, &u, e))
		return e->code;
	*out = u.upsert.counts;
	return OK;
}

/* `out` gets the query of the row that `s` stands on. */
static enum code read_query(sqlite3 *reader, int64_t collection, sqlite3_stmt *s,
	struct arena *arena, struct query_row *out, struct error *e)
{
	struct query_row q = {.number = row_number(sqlite3_column_int64(s, 0))};

	if (statement_copy(s, 1, arena, &q.id, e) || statement_copy(s, 2, arena, &q.text, e) ||
		statement_copy(s, 3, arena, &q.group, e) ||
		positives_read(reader, collection, q.number, arena, &q, e))
		return e->code;
	*out = q;
	return OK;
}

enum code queries_load(sqlite3 *reader, int64_t collection, const char *const *ids, size_t n,
	struct arena *arena, struct query_row *out, struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		bool there;
		sqlite3_stmt *s = find(reader, collection, ids[i], &there, e);
		if (!s)
			return e->code;
		out[i] = (struct query_row){0};
		if (there && read_query(reader, collection, s, arena, &out[i], e))
			return e->code;
	}
	return OK;
}

enum code queries_page(sqlite3 *reader, int64_t collection, uint32_t first, size_t n,
	struct arena *arena, struct query_row *out, size_t *found, struct error *e)
{
	sqlite3_stmt *s = database_statement(reader,
		"SELECT key, id, text, group_name FROM queries WHERE key >= ?1 AND key < ?2 "
		"ORDER BY key LIMIT ?3",
		e);
	size_t rows = 0;

	if (!s)
		return e->code;
	statement_int(s, 1, row_key(collection, first));
	statement_int(s, 2, row_key(collection + 1, 0));
	statement_int(s, 3, (int64_t)n);
	for (;; rows++) {
		bool row;
		if (statement_step(s, &row, e))
			return e->code;
		if (!row)
			break;
		if (read_query(reader, collection, s, arena, &out[rows], e))
			return e->code;
	}
	*found = rows;
	return OK;
}
