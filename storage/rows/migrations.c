#include "storage/rows/migrations.h"

#include <stdio.h>

#include "storage/rows/statement.h"

enum { APPLICATION_ID = 0x686d6462 }; /* "hmdb", for file(1) and for us */

static enum code pragma_int(sqlite3 *db, const char *sql, int64_t *out, struct error *e)
{
	sqlite3_stmt *s = database_statement(db, sql, e);
	bool row;

	if (!s || statement_step(s, &row, e))
		return e->code;
	*out = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return OK;
}

/* A file that holds tables but neither our mark nor a version is somebody else's. */
static enum code check_owner(sqlite3 *db, struct error *e)
{
	int64_t application, tables;

	if (pragma_int(db, "PRAGMA application_id", &application, e) ||
		pragma_int(db, "SELECT count(*) FROM sqlite_schema", &tables, e))
		return e->code;
	if (application == APPLICATION_ID || (application == 0 && tables == 0))
		return OK;
	return error_set(e, FAILED_PRECONDITION, "NOT_OUR_FILE",
		"hardminer.db in the data directory was made by another program; name another "
		"directory.");
}

static enum code apply(sqlite3 *db, const char *step, size_t version, struct error *e)
{
	char mark[96];

	snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %zu",
		APPLICATION_ID, version);
	if (statement_exec(db, "BEGIN IMMEDIATE", e))
		return e->code;
	if (statement_script(db, step, e) || statement_script(db, mark, e) ||
		statement_exec(db, "COMMIT", e)) {
		if (!sqlite3_get_autocommit(db))
			sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return error_prefix(e, "Migration %zu of the database failed. ", version);
	}
	return OK;
}

enum code migrate(sqlite3 *db, const char *const *steps, size_t n, struct error *e)
{
	int64_t version;

	if (check_owner(db, e) || pragma_int(db, "PRAGMA user_version", &version, e))
		return e->code;
	if (version < 0 || (uint64_t)version > n)
		return error_set(e, FAILED_PRECONDITION, "SCHEMA_TOO_NEW",
			"The database has schema %lld and this hardminerd knows %zu; run the newer "
			"version that wrote it, or restore a backup.",
			(long long)version, n);
	for (size_t v = (size_t)version; v < n; v++)
		if (apply(db, steps[v], v + 1, e))
			return e->code;
	return OK;
}
