/*
 * Files that are whole or not there: written under a name of their own, synced, renamed, and the
 * directory synced after. `what` completes "Could not ...": "write generation-3.document.vec".
 */
#ifndef STORAGE_DURABLE_H
#define STORAGE_DURABLE_H

#include <stddef.h>
#include <sys/types.h>

#include "proto/error.h"

/* All of it, at `at`. */
enum code durable_write(
	int fd, const void *bytes, size_t n, off_t at, const char *what, struct error *e);
/* Syncs the data and closes; the descriptor is closed also after a failure. */
enum code durable_close(int fd, const char *what, struct error *e);
/* Puts a synced file in its place and syncs the directory. */
enum code durable_rename(const char *from, const char *to, const char *what, struct error *e);
/* Makes what was created, renamed or unlinked beside `path` last. */
enum code durable_directory(const char *path, const char *what, struct error *e);

#endif
