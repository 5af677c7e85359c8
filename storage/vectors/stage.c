/*
 * An append, and what can go wrong with it.
 *
 *   1. Under the lock, the record is written at `end`, and `end` moves behind it. A write that fails
 *      is cut off again at once: nobody else can have written behind it.
 *   2. Whoever finds nobody syncing becomes the leader: it lets go of the lock, syncs the file, and
 *      moves `durable` to where `end` was before the sync. The others wait; most find themselves
 *      durable when they wake, one leads the next round.
 *   3. A sync that fails must never be tried again on the same pages: the kernel may have dropped
 *      them and report success. So the file is cut back to `durable`, `cuts` is counted up, and
 *      everyone whose record was cut fails. Later appends write anew.
 *   4. When even the cut fails, the log is broken: it takes nothing until it is opened again.
 *
 * A crash leaves whole records up to `durable` and anything behind it. Records are self-checking,
 * so opening reads from the front, stops at the first that does not check, and cuts there: what is
 * lost was never acknowledged.
 */
#include "storage/vectors/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "proto/fault.h"
#include "storage/durable.h"

static const char deed[] = "write uploaded vectors";

struct stage_header {
	char magic[8];
	uint32_t dimension, dtype;
	uint64_t generation;
	uint64_t hash; /* of all before it */
};

struct record {
	uint32_t magic, side, count, unused;
	uint64_t bytes; /* of the numbers and rows that follow */
	uint64_t hash;	/* of all before it, then of what follows */
};

enum { RECORD_MAGIC = 0x57524d48 };

struct stage {
	int fd;
	struct vectors_about about;
	size_t row_bytes;
	pthread_mutex_t lock;
	pthread_cond_t synced;
	uint64_t end, durable;
	unsigned cuts;
	bool syncing, broken;
};

static uint64_t record_hash(const struct record *r, const void *numbers, const void *rows)
{
	size_t numbers_bytes = r->count * sizeof(uint32_t);
	uint64_t hash = XXH3_64bits(r, offsetof(struct record, hash));

	hash = XXH3_64bits_withSeed(numbers, numbers_bytes, hash);
	return XXH3_64bits_withSeed(rows, r->bytes - numbers_bytes, hash);
}

/* The length of the whole record at `at`, or 0 when there is none that checks. */
static size_t record_check(const struct stage *s, const unsigned char *at, size_t left)
{
	struct record r;
	uint64_t want;

	if (left < sizeof r)
		return 0;
	memcpy(&r, at, sizeof r);
	if (r.magic != RECORD_MAGIC || r.side > PB__SIDE__SIDE_QUERY || r.count == 0 ||
		__builtin_mul_overflow((uint64_t)r.count, s->row_bytes + sizeof(uint32_t), &want) ||
		r.bytes != want || r.bytes > left - sizeof r)
		return 0;
	const unsigned char *numbers = at + sizeof r;
	if (record_hash(&r, numbers, numbers + r.count * sizeof(uint32_t)) != r.hash)
		return 0;
	return sizeof r + r.bytes;
}

static struct stage_header header_of(const struct vectors_about *about)
{
	struct stage_header h = {"HMSTAGE1", about->dimension, about->dtype, about->generation, 0};

	h.hash = XXH3_64bits(&h, offsetof(struct stage_header, hash));
	return h;
}

/* Makes the log with its header, whole or not at all. */
static enum code create(const char *path, const struct vectors_about *about, struct error *e)
{
	struct stage_header h = header_of(about);
	char aside[PATH_MAX];

	if (snprintf(aside, sizeof aside, "%s.tmp", path) >= (int)sizeof aside)
		return error_errno(e, ENAMETOOLONG, deed);
	int fd = FAULT() ? (errno = ENOSPC, -1)
			 : open(aside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_errno(e, errno, deed);
	if (durable_write(fd, &h, sizeof h, 0, deed, e)) {
		close(fd);
		return e->code;
	}
	if (durable_close(fd, deed, e))
		return e->code;
	return durable_rename(aside, path, deed, e);
}

static enum code map_log(int fd, size_t bytes, unsigned char **out, struct error *e)
{
	void *map = FAULT() ? (errno = ENOMEM, MAP_FAILED)
			    : mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return error_errno(e, errno, "read uploaded vectors");
	*out = map;
	return OK;
}

/* Finds the end of the whole records and cuts what is behind it. */
static enum code recover(struct stage *s, struct error *e)
{
	struct stage_header want = header_of(&s->about);
	struct stat st;
	unsigned char *map;

	if (fstat(s->fd, &st))
		return error_errno(e, errno, "look at uploaded vectors");
	size_t n = (size_t)st.st_size, at = sizeof want, length;
	if (n < sizeof want)
		return error_set(e, DATA_LOSS, "CORRUPT_FILE",
			"The log of uploaded vectors has lost its head; begin a generation anew.");
	if (map_log(s->fd, n, &map, e))
		return e->code;
	bool ours = !memcmp(map, &want, sizeof want);
	while (ours && (length = record_check(s, map + at, n - at)))
		at += length;
	munmap(map, n);
	if (!ours)
		return error_set(e, DATA_LOSS, "CORRUPT_FILE",
			"The log of uploaded vectors is not of this generation; begin one anew.");
	s->end = s->durable = at;
	if (FAULT() ? (errno = EIO, -1) : (ftruncate(s->fd, (off_t)at) || fdatasync(s->fd)))
		return error_errno(e, errno, "recover uploaded vectors");
	return OK;
}

enum code stage_open(
	const char *path, const struct vectors_about *about, struct stage **out, struct error *e)
{
	if (access(path, F_OK) && create(path, about, e))
		return e->code;
	struct stage *s = FAULT() ? NULL : calloc(1, sizeof *s);
	if (!s)
		return error_memory(e);
	s->about = *about;
	s->row_bytes = about->dimension * dtype_bytes(about->dtype);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->synced, NULL);
	s->fd = FAULT() ? (errno = EIO, -1) : open(path, O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		error_errno(e, errno, "open uploaded vectors");
	if (s->fd < 0 || recover(s, e)) {
		stage_close(s);
		return e->code;
	}
	*out = s;
	return OK;
}

struct stage *stage_close(struct stage *s)
{
	if (!s)
		return NULL;
	if (s->fd >= 0)
		close(s->fd);
	pthread_cond_destroy(&s->synced);
	pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

/* Cuts the log back to `to`; everyone who wrote behind it fails. */
static void cut(struct stage *s, uint64_t to)
{
	if (ftruncate(s->fd, (off_t)to))
		s->broken = true;
	s->end = to;
}

static enum code write_record(struct stage *s, const struct record *r, const uint32_t *numbers,
	const void *rows, struct error *e)
{
	size_t numbers_bytes = r->count * sizeof *numbers, rows_bytes = r->bytes - numbers_bytes;
	off_t at = (off_t)s->end;

	if (durable_write(s->fd, r, sizeof *r, at, deed, e) ||
		durable_write(s->fd, numbers, numbers_bytes, at += sizeof *r, deed, e) ||
		durable_write(s->fd, rows, rows_bytes, at += (off_t)numbers_bytes, deed, e)) {
		cut(s, s->end);
		return e->code;
	}
	s->end += sizeof *r + r->bytes;
	return OK;
}

/* Leads one sync; the lock is held on entry and on return, and let go of meanwhile. */
static void sync_log(struct stage *s)
{
	uint64_t target = s->end;

	s->syncing = true;
	pthread_mutex_unlock(&s->lock);
	int rc = FAULT() ? -1 : fdatasync(s->fd);
	pthread_mutex_lock(&s->lock);
	s->syncing = false;
	if (rc) {
		cut(s, s->durable);
		s->cuts++;
	} else if (target > s->durable) {
		s->durable = target;
	}
	pthread_cond_broadcast(&s->synced);
}

static enum code append_locked(struct stage *s, const struct record *r, const uint32_t *numbers,
	const void *rows, struct error *e)
{
	if (s->broken)
		return error_set(e, INTERNAL, "IO_ERROR",
			"The log of uploaded vectors failed before; restart the daemon.");
	if (write_record(s, r, numbers, rows, e))
		return e->code;
	uint64_t mine = s->end;
	unsigned cuts = s->cuts;
	while (s->durable < mine && s->cuts == cuts)
		if (s->syncing)
			pthread_cond_wait(&s->synced, &s->lock);
		else
			sync_log(s);
	if (s->cuts != cuts)
		return error_set(e, INTERNAL, "IO_ERROR",
			"Could not %s: the disk did not take them. Send them again.", deed);
	return OK;
}

enum code stage_append(struct stage *s, Pb__Side side, const uint32_t *numbers, const void *rows,
	uint32_t n, struct error *e)
{
	struct record r = {RECORD_MAGIC, side, n, 0, n * (s->row_bytes + sizeof *numbers), 0};

	r.hash = record_hash(&r, numbers, rows);
	pthread_mutex_lock(&s->lock);
	enum code rc = append_locked(s, &r, numbers, rows, e);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

struct entry {
	uint32_t number;
	uint64_t at;
};

struct entries {
	struct entry *entry;
	size_t n, cap;
};

static enum code entries_add(struct entries *l, uint32_t number, uint64_t at, struct error *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 1024;
		struct entry *more = FAULT() ? NULL : realloc(l->entry, cap * sizeof *more);
		if (!more)
			return error_memory(e);
		l->entry = more;
		l->cap = cap;
	}
	l->entry[l->n++] = (struct entry){number, at};
	return OK;
}

/* Adds every row of this side in the map, in the order of their arrival. */
static enum code list_rows(const struct stage *s, const unsigned char *map, size_t n, Pb__Side side,
	struct entries *l, struct error *e)
{
	struct record r;
	size_t length;

	for (size_t at = sizeof(struct stage_header); at < n; at += length) {
		length = record_check(s, map + at, n - at);
		if (!length)
			return error_set(e, DATA_LOSS, "CORRUPT_FILE",
				"The log of uploaded vectors is damaged; begin a generation anew.");
		memcpy(&r, map + at, sizeof r);
		const unsigned char *numbers = map + at + sizeof r;
		uint64_t rows = at + sizeof r + r.count * sizeof(uint32_t);
		for (uint32_t i = 0; r.side == side && i < r.count; i++) {
			uint32_t number;
			memcpy(&number, numbers + i * sizeof number, sizeof number);
			if (entries_add(l, number, rows + i * s->row_bytes, e))
				return e->code;
		}
	}
	return OK;
}

static int by_number(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Keeps the last row of each number. */
static enum code keep_last(struct entries *l, struct staged *out, struct error *e)
{
	uint32_t *numbers = FAULT() ? NULL : malloc((l->n + 1) * sizeof *numbers);
	uint64_t *at = FAULT() ? NULL : malloc((l->n + 1) * sizeof *at);

	if (!numbers || !at) {
		free(numbers);
		free(at);
		return error_memory(e);
	}
	if (l->n)
		qsort(l->entry, l->n, sizeof *l->entry, by_number);
	out->count = 0;
	for (size_t i = 0; i < l->n; i++) {
		if (i + 1 < l->n && l->entry[i + 1].number == l->entry[i].number)
			continue;
		numbers[out->count] = l->entry[i].number;
		at[out->count++] = l->entry[i].at;
	}
	out->numbers = numbers;
	out->at = at;
	return OK;
}

enum code stage_collect(struct stage *s, Pb__Side side, struct staged *out, struct error *e)
{
	struct entries l = {0};
	unsigned char *map;

	pthread_mutex_lock(&s->lock);
	size_t n = s->durable;
	pthread_mutex_unlock(&s->lock);
	if (map_log(s->fd, n, &map, e))
		return e->code;
	enum code rc = list_rows(s, map, n, side, &l, e);
	if (!rc)
		rc = keep_last(&l, out, e);
	free(l.entry);
	if (rc) {
		munmap(map, n);
		return rc;
	}
	out->map = map;
	out->map_bytes = n;
	return OK;
}

void staged_free(struct staged *t)
{
	if (t->map)
		munmap(t->map, t->map_bytes);
	free(t->numbers);
	free(t->at);
	*t = (struct staged){0};
}
