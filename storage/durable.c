#include "storage/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/fault.h"

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
