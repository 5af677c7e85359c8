/*
 * The SQLite file of a data directory: one connection that writes and checkpoints, on a thread of
 * its own with group commit, and a few read-only ones that are lent out. Opening locks the
 * directory against a second daemon and brings the schema up to date.
 */
#ifndef STORAGE_ROWS_DATABASE_H
#define STORAGE_ROWS_DATABASE_H

#include <sqlite3.h>

#include "proto/error.h"

struct database;

enum code database_open(const char *dir, struct database **out, struct error *e);
struct database *database_close(struct database *db); /* NULL is fine; returns NULL */

/* Runs `apply` inside a transaction on the writer's connection and returns when what it did is on
 * disk (synchronous=FULL), or when it failed and nothing of it is there. Callers that wait together
 * share one fsync; a failing `apply` is undone alone. Blocks; any thread but the loop. `apply` runs
 * on the writer's thread: keep it to SQL. */
typedef enum code (*database_apply)(sqlite3 *db, void *arg, struct error *e);
enum code database_write(struct database *db, database_apply apply, void *arg, struct error *e);

/* Borrows a read-only connection with a read transaction open: everything read through it is of one
 * moment. Blocks while all are lent. Give it back soon: an open read keeps the log from shrinking. */
enum code database_read(struct database *db, sqlite3 **out, struct error *e);
void database_read_done(struct database *db, sqlite3 *reader);

/* Prepares a statement once per connection and hands it out again, reset, with `sql` as the key: a
 * string literal. NULL with an error set when it cannot be prepared. Not reentrant: one user at a
 * time per (connection, sql). */
sqlite3_stmt *database_statement(sqlite3 *db, const char *sql, struct error *e);
/* What an SQLite result code means for the caller: full disk, corruption, ... */
enum code database_error(sqlite3 *db, struct error *e);

#endif
