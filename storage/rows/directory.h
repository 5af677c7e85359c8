/* The data directory: made if missing, and locked so that one daemon at a time has it. */
#ifndef STORAGE_ROWS_DIRECTORY_H
#define STORAGE_ROWS_DIRECTORY_H

#include "proto/error.h"

/* Makes `dir` (0700, its parent must be there) and locks it; the lock goes with the descriptor in
 * *out, at the latest when the process ends. FAILED_PRECONDITION/DATA_DIRECTORY_IN_USE. */
enum code directory_lock(const char *dir, int *out, struct error *e);
/* Makes the names in it durable. */
enum code directory_sync(const char *dir, struct error *e);

#endif
