#include "storage/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/fault.h"

enum { PIECE = 1 << 24 };

enum code durable_write(
	int fd, const void *bytes, size_t n, off_t at, const char *what, struct error *e)
{
	const char *from = bytes;

	while (n) {
		ssize_t wrote = FAULT() ? (errno = ENOSPC, -1) : pwrite(fd, from, n, at);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return error_errno(e, errno, what);
		from += wrote;
		at += wrote;
		n -= (size_t)wrote;
	}
	return OK;
}

enum code durable_close(int fd, const char *what, struct error *e)
{
	int rc = FAULT() ? (errno = EIO, -1) : fdatasync(fd);
	int err = errno;

	close(fd);
	return rc ? error_errno(e, err, what) : OK;
}

enum code durable_directory(const char *path, const char *what, struct error *e)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = slash ? (int)(slash - path) : 1;

	if (snprintf(directory, sizeof directory, "%.*s", n, slash ? path : ".") >=
		(int)sizeof directory)
		return error_errno(e, ENAMETOOLONG, what);
	int fd = FAULT() ? (errno = EIO, -1) : open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(e, errno, what);
	int rc = fsync(fd), err = errno;
	close(fd);
	return rc ? error_errno(e, err, what) : OK;
}

enum code durable_rename(const char *from, const char *to, const char *what, struct error *e)
{
	if (FAULT() ? (errno = EIO, -1) : rename(from, to))
		return error_errno(e, errno, what);
	return durable_directory(to, what, e);
}

/* Synced piece by piece: a commit beside it never waits until all of it is on disk. */
static enum code write_part(int fd, const struct durable_part *part, off_t at, struct stop *stop,
	const char *what, struct error *e)
{
	for (size_t done = 0, n; done < part->n; done += n) {
		n = part->n - done < PIECE ? part->n - done : PIECE;
		if (stop_now(stop))
			return stop_or_memory(stop, e);
		if (durable_write(
			    fd, (const char *)part->bytes + done, n, at + (off_t)done, what, e))
			return e->code;
		if (n == PIECE && (FAULT() ? (errno = EIO, -1) : fdatasync(fd)))
			return error_errno(e, errno, what);
	}
	return OK;
}

static enum code write_parts(int fd, const struct durable_part *parts, size_t n, struct stop *stop,
	const char *what, struct error *e)
{
	off_t at = 0;

	for (size_t i = 0; i < n; at += (off_t)parts[i++].n)
		if (write_part(fd, &parts[i], at, stop, what, e))
			return e->code;
	return OK;
}

enum code durable_file(const char *path, const struct durable_part *parts, size_t n,
	struct stop *stop, const char *what, struct error *e)
{
	char aside[PATH_MAX];

	if (snprintf(aside, sizeof aside, "%s.tmp", path) >= (int)sizeof aside)
		return error_errno(e, ENAMETOOLONG, what);
	int fd = FAULT() ? (errno = ENOSPC, -1)
			 : open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(e, errno, what);
	enum code rc = write_parts(fd, parts, n, stop, what, e);
	if (rc)
		close(fd);
	else
		rc = durable_close(fd, what, e);
	if (!rc)
		rc = durable_rename(aside, path, what, e);
	if (rc)
		unlink(aside);
	return rc;
}

ssize_t durable_read_up_to(int fd, void *to, size_t n)
{
	size_t have = 0;

	while (have < n) {
		size_t left = n - have, some = left < PIECE ? left : PIECE;
		ssize_t got = FAULT() ? (errno = EIO, -1) : read(fd, (char *)to + have, some);
		if (!got)
			break;
		if (got < 0 && errno != EINTR)
			return -1;
		have += got > 0 ? (size_t)got : 0;
	}
	return (ssize_t)have;
}

bool durable_read(int fd, void *to, size_t n)
{
	return durable_read_up_to(fd, to, n) == (ssize_t)n;
}
