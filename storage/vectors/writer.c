#include "storage/vectors/writer.h"

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
#include "storage/exact/codes.h"
#include "storage/vectors/format.h"

struct writer {
	int fd;
	struct vectors_about about;
	size_t row_bytes;
	uint32_t *numbers; /* of all rows; dead ones are marked when the file is sealed */
	size_t numbers_room;
	uint32_t count;
	bool sealed; /* something lies behind the rows */

	/* The learner's. */
	uint32_t learnt;
	XXH3_state_t *block; /* of the block that is not full */
	uint64_t *sums;	     /* of those that are */
	size_t sums_room;
	struct codes_builder *codes; /* of documents */
};

static const char deed[] = "write uploaded vectors";

enum { PIECE_BYTES = 1 << 18 };

static off_t offset_of(const struct writer *w, uint32_t row)
{
	return (off_t)(FORMAT_ROWS + row * w->row_bytes);
}

static enum code open_file(struct writer *w, const char *path, bool existing, struct error *e)
{
	int how = O_RDWR | O_CLOEXEC | (existing ? 0 : O_CREAT | O_TRUNC);

	w->fd = FAULT() ? (errno = ENOSPC, -1) : open(path, how, 0644);
	if (w->fd < 0 && errno == ENOENT && existing)
		return error_set(e, NOT_FOUND, "NO_SUCH_FILE", "There is no file %s.", path);
	return w->fd < 0 ? error_errno(e, errno, deed) : OK;
}

enum code writer_open(const char *path, const struct vectors_about *about, bool existing,
	struct writer **out, struct error *e)
{
	struct writer *w = FAULT() ? NULL : calloc(1, sizeof *w);

	if (!w)
		return error_memory(e);
	w->fd = -1;
	w->about = *about;
	w->row_bytes = about->dimension * dtype_bytes(about->dtype);
	w->block = FAULT() ? NULL : XXH3_createState();
	if (w->block ? open_file(w, path, existing, e) : error_memory(e)) {
		writer_close(w);
		return e->code;
	}
	XXH3_64bits_reset(w->block);
	*out = w;
	return OK;
}

struct writer *writer_close(struct writer *w)
{
	if (!w)
		return NULL;
	if (w->fd >= 0)
		close(w->fd);
	XXH3_freeState(w->block);
	codes_builder_free(w->codes);
	free(w->numbers);
	free(w->sums);
	free(w);
	return NULL;
}

uint32_t writer_count(const struct writer *w)
{
	return w->count;
}

uint32_t writer_learnt(const struct writer *w)
{
	return w->learnt;
}

/* Room for `n` things of `size` in an array that has room for `*room`. */
static void *more_room(void *array, size_t *room, size_t n, size_t size)
{
	size_t want = *room ? *room : 1024;

	if (array && n <= *room)
		return array;
	while (want < n)
		want *= 2;
	void *more = FAULT() ? NULL : realloc(array, want * size);
	if (more)
		*room = want;
	return more;
}

static enum code room_for_numbers(struct writer *w, uint32_t n, struct error *e)
{
	if (n > INT32_MAX - w->count)
		return error_set(e, RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED",
			"A generation takes no more than %d uploaded rows.", INT32_MAX);
	uint32_t *numbers =
		more_room(w->numbers, &w->numbers_room, (size_t)w->count + n, sizeof *numbers);
	if (!numbers)
		return error_memory(e);
	w->numbers = numbers;
	return OK;
}

static void take(struct writer *w, const uint32_t *numbers, uint32_t n)
{
	memcpy(w->numbers + w->count, numbers, n * sizeof *numbers);
	w->count += n;
}

enum code writer_cut(struct writer *w, uint32_t count, struct error *e)
{
	w->count = count;
	if (FAULT() ? (errno = EIO, -1) : ftruncate(w->fd, offset_of(w, count)))
		return error_errno(e, errno, "cut uploaded vectors");
	w->sealed = false;
	return OK;
}

void writer_forget(struct writer *w, uint32_t count)
{
	/* With nothing learnt a failed first piece may have left its rows in the codes. */
	if (w->learnt && w->learnt <= count)
		return;
	w->learnt = 0;
	codes_builder_free(w->codes);
	w->codes = NULL;
	XXH3_64bits_reset(w->block);
}

enum code writer_append(
	struct writer *w, const uint32_t *numbers, const void *rows, uint32_t n, struct error *e)
{
	off_t at = offset_of(w, w->count);
	size_t bytes = n * w->row_bytes;

	if ((w->sealed && writer_cut(w, w->count, e)) || room_for_numbers(w, n, e) ||
		durable_write(w->fd, rows, bytes, at, deed, e))
		return e->code;
	/* Lets the disk begin while the rows are learnt; whether it worked is for the sync to say. */
	if (bytes >= PIECE_BYTES)
		sync_file_range(w->fd, at, (off_t)bytes, SYNC_FILE_RANGE_WRITE);
	take(w, numbers, n);
	return OK;
}

enum code writer_sync(struct writer *w, struct error *e)
{
	if (FAULT() ? (errno = EIO, -1) : fdatasync(w->fd))
		return error_errno(e, errno, deed);
	return OK;
}

static enum code read_rows(
	const struct writer *w, uint32_t first, uint32_t n, unsigned char *out, struct error *e)
{
	size_t left = n * w->row_bytes;
	off_t at = offset_of(w, first);

	while (left) {
		ssize_t got = FAULT() ? (errno = EIO, -1) : pread(w->fd, out, left, at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_errno(e, errno, "read uploaded vectors");
		if (got == 0)
			return error_set(e, OUT_OF_RANGE, "END_OF_FILE",
				"A file of uploaded vectors ends too early.");
		out += got;
		at += got;
		left -= (size_t)got;
	}
	return OK;
}

/* Calls visit(w, rows, n) for the rows [first, end), a piece at a time; no piece crosses the border
 * of a block. They are at `from`, or when that is NULL read from the file. */
static enum code each_piece(struct writer *w, uint32_t first, uint32_t end,
	const unsigned char *from,
	enum code (*visit)(
		struct writer *w, void *arg, const void *rows, uint32_t n, struct error *e),
	void *arg, struct error *e)
{
	uint32_t most = w->row_bytes < PIECE_BYTES ? (uint32_t)(PIECE_BYTES / w->row_bytes) : 1;
	unsigned char *piece = from || FAULT() ? NULL : malloc(most * w->row_bytes);
	enum code rc = from || piece ? OK : error_memory(e);

	for (uint32_t n; !rc && first < end; first += n) {
		n = BLOCK_ROWS - first % BLOCK_ROWS;
		n = n < most ? n : most;
		n = n < end - first ? n : end - first;
		if (!from)
			rc = read_rows(w, first, n, piece, e);
		if (!rc)
			rc = visit(w, arg, from ? from : piece, n, e);
		if (from)
			from += n * w->row_bytes;
	}
	free(piece);
	return rc;
}

static enum code hash_piece(
	struct writer *w, void *state, const void *rows, uint32_t n, struct error *e)
{
	(void)e;
	XXH3_64bits_update(state, rows, n * w->row_bytes);
	return OK;
}

enum code writer_adopt(
	struct writer *w, const uint32_t *numbers, uint32_t n, uint64_t hash, struct error *e)
{
	XXH3_state_t *state;

	if (room_for_numbers(w, n, e))
		return e->code;
	state = FAULT() ? NULL : XXH3_createState();
	if (!state)
		return error_memory(e);
	XXH3_64bits_reset(state);
	enum code rc = each_piece(w, w->count, w->count + n, NULL, hash_piece, state, e);
	if (!rc && XXH3_64bits_digest(state) != hash)
		rc = error_set(e, OUT_OF_RANGE, "TORN_ROWS", "Uploaded vectors are torn.");
	XXH3_freeState(state);
	if (!rc)
		take(w, numbers, n);
	return rc;
}

/* All of a piece is learnt, or the piece is not; or nothing is any more. */
static enum code learn_piece(
	struct writer *w, void *progress, const void *rows, uint32_t n, struct error *e)
{
	uint32_t block = w->learnt / BLOCK_ROWS;
	uint64_t *sums = more_room(w->sums, &w->sums_room, block + 1, sizeof *sums);

	if (!sums)
		return error_memory(e);
	w->sums = sums;
	if (progress_check(progress, e))
		return e->code;
	if (w->codes && codes_builder_add(w->codes, rows, n, e)) {
		writer_forget(w, 0); /* what it knows now is more than we learnt */
		return e->code;
	}
	XXH3_64bits_update(w->block, rows, n * w->row_bytes);
	w->learnt += n;
	if (w->learnt % BLOCK_ROWS == 0) {
		w->sums[block] = XXH3_64bits_digest(w->block);
		XXH3_64bits_reset(w->block);
	}
	return OK;
}

static enum code learn_from(struct writer *w, uint32_t count, const void *from,
	const struct progress *progress, struct error *e)
{
	bool documents = w->about.side == PB__SIDE__SIDE_DOCUMENT;

	if (documents && !w->codes && !(w->codes = vectors_codes_builder(&w->about)))
		return error_memory(e);
	if (count <= w->learnt)
		return OK;
	return each_piece(w, w->learnt, count, from, learn_piece, (void *)progress, e);
}

enum code writer_learn(
	struct writer *w, uint32_t count, const struct progress *progress, struct error *e)
{
	return learn_from(w, count, NULL, progress, e);
}

enum code writer_learn_these(struct writer *w, const void *rows, uint32_t n, struct error *e)
{
	return learn_from(w, w->learnt + n, rows, NULL, e);
}

/* Marks every row dead whose number comes again behind it. Rows that rise need no look. */
static enum code mark_dead(struct writer *w, uint32_t *live, struct error *e)
{
	uint32_t last = 0, *place;
	bool rising = true;

	*live = 0;
	for (uint32_t i = 0; i < w->count; i++) {
		uint32_t number = w->numbers[i];
		rising = rising && number != DEAD_ROW && (i == 0 || number > last);
		last = number != DEAD_ROW && number > last ? number : last;
	}
	if (rising) {
		*live = w->count;
		return OK;
	}
	place = FAULT() ? NULL : calloc((size_t)last + 1, sizeof *place);
	if (!place)
		return error_memory(e);
	for (uint32_t i = w->count; i-- > 0;) {
		uint32_t number = w->numbers[i];
		if (number == DEAD_ROW)
			continue;
		if (place[number]++)
			w->numbers[i] = DEAD_ROW;
		else
			++*live;
	}
	free(place);
	return OK;
}

static struct format_header header_of(
	const struct writer *w, uint32_t live, const void *tail, size_t n)
{
	struct format_header h = {.version = FORMAT_VERSION,
		.side = w->about.side,
		.dtype = w->about.dtype,
		.similarity = w->about.similarity,
		.dimension = w->about.dimension,
		.encoder_bytes = (uint32_t)strlen(w->about.encoder),
		.count = w->count,
		.live = live,
		.generation = w->about.generation,
		.step = w->about.step,
		.tail_hash = XXH3_64bits(tail, n)};

	memcpy(h.magic, format_magic, sizeof h.magic);
	memcpy(h.encoder, w->about.encoder, h.encoder_bytes);
	h.hash = XXH3_64bits(&h, offsetof(struct format_header, hash));
	return h;
}

static void fill_tail(const struct writer *w, const struct format_layout *l, unsigned char *tail)
{
	size_t full = w->count / BLOCK_ROWS;
	uint64_t last = XXH3_64bits_digest(w->block);
	unsigned char *sums = tail + (l->sums - l->tail);

	if (w->count == 0)
		return;
	memcpy(tail + (l->numbers - l->tail), w->numbers, w->count * sizeof *w->numbers);
	if (full)
		memcpy(sums, w->sums, full * sizeof *w->sums);
	if (full < l->blocks)
		memcpy(sums + full * sizeof last, &last, sizeof last);
}

static enum code write_ends(struct writer *w, uint32_t live, struct error *e)
{
	struct format_layout l;

	if (!format_layout(w->count, w->about.dimension, dtype_bytes(w->about.dtype), &l))
		return error_memory(e);
	unsigned char *tail = FAULT() ? NULL : calloc(1, l.tail_bytes + 1);
	if (!tail)
		return error_memory(e);
	fill_tail(w, &l, tail);
	struct format_header h = header_of(w, live, tail, l.tail_bytes);
	w->sealed = true;
	enum code rc = durable_write(w->fd, tail, l.tail_bytes, (off_t)l.tail, deed, e);
	if (!rc)
		rc = durable_write(w->fd, &h, sizeof h, 0, deed, e);
	free(tail);
	return rc;
}

enum code writer_seal(
	struct writer *w, const struct progress *progress, uint32_t *live, struct error *e)
{
	if (writer_learn(w, w->count, progress, e) || mark_dead(w, live, e) ||
		write_ends(w, *live, e))
		return e->code;
	return writer_sync(w, e);
}

struct codes_builder *writer_take_codes(struct writer *w)
{
	struct codes_builder *taken = w->codes;

	assert(w->learnt == w->count);
	w->codes = NULL;
	if (taken) /* whoever needs it again learns again */
		writer_forget(w, 0);
	return taken;
}
