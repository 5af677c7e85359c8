/*
 * The schema, as the steps that made it. Files migrations/NNN.sql are applied in order, each in a
 * transaction of its own; user_version counts those applied. A released file is never edited: what
 * changes is a new one.
 */
#ifndef STORAGE_ROWS_MIGRATIONS_H
#define STORAGE_ROWS_MIGRATIONS_H

#include <sqlite3.h>

#include "proto/error.h"

extern const char *const migrations[];
extern const size_t migrations_count;

/* Applies what is missing of the first `n` steps. FAILED_PRECONDITION/SCHEMA_TOO_NEW when the file
 * has more than `n`, FAILED_PRECONDITION/NOT_OUR_FILE when another program made it. */
enum code migrate(sqlite3 *db, const char *const *steps, size_t n, struct error *e);

#endif
