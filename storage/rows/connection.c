#include "storage/rows/connection.h"

#include <string.h>

#include "storage/rows/statement.h"

/* Only the writer may checkpoint (writer.c says why), at moments of its own choosing, hence the
 * zero for both. Temporary files would be outside the data directory. */
static const char for_all[] = "PRAGMA wal_autocheckpoint = 0;"
			      "PRAGMA mmap_size = 0;"
			      "PRAGMA cell_size_check = ON;"
			      "PRAGMA temp_store = MEMORY;";
static const char for_writer[] = "PRAGMA synchronous = FULL;"
				 "PRAGMA foreign_keys = ON;"
				 "PRAGMA secure_delete = FAST;"
				 "PRAGMA journal_size_limit = 67108864;"
				 "PRAGMA cache_size = -65536;";
static const char for_readers[] = "PRAGMA query_only = ON;"
				  "PRAGMA cache_size = -8192;";

/* What a damaged or forged file could otherwise talk us into. */
static void harden(sqlite3 *db)
{
	static const struct {
		int option, value;
	} settings[] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1},
		{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{SQLITE_DBCONFIG_DQS_DDL, 0},
		{SQLITE_DBCONFIG_DQS_DML, 0},
		{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
	};

	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		sqlite3_db_config(db, settings[i].option, settings[i].value, NULL);
}

/* Where memory cannot be shared (some network file systems) SQLite quietly stays as it was. */
static enum code use_log(sqlite3 *db, struct error *e)
{
	sqlite3_stmt *s = database_statement(db, "PRAGMA journal_mode = WAL", e);
	enum code rc = OK;
	bool row;

	if (!s || statement_step(s, &row, e))
		return e->code;
	const char *mode = row ? statement_column(s, 0) : NULL;
	if (!mode || strcmp(mode, "wal"))
		rc = error_set(e, FAILED_PRECONDITION, "NO_WRITE_AHEAD_LOG",
			"The data directory's file system cannot hold a write-ahead log; use a "
			"local disk.");
	sqlite3_reset(s);
	return rc;
}

static enum code set_up(sqlite3 *db, enum connection_role role, struct error *e)
{
	sqlite3_extended_result_codes(db, 1);
	harden(db);
	if (role == CONNECTION_READS)
		sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (statement_script(db, for_all, e))
		return e->code;
	if (role == CONNECTION_READS)
		return statement_script(db, for_readers, e);
	return use_log(db, e) ? e->code : statement_script(db, for_writer, e);
}

enum code connection_open(
	const char *path, enum connection_role role, sqlite3 **out, struct error *e)
{
	int flags = role == CONNECTION_WRITES ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
					      : SQLITE_OPEN_READONLY;
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL))
		database_error(db, e);
	else if (!set_up(db, role, e)) {
		*out = db;
		return OK;
	}
	connection_close(db);
	return e->code;
}

sqlite3 *connection_close(sqlite3 *db)
{
	sqlite3_stmt *s;

	while (db && (s = sqlite3_next_stmt(db, NULL)))
		sqlite3_finalize(s);
	sqlite3_close(db);
	return NULL;
}
