#include "storage/rows/collections.h"

#include <stdio.h>
#include <string.h>

#include "proto/limits.h"
#include "storage/rows/job_rows.h"
#include "storage/rows/now.h"
#include "storage/rows/statement.h"
#include "storage/rows/sweep.h"

#define COLUMNS \
	"id, name, created_at_ms, documents, queries, positives, generation, revision, " \
	"documents_revision"

enum code collection_name_check(const char *name, struct error *e)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t length = name ? strnlen(name, 64) : 0;

	if (length > 0 && length < 64 && strchr(first, name[0]) && strspn(name, rest) == length)
		return OK;
	error_set(e, INVALID_ARGUMENT, "INVALID_NAME",
		"A name is 1 to 63 characters of a-z, 0-9, '_' and '-', beginning with a letter or "
		"digit.");
	return error_field(e, "collection");
}

static void read_row(sqlite3_stmt *s, struct collection *out)
{
	*out = (struct collection){
		.id = sqlite3_column_int64(s, 0),
		.created_at_ms = sqlite3_column_int64(s, 2),
		.documents = (uint64_t)sqlite3_column_int64(s, 3),
		.queries = (uint64_t)sqlite3_column_int64(s, 4),
		.positives = (uint64_t)sqlite3_column_int64(s, 5),
		.generation = (uint64_t)sqlite3_column_int64(s, 6),
		.revision = (uint64_t)sqlite3_column_int64(s, 7),
		.documents_revision = (uint64_t)sqlite3_column_int64(s, 8),
	};
	snprintf(out->name, sizeof out->name, "%s", statement_column(s, 1));
}

static enum code find(
	sqlite3 *db, const char *name, struct collection *out, bool *found, struct error *e)
{
	sqlite3_stmt *s =
		database_statement(db, "SELECT " COLUMNS " FROM collections WHERE name = ?1", e);

	if (!s)
		return e->code;
	statement_text(s, 1, name);
	if (statement_step(s, found, e))
		return e->code;
	if (*found)
		read_row(s, out);
	sqlite3_reset(s);
	return OK;
}

static enum code missing(const char *name, struct error *e)
{
	error_set(e, NOT_FOUND, "NO_SUCH_COLLECTION", "There is no collection \"%s\"; create it.",
		name);
	return error_field(e, "collection");
}

struct creation {
	const char *name;
	struct collection row;
};

static enum code check_room(sqlite3 *db, struct error *e)
{
	sqlite3_stmt *s = database_statement(db, "SELECT count(*) FROM collections", e);
	bool row;

	if (!s || statement_step(s, &row, e))
		return e->code;
	int64_t n = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	if (n < LIMIT_COLLECTIONS)
		return OK;
	error_set(e, RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED",
		"There are %lld collections and the limit is %d; delete one.", (long long)n,
		LIMIT_COLLECTIONS);
	return error_field(e, "collection");
}

static enum code create(sqlite3 *db, void *arg, struct error *e)
{
	struct creation *c = arg;
	bool found;

	if (find(db, c->name, &c->row, &found, e))
		return e->code;
	if (found) {
		error_set(e, ALREADY_EXISTS, "COLLECTION_EXISTS",
			"There is already a collection \"%s\".", c->name);
		return error_field(e, "collection");
	}
	if (check_room(db, e))
		return e->code;
	sqlite3_stmt *s = database_statement(
		db, "INSERT INTO collections (name, created_at_ms) VALUES (?1, ?2)", e);
	if (!s)
		return e->code;
	statement_text(s, 1, c->name);
	statement_int(s, 2, now_ms());
	return statement_run(s, e) ? e->code : find(db, c->name, &c->row, &found, e);
}

enum code collection_create(
	struct database *db, const char *name, struct collection *out, struct error *e)
{
	struct creation c = {.name = name};

	if (collection_name_check(name, e) || database_write(db, create, &c, e))
		return e->code;
	*out = c.row;
	return OK;
}

enum code collection_get(
	struct database *db, const char *name, struct collection *out, struct error *e)
{
	struct collection row;
	sqlite3 *reader;
	bool found;

	if (collection_name_check(name, e) || database_read(db, &reader, e))
		return e->code;
	enum code rc = find(reader, name, &row, &found, e);
	database_read_done(db, reader);
	if (rc)
		return rc;
	if (!found)
		return missing(name, e);
	*out = row;
	return OK;
}

static enum code list(sqlite3 *reader, const char *after, size_t limit, struct collection *rows,
	size_t *n, struct error *e)
{
	sqlite3_stmt *s = database_statement(reader,
		"SELECT " COLUMNS " FROM collections WHERE name > ?1 ORDER BY name LIMIT ?2", e);
	bool row;

	if (!s)
		return e->code;
	statement_text(s, 1, after ? after : "");
	statement_int(s, 2, (int64_t)limit);
	for (*n = 0;; ++*n) {
		if (statement_step(s, &row, e))
			return e->code;
		if (!row)
			return OK;
		read_row(s, &rows[*n]);
	}
}

enum code collection_list(struct database *db, const char *after, size_t limit, struct arena *arena,
	struct collection **out, size_t *n, struct error *e)
{
	struct collection *rows = arena_array(arena, limit, sizeof *rows);
	sqlite3 *reader;
	size_t found;

	if (!rows)
		return error_memory(e);
	if (database_read(db, &reader, e))
		return e->code;
	enum code rc = list(reader, after, limit, rows, &found, e);
	database_read_done(db, reader);
	if (rc)
		return rc;
	*out = rows;
	*n = found;
	return OK;
}

enum code collections_each(struct database *db,
	enum code (*each)(void *arg, const struct collection *row, struct error *e), void *arg,
	struct error *e)
{
	struct collection *page;
	struct arena arena;
	char after[sizeof page->name] = "";
	size_t n = 1;
	enum code rc = OK;

	arena_init(&arena, 16 << 20);
	while (!rc && n) {
		rc = collection_list(db, after, 1000, &arena, &page, &n, e);
		for (size_t i = 0; !rc && i < n; i++)
			rc = each(arg, &page[i], e);
		if (!rc && n)
			memcpy(after, page[n - 1].name, sizeof after);
		arena_free(&arena);
	}
	return rc;
}

/* The large tables: their rows are swept afterwards. */
static enum code discard(sqlite3 *db, int64_t id, struct error *e)
{
	if (statement_exec_with(db,
		    "INSERT INTO garbage (of, owner) VALUES ('documents', ?1), "
		    "('document_changes', ?1), ('queries', ?1), ('positives', ?1)",
		    id, e))
		return e->code;
	return statement_exec_with(db,
		"INSERT INTO garbage (of, owner) SELECT 'mined_results', id FROM mined_sets "
		"WHERE collection = ?1",
		id, e);
}

static enum code remove_collection(sqlite3 *db, void *arg, struct error *e)
{
	struct creation *c = arg;
	bool found;

	if (find(db, c->name, &c->row, &found, e))
		return e->code;
	if (!found)
		return missing(c->name, e);
	if (discard(db, c->row.id, e) || job_cancel_queued_of(db, c->row.id, e))
		return e->code;
	return statement_exec_with(db, "DELETE FROM collections WHERE id = ?1", c->row.id, e);
}

enum code collection_delete(struct database *db, const char *name, int64_t *id, struct error *e)
{
	struct creation c = {.name = name};
	struct error later;

	if (collection_name_check(name, e) || database_write(db, remove_collection, &c, e))
		return e->code;
	*id = c.row.id;
	sweep(db, &later); /* deleted it is; rows that stay are swept at the next open */
	return OK;
}
