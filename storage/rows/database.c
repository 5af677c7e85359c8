#include "storage/rows/database.h"

#include <pthread.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/fault.h"
#include "storage/rows/connection.h"
#include "storage/rows/directory.h"
#include "storage/rows/migrations.h"
#include "storage/rows/statement.h"
#include "storage/rows/sweep.h"
#include "storage/rows/writer.h"

enum { READERS = 8 };

struct database {
	int lock; /* on the directory; -1: none */
	sqlite3 *writing;
	struct writer *writer;

	pthread_mutex_t lending; /* over what follows */
	pthread_cond_t returned;
	sqlite3 *idle[READERS];
	size_t n_idle;
};

/* A clean stop leaves no log, or an empty one. */
static bool stopped_uncleanly(const char *path)
{
	char log[PATH_MAX + 8];
	struct stat st;

	snprintf(log, sizeof log, "%s-wal", path);
	return stat(log, &st) == 0 && st.st_size > 0;
}

static enum code quick_check(sqlite3 *db, struct error *e)
{
	sqlite3_stmt *s = database_statement(db, "PRAGMA quick_check(1)", e);
	enum code rc = OK;
	bool row;

	if (!s || statement_step(s, &row, e))
		return e->code;
	const char *verdict = row ? statement_column(s, 0) : NULL;
	if (!verdict || strcmp(verdict, "ok"))
		rc = error_set(e, DATA_LOSS, "DATABASE_DAMAGED",
			"The last stop was unclean and the database did not survive it (%s); "
			"restore it from a backup.",
			verdict ? verdict : "no verdict");
	sqlite3_reset(s);
	return rc;
}

static enum code open_writer(struct database *db, const char *path, struct error *e)
{
	bool unclean = stopped_uncleanly(path);

	if (connection_open(path, CONNECTION_WRITES, &db->writing, e))
		return e->code;
	if (unclean && quick_check(db->writing, e))
		return e->code;
	if (migrate(db->writing, migrations, migrations_count, e))
		return e->code;
	return writer_start(db->writing, &db->writer, e);
}

static enum code open_all(struct database *db, const char *dir, struct error *e)
{
	char path[PATH_MAX];

	if (directory_lock(dir, &db->lock, e))
		return e->code;
	snprintf(path, sizeof path, "%s/hardminer.db", dir);
	if (open_writer(db, path, e))
		return e->code;
	for (; db->n_idle < READERS; db->n_idle++)
		if (connection_open(path, CONNECTION_READS, &db->idle[db->n_idle], e))
			return e->code;
	if (directory_sync(dir, e))
		return e->code;
	if (sweep(db, e) && e->code != RESOURCE_EXHAUSTED) /* a full disk can still be read from */
		return e->code;
	return OK;
}

enum code database_open(const char *dir, struct database **out, struct error *e)
{
	struct database *db = FAULT() ? NULL : calloc(1, sizeof *db);

	if (!db)
		return error_memory(e);
	db->lock = -1;
	pthread_mutex_init(&db->lending, NULL);
	pthread_cond_init(&db->returned, NULL);
	if (open_all(db, dir, e)) {
		database_close(db);
		return e->code;
	}
	*out = db;
	return OK;
}

struct database *database_close(struct database *db)
{
	if (!db)
		return NULL;
	while (db->n_idle)
		connection_close(db->idle[--db->n_idle]);
	writer_stop(db->writer);
	connection_close(db->writing);
	if (db->lock >= 0)
		close(db->lock);
	pthread_cond_destroy(&db->returned);
	pthread_mutex_destroy(&db->lending);
	free(db);
	return NULL;
}

enum code database_write(struct database *db, database_apply apply, void *arg, struct error *e)
{
	return writer_do(db->writer, apply, arg, e);
}

static sqlite3 *borrow(struct database *db)
{
	pthread_mutex_lock(&db->lending);
	while (!db->n_idle)
		pthread_cond_wait(&db->returned, &db->lending);
	sqlite3 *reader = db->idle[--db->n_idle];
	pthread_mutex_unlock(&db->lending);
	return reader;
}

/* BEGIN alone waits for the first SELECT to fix the moment; so one is made here. */
static enum code begin(sqlite3 *reader, struct error *e)
{
	sqlite3_stmt *s;
	bool row;

	if (statement_exec(reader, "BEGIN", e))
		return e->code;
	s = database_statement(reader, "SELECT 1 FROM sqlite_schema LIMIT 1", e);
	if (!s || statement_step(s, &row, e))
		return e->code;
	sqlite3_reset(s);
	return OK;
}

enum code database_read(struct database *db, sqlite3 **out, struct error *e)
{
	sqlite3 *reader = borrow(db);

	if (begin(reader, e)) {
		database_read_done(db, reader);
		return e->code;
	}
	*out = reader;
	return OK;
}

void database_read_done(struct database *db, sqlite3 *reader)
{
	statements_reset(reader);
	if (!sqlite3_get_autocommit(reader))
		sqlite3_exec(reader, "ROLLBACK", NULL, NULL, NULL);
	pthread_mutex_lock(&db->lending);
	db->idle[db->n_idle++] = reader;
	pthread_cond_signal(&db->returned);
	pthread_mutex_unlock(&db->lending);
}
