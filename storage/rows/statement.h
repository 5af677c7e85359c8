/*
 * The few words with which rows are read and written. Every step asks FAULT() first, so tests can
 * make any of them fail.
 */
#ifndef STORAGE_ROWS_STATEMENT_H
#define STORAGE_ROWS_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/arena.h"
#include "storage/rows/database.h"

/* Bind by position, from 1. Nothing is copied: the memory must live until the statement is reset,
 * and binding fails only by our own mistake. NULL text is NULL; a blob is never NULL. */
void statement_int(sqlite3_stmt *s, int at, int64_t value);
void statement_text(sqlite3_stmt *s, int at, const char *text);
void statement_blob(sqlite3_stmt *s, int at, const void *bytes, size_t len);

/* Steps once. At the end, and on failure, the statement is reset and may be bound again; on a row
 * that is the caller's to do, with sqlite3_reset, once he has read it. */
enum code statement_step(sqlite3_stmt *s, bool *row, struct error *e);
/* For what returns no rows. */
enum code statement_run(sqlite3_stmt *s, struct error *e);
/* A literal without parameters or rows. */
enum code statement_exec(sqlite3 *db, const char *sql, struct error *e);
/* The same with ?1 and nothing else to bind. */
enum code statement_exec_with(sqlite3 *db, const char *sql, int64_t one, struct error *e);
/* Statements in a row, each ended by ';', whose rows do not matter. */
enum code statement_script(sqlite3 *db, const char *script, struct error *e);
/* Ends whatever is still open on the connection, so that its transaction can end. */
void statements_reset(sqlite3 *db);

/* Columns from 0; the pointers die with the next step or reset. */
const char *statement_column(sqlite3_stmt *s, int at); /* NULL is NULL */
/* The same, copied. */
enum code statement_copy(
	sqlite3_stmt *s, int at, struct arena *arena, const char **out, struct error *e);

/* The disk failed: nothing that is written from now on can be trusted to be there. */
bool error_is_storage_failure(const struct error *e);

#endif
