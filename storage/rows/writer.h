/* The one thread that writes: takes what is queued, commits it as a group, answers each. */
#ifndef STORAGE_ROWS_WRITER_H
#define STORAGE_ROWS_WRITER_H

#include "storage/rows/database.h"

struct writer;

/* The connection is the writer's own until writer_stop. */
enum code writer_start(sqlite3 *db, struct writer **out, struct error *e);
/* Finishes what is queued, empties the log into the file, joins. NULL is fine; returns NULL. */
struct writer *writer_stop(struct writer *w);
/* As database_write. Any thread but the loop. */
enum code writer_do(struct writer *w, database_apply apply, void *arg, struct error *e);

#endif
