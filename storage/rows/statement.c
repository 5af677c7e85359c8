#include "storage/rows/statement.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "proto/fault.h"

/* The connection's own list of statements is the cache; it is a few dozen long. */
static sqlite3_stmt *find(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;

	while ((s = sqlite3_next_stmt(db, s)))
		if (!strcmp(sqlite3_sql(s), sql))
			return s;
	return NULL;
}

sqlite3_stmt *database_statement(sqlite3 *db, const char *sql, struct error *e)
{
	sqlite3_stmt *s = find(db, sql);

	if (s) {
		sqlite3_reset(s);
		sqlite3_clear_bindings(s);
		return s;
	}
	if (FAULT()) {
		error_memory(e);
		return NULL;
	}
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL)) {
		database_error(db, e);
		return NULL;
	}
	return s;
}

static enum code disk_error(sqlite3 *db, struct error *e)
{
	int err = sqlite3_system_errno(db);

	if (sqlite3_extended_errcode(db) == SQLITE_IOERR_NOMEM)
		return error_memory(e);
	if (err == ENOSPC || err == EDQUOT)
		return error_errno(e, err, "write to the database");
	return error_set(e, UNAVAILABLE, "STORAGE_FAILED",
		"The data directory's disk failed (%s: %s). Nothing more is written until "
		"hardminerd is restarted on a sound disk.",
		sqlite3_errmsg(db), strerror(err));
}

enum code database_error(sqlite3 *db, struct error *e)
{
	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_FULL:
		return error_errno(e, ENOSPC, "write to the database");
	case SQLITE_NOMEM:
		return error_memory(e);
	case SQLITE_IOERR:
		return disk_error(db, e);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return error_set(e, DATA_LOSS, "DATABASE_DAMAGED",
			"The database is damaged (%s); restore it from a backup.",
			sqlite3_errmsg(db));
	case SQLITE_BUSY:
		return error_set(e, UNAVAILABLE, "DATABASE_BUSY",
			"Another program holds the database; keep other programs away from the "
			"data directory.");
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return error_set(e, FAILED_PRECONDITION, "DATABASE_NOT_WRITABLE",
			"The database cannot be opened for writing (%s); check who owns the data "
			"directory.",
			sqlite3_errmsg(db));
	default:
		return error_set(e, INTERNAL, "DATABASE_ERROR",
			"The database refused a statement: %s.", sqlite3_errmsg(db));
	}
}

bool error_is_storage_failure(const struct error *e)
{
	return e->code == UNAVAILABLE && !strcmp(e->reason, "STORAGE_FAILED");
}

static void bound(int rc)
{
	assert(rc == SQLITE_OK);
	(void)rc;
}

void statement_int(sqlite3_stmt *s, int at, int64_t value)
{
	bound(sqlite3_bind_int64(s, at, value));
}

void statement_text(sqlite3_stmt *s, int at, const char *text)
{
	bound(sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC));
}

void statement_blob(sqlite3_stmt *s, int at, const void *bytes, size_t len)
{
	bound(sqlite3_bind_blob64(s, at, len ? bytes : "", len, SQLITE_STATIC));
}

enum code statement_step(sqlite3_stmt *s, bool *row, struct error *e)
{
	if (FAULT()) {
		sqlite3_reset(s);
		return error_memory(e);
	}
	int rc = sqlite3_step(s);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		database_error(sqlite3_db_handle(s), e);
		sqlite3_reset(s);
		return e->code;
	}
	if (rc == SQLITE_DONE)
		sqlite3_reset(s);
	*row = rc == SQLITE_ROW;
	return OK;
}

enum code statement_run(sqlite3_stmt *s, struct error *e)
{
	bool row;

	return statement_step(s, &row, e);
}

enum code statement_exec(sqlite3 *db, const char *sql, struct error *e)
{
	sqlite3_stmt *s = database_statement(db, sql, e);

	return s ? statement_run(s, e) : e->code;
}

enum code statement_exec_with(sqlite3 *db, const char *sql, int64_t one, struct error *e)
{
	sqlite3_stmt *s = database_statement(db, sql, e);

	if (!s)
		return e->code;
	statement_int(s, 1, one);
	return statement_run(s, e);
}

/* Runs the first statement of the script; *rest is what follows it. */
static enum code run_first(sqlite3 *db, const char *script, const char **rest, struct error *e)
{
	sqlite3_stmt *s;
	bool row = true;

	if (sqlite3_prepare_v2(db, script, -1, &s, rest))
		return database_error(db, e);
	enum code rc = OK;
	while (s && row && !rc) /* NULL: only blanks and comments were left */
		rc = statement_step(s, &row, e);
	sqlite3_finalize(s);
	return rc;
}

enum code statement_script(sqlite3 *db, const char *script, struct error *e)
{
	while (*script)
		if (run_first(db, script, &script, e))
			return e->code;
	return OK;
}

void statements_reset(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;

	while ((s = sqlite3_next_stmt(db, s)))
		sqlite3_reset(s);
}

const char *statement_column(sqlite3_stmt *s, int at)
{
	return (const char *)sqlite3_column_text(s, at);
}

enum code statement_copy(
	sqlite3_stmt *s, int at, struct arena *arena, const char **out, struct error *e)
{
	const char *text = statement_column(s, at);

	if (!text && sqlite3_column_type(s, at) == SQLITE_NULL) {
		*out = NULL;
		return OK;
	}
	char *copy = text ? arena_strdup(arena, text) : NULL;
	if (!copy)
		return error_memory(e);
	*out = copy;
	return OK;
}
