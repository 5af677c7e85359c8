#include "storage/rows/sweep.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "storage/rows/statement.h"

/* A slice: thousands of rows, milliseconds. ?1 is the owner. */
#define SLICE "4000"
#define BY_KEY(table) \
	"DELETE FROM " table " WHERE key IN (SELECT key FROM " table \
	" WHERE key >= ?1 << 32 AND key < (?1 + 1) << 32 LIMIT " SLICE ")"

static const struct {
	const char *of, *sql;
} tables[] = {
	{"documents", BY_KEY("documents")},
	{"document_changes", BY_KEY("document_changes")},
	{"queries", BY_KEY("queries")},
	{"positives",
		"DELETE FROM positives WHERE (collection, query, document) IN (SELECT collection, "
		"query, document FROM positives WHERE collection = ?1 LIMIT " SLICE ")"},
	{"mined_results", BY_KEY("mined_results")},
};

static const char *slice_of(const char *table)
{
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		if (!strcmp(tables[i].of, table))
			return tables[i].sql;
	return NULL;
}

/* *more says whether to come again. */
static enum code sweep_slice(sqlite3 *db, void *more, struct error *e)
{
	sqlite3_stmt *s = database_statement(db, "SELECT id, of, owner FROM garbage LIMIT 1", e);
	bool row;

	if (!s || statement_step(s, &row, e))
		return e->code;
	*(bool *)more = row;
	if (!row)
		return OK;
	int64_t garbage = sqlite3_column_int64(s, 0), owner = sqlite3_column_int64(s, 2);
	const char *of = statement_column(s, 1), *sql = of ? slice_of(of) : NULL;
	sqlite3_reset(s);
	if (!sql)
		return error_set(e, DATA_LOSS, "DATABASE_DAMAGED",
			"The database lists rows to remove from a table that it does not have; "
			"restore it from a backup.");
	if (statement_exec_with(db, sql, owner, e))
		return e->code;
	if (sqlite3_changes(db))
		return OK;
	return statement_exec_with(db, "DELETE FROM garbage WHERE id = ?1", garbage, e);
}

enum code sweep(struct database *db, struct error *e)
{
	bool more = true;

	while (more)
		if (database_write(db, sweep_slice, &more, e))
			return e->code;
	return OK;
}
