#include "storage/exact/codes_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "proto/fault.h"
#include "storage/durable.h"

static const char deed[] = "write the codes of a generation";

/* Before the blocks. */
struct header {
	uint64_t hash; /* of the rest of this */
	char magic[8]; /* a new one for every other way of making codes */
	uint64_t fingerprint;
	double longest;
	uint32_t rows, blocks;
	uint64_t blocks_hash;
};

static size_t size_of(const struct codes *c)
{
	return c->blocks * c->block_bytes;
}

static struct header header_of(const struct codes *c, const struct vectors *of)
{
	struct header h = {.magic = "HMCODES1",
		.fingerprint = of->fingerprint,
		.longest = c->longest,
		.rows = c->rows,
		.blocks = c->blocks,
		.blocks_hash = XXH3_64bits(c->block, size_of(c))};

	h.hash = XXH3_64bits((char *)&h + sizeof h.hash, sizeof h - sizeof h.hash);
	return h;
}

static enum code write_all(int fd, const struct codes *c, const struct vectors *of, struct error *e)
{
	struct header h = header_of(c, of);

	if (durable_write(fd, &h, sizeof h, 0, deed, e))
		return e->code;
	return durable_write(fd, c->block, size_of(c), sizeof h, deed, e);
}

enum code codes_save(
	const struct codes *c, const struct vectors *of, const char *path, struct error *e)
{
	char aside[PATH_MAX];

	if (snprintf(aside, sizeof aside, "%s.tmp", path) >= (int)sizeof aside)
		return error_errno(e, ENAMETOOLONG, deed);
	int fd = FAULT() ? (errno = ENOSPC, -1)
			 : open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(e, errno, deed);
	enum code rc = write_all(fd, c, of, e);
	close(fd);
	if (!rc && rename(aside, path))
		rc = error_errno(e, errno, deed);
	if (rc)
		unlink(aside);
	return rc;
}

static bool read_all(int fd, void *to, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = read(fd, (char *)to + done, n - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

/* Fills in empty codes. The header is compared as a whole with what it would be of what was read. */
static bool read_codes(int fd, const struct vectors *of, struct codes *c)
{
	struct header h, want;
	struct stat st;

	if (!read_all(fd, &h, sizeof h) || h.rows != of->count ||
		h.blocks != (of->count + (uint64_t)CODE_BLOCK - 1) / CODE_BLOCK || fstat(fd, &st) ||
		(uint64_t)st.st_size != sizeof h + h.blocks * c->block_bytes ||
		!codes_reserve(c, h.blocks))
		return false;
	c->rows = h.rows;
	c->blocks = h.blocks;
	c->longest = h.longest;
	if (!read_all(fd, c->block, size_of(c)))
		return false;
	want = header_of(c, of);
	return !memcmp(&h, &want, sizeof h);
}

struct codes *codes_load(const struct vectors *of, const char *path)
{
	int fd = FAULT() ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	struct codes *c;

	if (fd < 0)
		return NULL;
	c = codes_new(of->about.dimension, of->about.similarity);
	if (c && !read_codes(fd, of, c)) {
		codes_free(c);
		c = NULL;
	}
	close(fd);
	return c;
}
