#include "storage/rows/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/fault.h"

static enum code failed(struct error *e, int err, const char *deed, const char *path)
{
	char what[PATH_MAX + 64];

	snprintf(what, sizeof what, "%s %s", deed, path);
	return error_errno(e, err, what);
}

enum code directory_sync(const char *dir, struct error *e)
{
	int fd = FAULT() ? (errno = EIO, -1) : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) ? errno : 0;

	if (fd >= 0)
		close(fd);
	return err ? failed(e, err, "sync the directory", dir) : OK;
}

/* A directory whose name is not on disk takes all that is in it along when the power goes. */
static enum code make(const char *dir, struct error *e)
{
	char copy[PATH_MAX];

	if (strlen(dir) + sizeof "/hardminer.db-journal" > sizeof copy)
		return failed(e, ENAMETOOLONG, "make the data directory", dir);
	if (mkdir(dir, 0700)) {
		if (errno == EEXIST)
			return OK;
		return failed(e, errno, "make the data directory", dir);
	}
	snprintf(copy, sizeof copy, "%s", dir);
	return directory_sync(dirname(copy), e);
}

static enum code in_use(const char *dir, int fd, struct error *e)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof pid - 1, 0);

	if (n > 0)
		pid[strcspn(pid, " ")] = 0;
	return error_set(e, FAILED_PRECONDITION, "DATA_DIRECTORY_IN_USE",
		"The data directory %s is in use by process %s; stop that one or name another "
		"directory.",
		dir, pid[0] ? pid : "of unknown number");
}

/* For the sentence above, in the process that comes second. Always as long, so that on a full disk
 * it goes where the last one was. */
static int write_pid(int fd)
{
	char pid[16];
	int n = snprintf(pid, sizeof pid, "%-12d\n", (int)getpid());

	return pwrite(fd, pid, (size_t)n, 0) == n ? 0 : -1;
}

enum code directory_lock(const char *dir, int *out, struct error *e)
{
	char path[PATH_MAX];

	if (make(dir, e))
		return e->code;
	snprintf(path, sizeof path, "%s/LOCK", dir);
	int fd = FAULT() ? (errno = EIO, -1) : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(e, errno, "open", path);
	if (flock(fd, LOCK_EX | LOCK_NB))
		errno == EWOULDBLOCK ? in_use(dir, fd, e) : failed(e, errno, "lock", path);
	else if (write_pid(fd))
		failed(e, errno, "write", path);
	else {
		*out = fd;
		return OK;
	}
	close(fd);
	return e->code;
}
