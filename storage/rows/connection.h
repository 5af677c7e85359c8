/* SQLite connections, set up for the one role each has. */
#ifndef STORAGE_ROWS_CONNECTION_H
#define STORAGE_ROWS_CONNECTION_H

#include <sqlite3.h>

#include "proto/error.h"

enum connection_role { CONNECTION_WRITES, CONNECTION_READS };

/* Used by one thread at a time; SQLite's own locks are off. */
enum code connection_open(
	const char *path, enum connection_role role, sqlite3 **out, struct error *e);
sqlite3 *connection_close(sqlite3 *db); /* with its statements; NULL is fine; returns NULL */

#endif
