#include "storage/vectors/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "proto/fault.h"
#include "storage/durable.h"
#include "storage/vectors/format.h"

struct vectors_writer {
	int fd;
	char path[PATH_MAX], aside[PATH_MAX];
	struct format_layout layout;
	uint64_t count, written; /* rows */
	XXH3_state_t *block;
	unsigned char *tail; /* layout.tail_bytes: padding, tables, hash */
};

static const char deed[] = "write a vector file";

void vectors_abandon(struct vectors_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0) {
		close(w->fd);
		unlink(w->aside);
	}
	XXH3_freeState(w->block);
	free(w->tail);
	free(w);
}

static enum code writer_new(const char *path, const struct format_layout *layout, uint32_t count,
	struct vectors_writer **out, struct error *e)
{
	struct vectors_writer *w = FAULT() ? NULL : calloc(1, sizeof *w);

	if (!w)
		return error_memory(e);
	w->fd = -1;
	w->layout = *layout;
	w->count = count;
	w->tail = FAULT() ? NULL : calloc(1, layout->tail_bytes);
	w->block = FAULT() ? NULL : XXH3_createState();
	if (!w->tail || !w->block) {
		vectors_abandon(w);
		return error_memory(e);
	}
	if (snprintf(w->path, sizeof w->path, "%s", path) >= (int)sizeof w->path ||
		snprintf(w->aside, sizeof w->aside, "%s.tmp", path) >= (int)sizeof w->aside) {
		vectors_abandon(w);
		return error_errno(e, ENAMETOOLONG, deed);
	}
	XXH3_64bits_reset(w->block);
	w->fd = FAULT() ? (errno = ENOSPC, -1)
			: open(w->aside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (w->fd < 0) {
		int err = errno;
		vectors_abandon(w);
		return error_errno(e, err, deed);
	}
	*out = w;
	return OK;
}

static enum code write_head(struct vectors_writer *w, const struct vectors_about *about,
	const uint32_t *numbers, struct error *e)
{
	struct format_header h = {.version = FORMAT_VERSION,
		.side = about->side,
		.dtype = about->dtype,
		.similarity = about->similarity,
		.dimension = about->dimension,
		.encoder_bytes = (uint32_t)strlen(about->encoder),
		.count = w->count,
		.generation = about->generation,
		.step = about->step};
	size_t bytes = w->layout.numbers_bytes;
	unsigned char *padded = FAULT() ? NULL : calloc(1, bytes + 1);

	if (!padded)
		return error_memory(e);
	if (w->count)
		memcpy(padded, numbers, w->count * sizeof *numbers);
	memcpy(h.magic, format_magic, sizeof h.magic);
	memcpy(h.encoder, about->encoder, h.encoder_bytes);
	h.numbers_hash = XXH3_64bits(padded, bytes);
	h.hash = XXH3_64bits(&h, offsetof(struct format_header, hash));
	enum code rc = durable_write(w->fd, &h, sizeof h, 0, deed, e);
	if (!rc)
		rc = durable_write(w->fd, padded, bytes, (off_t)w->layout.numbers, deed, e);
	free(padded);
	return rc;
}

enum code vectors_create(const char *path, const struct vectors_about *about,
	const uint32_t *numbers, uint32_t count, struct vectors_writer **out, struct error *e)
{
	struct format_layout layout;
	struct vectors_writer *w;

	if (!format_layout(count, about->dimension, dtype_bytes(about->dtype), &layout))
		return error_memory(e);
	if (writer_new(path, &layout, count, &w, e))
		return e->code;
	if (write_head(w, about, numbers, e)) {
		vectors_abandon(w);
		return e->code;
	}
	*out = w;
	return OK;
}

static void end_block(struct vectors_writer *w)
{
	uint64_t hash = XXH3_64bits_digest(w->block);
	size_t block = (w->written - 1) / BLOCK_ROWS;

	memcpy(w->tail + w->layout.padding + block * sizeof hash, &hash, sizeof hash);
	XXH3_64bits_reset(w->block);
}

enum code vectors_append(struct vectors_writer *w, const void *rows, uint32_t n, struct error *e)
{
	size_t row = w->layout.row_bytes;
	const char *from = rows;

	assert(n <= w->count - w->written);
	if (durable_write(
		    w->fd, rows, n * row, (off_t)(w->layout.rows + w->written * row), deed, e))
		return e->code;
	for (; n; n--, from += row) {
		XXH3_64bits_update(w->block, from, row);
		if (++w->written % BLOCK_ROWS == 0 || w->written == w->count)
			end_block(w);
	}
	return OK;
}

enum code vectors_commit(struct vectors_writer *w, struct error *e)
{
	size_t tables = w->layout.tail_bytes - sizeof(uint64_t);
	uint64_t hash = XXH3_64bits(w->tail, tables);
	int fd = w->fd;

	assert(w->written == w->count);
	memcpy(w->tail + tables, &hash, sizeof hash);
	enum code rc =
		durable_write(fd, w->tail, w->layout.tail_bytes, (off_t)w->layout.tail, deed, e);
	if (!rc) {
		w->fd = -1;
		rc = durable_close(fd, deed, e);
		if (!rc)
			rc = durable_rename(w->aside, w->path, deed, e);
		if (rc)
			unlink(w->aside);
	}
	vectors_abandon(w);
	return rc;
}
