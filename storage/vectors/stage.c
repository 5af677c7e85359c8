/*
 * An append, and what can go wrong with it.
 *
 *   1. Under the lock, the rows are written behind those of their side, and a record with their
 *      numbers and their hash at the `end` of the log, which moves behind it. A write that fails is
 *      cut off again at once: nobody else can have written behind it.
 *   2. Whoever finds nobody syncing becomes the leader: it lets go of the lock, syncs rows and log,
 *      and moves `durable` to where `end` was before the sync. The others wait; most find themselves
 *      durable when they wake, one leads the next round.
 *   3. Whoever finds nobody learning does that first, also without the lock: it hashes and encodes
 *      what came in, while the disk is busy with it. A failure there is nobody's loss: what is not
 *      learnt now is learnt when the file is sealed.
 *   4. A sync that fails must never be tried again on the same pages: the kernel may have dropped
 *      them and report success. So everything is cut back to `durable`, `cuts` is counted up, and
 *      everyone whose record was cut fails. Later appends write anew.
 *   5. When even the cut fails, the stage is broken: it takes nothing until it is opened again.
 *
 * A crash leaves whole records up to `durable` and anything behind it, and the disk may have taken
 * the log before the rows. Records check themselves and, by a hash, their rows. So opening reads
 * from the front, stops at the first that does not check, and cuts there: what is lost was never
 * acknowledged. Unless a later record says that it was: each notes how far the log was durable when
 * it was written. Then the disk has lost what it promised to keep, and that is not passed over.
 *
 * Sealing writes behind the rows and into the header's place, and touches no row and no record: it
 * may be torn at any byte, opening cuts it off.
 */
#include "storage/vectors/stage.h"

#include <assert.h>
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
#include "storage/vectors/writer.h"

static const char deed[] = "write uploaded vectors";

enum { SIDES = 2, RECORD_MAGIC = 0x57524d48 };

struct stage_header {
	char magic[8];
	uint32_t dimension, dtype;
	uint64_t generation;
	uint64_t hash; /* of all before it */
};

struct record { /* its numbers follow, and zeros up to 8 bytes */
	uint32_t magic, side, count, unused;
	uint64_t first;	    /* row of the side */
	uint64_t rows_hash; /* of the rows */
	uint64_t durable;   /* how much of the log was, at the time */
	uint64_t hash;	    /* of all before it, then of the numbers */
};

struct stage {
	int fd; /* of the log */
	struct vectors_about about;
	size_t row_bytes;
	struct writer *rows[SIDES];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t end, durable;	      /* of the log */
	uint32_t durable_rows[SIDES]; /* those that belong to it */
	uint32_t learnt[SIDES];
	unsigned cuts;
	bool syncing, learning, broken;
};

static size_t numbers_bytes(uint32_t count)
{
	return ((size_t)count * sizeof(uint32_t) + 7) & ~(size_t)7;
}

static uint64_t record_hash(const struct record *r, const void *numbers)
{
	uint64_t hash = XXH3_64bits(r, offsetof(struct record, hash));

	return XXH3_64bits_withSeed(numbers, r->count * sizeof(uint32_t), hash);
}

/* Reads the record at `at`; its whole length, or 0 when there is none that checks. */
static size_t record_read(const unsigned char *at, size_t left, struct record *r)
{
	if (left < sizeof *r)
		return 0;
	memcpy(r, at, sizeof *r);
	if (r->magic != RECORD_MAGIC || r->side >= SIDES || r->count == 0 ||
		numbers_bytes(r->count) > left - sizeof *r ||
		record_hash(r, at + sizeof *r) != r->hash)
		return 0;
	return sizeof *r + numbers_bytes(r->count);
}

static struct stage_header header_of(const struct vectors_about *about)
{
	struct stage_header h = {"HMSTAGE2", about->dimension, about->dtype, about->generation, 0};

	h.hash = XXH3_64bits(&h, offsetof(struct stage_header, hash));
	return h;
}

static enum code damaged(struct error *e, const char *how)
{
	return error_set(
		e, DATA_LOSS, "CORRUPT_FILE", "Uploaded vectors %s; begin a generation anew.", how);
}

/* Opens the files of both sides, anew or as they are. */
static enum code open_rows(
	struct stage *s, const struct stage_paths *paths, bool existing, struct error *e)
{
	for (int side = 0; side < SIDES; side++) {
		struct vectors_about about = s->about;
		about.side = (Pb__Side)side;
		if (!writer_open(paths->rows[side], &about, existing, &s->rows[side], e))
			continue;
		return e->code == NOT_FOUND ? damaged(e, "are gone") : e->code;
	}
	return OK;
}

/* Makes the log with its header, whole or not at all; the files of rows are there before it. */
static enum code make_log(const char *path, const struct vectors_about *about, struct error *e)
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

/* Whether a record behind `at` knows that what is at `at` was durable. */
static bool was_durable(const unsigned char *log, size_t n, size_t at)
{
	struct record r;

	for (size_t later = at + 8; later < n; later += 8)
		if (record_read(log + later, n - later, &r) && r.durable > at)
			return true;
	return false;
}

/* Takes the rows of all whole records, and moves `end` behind them. */
static enum code adopt(struct stage *s, const unsigned char *log, size_t n, struct error *e)
{
	struct record r;
	size_t at = sizeof(struct stage_header), length;

	for (; (length = record_read(log + at, n - at, &r)); at += length) {
		struct writer *w = s->rows[r.side];
		const uint32_t *numbers = (const uint32_t *)(log + at + sizeof r);
		if (r.first != writer_count(w))
			break;
		enum code rc = writer_adopt(w, numbers, r.count, r.rows_hash, e);
		if (rc == OUT_OF_RANGE)
			break;
		if (rc || writer_learn(w, writer_count(w), NULL, e))
			return e->code;
	}
	s->end = at;
	return was_durable(log, n, at) ? damaged(e, "are damaged") : OK;
}

/* Drops what is behind the whole records, for good. */
static enum code cut_torn(struct stage *s, struct error *e)
{
	for (int side = 0; side < SIDES; side++) {
		s->durable_rows[side] = writer_count(s->rows[side]);
		s->learnt[side] = writer_learnt(s->rows[side]);
		if (writer_cut(s->rows[side], s->durable_rows[side], e) ||
			writer_sync(s->rows[side], e))
			return e->code;
	}
	s->durable = s->end;
	if (FAULT() ? (errno = EIO, -1) : (ftruncate(s->fd, (off_t)s->end) || fdatasync(s->fd)))
		return error_errno(e, errno, "recover uploaded vectors");
	return OK;
}

static enum code recover(struct stage *s, struct error *e)
{
	struct stage_header want = header_of(&s->about);
	struct stat st;

	if (fstat(s->fd, &st))
		return error_errno(e, errno, "look at uploaded vectors");
	size_t n = (size_t)st.st_size;
	if (n < sizeof want)
		return damaged(e, "have lost their log");
	void *log = FAULT() ? (errno = ENOMEM, MAP_FAILED)
			    : mmap(NULL, n, PROT_READ, MAP_SHARED, s->fd, 0);
	if (log == MAP_FAILED)
		return error_errno(e, errno, "read uploaded vectors");
	enum code rc = memcmp(log, &want, sizeof want) ? damaged(e, "are of another generation")
						       : adopt(s, log, n, e);
	munmap(log, n);
	return rc ? rc : cut_torn(s, e);
}

static enum code open_files(struct stage *s, const struct stage_paths *paths, struct error *e)
{
	bool existing = access(paths->log, F_OK) == 0;

	if (open_rows(s, paths, existing, e) || (!existing && make_log(paths->log, &s->about, e)))
		return e->code;
	s->fd = FAULT() ? (errno = EIO, -1) : open(paths->log, O_RDWR | O_CLOEXEC);
	return s->fd < 0 ? error_errno(e, errno, "open uploaded vectors") : recover(s, e);
}

enum code stage_open(const struct stage_paths *paths, const struct vectors_about *about,
	struct stage **out, struct error *e)
{
	struct stage *s = FAULT() ? NULL : calloc(1, sizeof *s);

	if (!s)
		return error_memory(e);
	s->fd = -1;
	s->about = *about;
	s->row_bytes = about->dimension * dtype_bytes(about->dtype);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if (open_files(s, paths, e)) {
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
	for (int side = 0; side < SIDES; side++)
		writer_close(s->rows[side]);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

/* Cuts everything behind these off again; nobody has been told of it. */
static void cut(struct stage *s, uint64_t end, const uint32_t *rows)
{
	struct error ignored;

	for (int side = 0; side < SIDES; side++)
		if (writer_cut(s->rows[side], rows[side], &ignored))
			s->broken = true;
	if (ftruncate(s->fd, (off_t)end))
		s->broken = true;
	s->end = end;
}

/* The rows, and then who they are. */
static enum code write_record(struct stage *s, struct record *r, const uint32_t *numbers,
	const void *rows, struct error *e)
{
	struct writer *w = s->rows[r->side];
	off_t at = (off_t)s->end;
	uint64_t zeros = 0;
	size_t bytes = r->count * sizeof *numbers, padding = numbers_bytes(r->count) - bytes;

	r->first = writer_count(w);
	r->durable = s->durable;
	r->hash = record_hash(r, numbers);
	if (writer_append(w, numbers, rows, r->count, e))
		return e->code;
	if (durable_write(s->fd, r, sizeof *r, at, deed, e) ||
		durable_write(s->fd, numbers, bytes, at += (off_t)sizeof *r, deed, e) ||
		durable_write(s->fd, &zeros, padding, at + (off_t)bytes, deed, e))
		return e->code;
	/* Given its blocks now, the log goes to disk with the rows, in one commit of the file system. */
	sync_file_range(s->fd, (off_t)s->end, 0, SYNC_FILE_RANGE_WRITE);
	s->end += sizeof *r + bytes + padding;
	return OK;
}

/* One append that is written and waits. */
struct waiting {
	Pb__Side side;
	uint32_t first, n; /* its rows */
	const void *rows;
	uint64_t end;
	unsigned cuts;
	bool gave_up; /* learning */
};

/* Leads one round of learning, of its own rows when all before them are learnt, else of all there
 * are. The lock is held on entry and on return, and let go of meanwhile. */
static enum code learn(struct stage *s, const struct waiting *wait)
{
	struct writer *w = s->rows[wait->side];
	uint32_t target = writer_count(w);
	bool my_turn = s->learnt[wait->side] == wait->first;
	struct error ignored;

	s->learning = true;
	pthread_mutex_unlock(&s->lock);
	enum code rc = my_turn ? writer_learn_these(w, wait->rows, wait->n, &ignored)
			       : writer_learn(w, target, NULL, &ignored);
	pthread_mutex_lock(&s->lock);
	s->learning = false;
	s->learnt[wait->side] = writer_learnt(w);
	pthread_cond_broadcast(&s->changed);
	return rc;
}

static enum code sync_files(struct stage *s, const uint32_t *rows, struct error *e)
{
	for (int side = 0; side < SIDES; side++)
		if (rows[side] > s->durable_rows[side] && writer_sync(s->rows[side], e))
			return e->code;
	if (FAULT() ? (errno = EIO, -1) : fdatasync(s->fd))
		return error_errno(e, errno, deed);
	return OK;
}

/* After a sync that failed. Whoever learns is waited for, and forgets; what is written meanwhile
 * is cut, too. */
static void cut_undurable(struct stage *s)
{
	while (s->learning)
		pthread_cond_wait(&s->changed, &s->lock);
	cut(s, s->durable, s->durable_rows);
	for (int side = 0; side < SIDES; side++) {
		writer_forget(s->rows[side], s->durable_rows[side]);
		s->learnt[side] = writer_learnt(s->rows[side]);
	}
	s->cuts++;
}

/* Leads one sync; the lock as above. Only a leader moves what is durable. */
static void lead_sync(struct stage *s)
{
	uint64_t target = s->end;
	uint32_t rows[SIDES] = {writer_count(s->rows[0]), writer_count(s->rows[1])};
	struct error ignored;

	s->syncing = true;
	pthread_mutex_unlock(&s->lock);
	enum code rc = sync_files(s, rows, &ignored);
	pthread_mutex_lock(&s->lock);
	if (rc)
		cut_undurable(s);
	if (!rc) {
		s->durable = target;
		memcpy(s->durable_rows, rows, sizeof rows);
	}
	s->syncing = false;
	pthread_cond_broadcast(&s->changed);
}

static enum code broken(struct error *e)
{
	return error_set(e, INTERNAL, "IO_ERROR",
		"The files of uploaded vectors failed before; restart the daemon.");
}

static enum code lost(struct error *e)
{
	return error_set(e, INTERNAL, "IO_ERROR",
		"Could not %s: the disk did not take them. Send them again.", deed);
}

static bool unlearnt(const struct stage *s, const struct waiting *w)
{
	return !w->gave_up && s->learnt[w->side] < w->first + w->n;
}

static void do_something(struct stage *s, struct waiting *w)
{
	if (unlearnt(s, w) && !s->learning)
		w->gave_up = learn(s, w) != OK;
	else if (s->durable < w->end && !s->syncing)
		lead_sync(s);
	else
		pthread_cond_wait(&s->changed, &s->lock);
}

static enum code append_locked(struct stage *s, struct record *r, const uint32_t *numbers,
	const void *rows, struct error *e)
{
	uint32_t before[SIDES] = {writer_count(s->rows[0]), writer_count(s->rows[1])};
	struct waiting w = {.side = (Pb__Side)r->side,
		.first = before[r->side],
		.n = r->count,
		.rows = rows,
		.cuts = s->cuts};

	if (s->broken)
		return broken(e);
	if (write_record(s, r, numbers, rows, e)) {
		cut(s, s->end, before);
		return e->code;
	}
	w.end = s->end;
	while (s->durable < w.end && s->cuts == w.cuts)
		do_something(s, &w);
	if (s->cuts != w.cuts)
		return lost(e);
	while (unlearnt(s, &w) && s->cuts == w.cuts)
		do_something(s, &w);
	return OK;
}

enum code stage_append(struct stage *s, Pb__Side side, const uint32_t *numbers, const void *rows,
	uint32_t n, struct error *e)
{
	struct record r = {.magic = RECORD_MAGIC,
		.side = side,
		.count = n,
		.rows_hash = XXH3_64bits(rows, n * s->row_bytes)};

	pthread_mutex_lock(&s->lock);
	enum code rc = append_locked(s, &r, numbers, rows, e);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

enum code stage_seal(struct stage *s, Pb__Side side, const struct progress *progress,
	uint32_t *live, struct error *e)
{
	*live = 0;
	if (s->broken)
		return broken(e);
	if (!writer_count(s->rows[side]))
		return OK;
	enum code rc = writer_seal(s->rows[side], progress, live, e);
	s->learnt[side] = writer_learnt(s->rows[side]);
	return rc;
}

struct codes_builder *stage_take_codes(struct stage *s)
{
	struct codes_builder *taken = writer_take_codes(s->rows[PB__SIDE__SIDE_DOCUMENT]);

	s->learnt[PB__SIDE__SIDE_DOCUMENT] = writer_learnt(s->rows[PB__SIDE__SIDE_DOCUMENT]);
	return taken;
}
