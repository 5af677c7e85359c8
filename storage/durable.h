/*
 * Files that are whole or not there: written under a name of their own, synced, renamed, and the
 * directory synced after. `what` completes "Could not ...": "write generation-3.document.vec".
 */
#ifndef STORAGE_DURABLE_H
#define STORAGE_DURABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "proto/error.h"
#include "storage/stop.h"

/* All of it, at `at`. */
enum code durable_write(
	int fd, const void *bytes, size_t n, off_t at, const char *what, struct error *e);
/* Syncs the data and closes; the descriptor is closed also after a failure. */
enum code durable_close(int fd, const char *what, struct error *e);
/* Puts a synced file in its place and syncs the directory. */
enum code durable_rename(const char *from, const char *to, const char *what, struct error *e);
/* Parts back to back as a whole file at `path`, or none; what fails on the way leaves nothing under
 * another name. CANCELLED when it was given up. */
struct durable_part {
	const void *bytes;
	size_t n;
};
enum code durable_file(const char *path, const struct durable_part *parts, size_t n,
	struct stop *stop, const char *what, struct error *e);
/* The next n bytes: how many there were, fewer only at the end of the file; -1 and errno when they cannot
 * be read. */
ssize_t durable_read_up_to(int fd, void *to, size_t n);
/* Whether there were all of them. */
bool durable_read(int fd, void *to, size_t n);
/* Makes what was created, renamed or unlinked beside `path` last. */
enum code durable_directory(const char *path, const char *what, struct error *e);

#endif
