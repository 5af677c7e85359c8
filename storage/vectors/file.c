#include "storage/vectors/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "proto/fault.h"
#include "storage/exact/codes.h"
#include "storage/vectors/format.h"
#include "storage/vectors/half.h"

const char format_magic[8] = "HMVECTOR";

size_t dtype_bytes(Pb__Dtype dtype)
{
	return dtype == PB__DTYPE__DTYPE_F16 ? sizeof(uint16_t) : sizeof(float);
}

bool format_layout(uint64_t count, uint32_t dimension, size_t element, struct format_layout *out)
{
	struct format_layout l = {.row_bytes = dimension * element};
	size_t numbers_bytes, sums_bytes;

	l.blocks = count / BLOCK_ROWS + (count % BLOCK_ROWS != 0);
	if (__builtin_mul_overflow(count, l.row_bytes, &l.rows_bytes) ||
		__builtin_mul_overflow(count, sizeof(uint32_t), &numbers_bytes) ||
		__builtin_mul_overflow(l.blocks, sizeof(uint64_t), &sums_bytes) ||
		__builtin_add_overflow(l.rows_bytes, FORMAT_ROWS, &l.tail) ||
		__builtin_add_overflow(l.tail, 63, &l.numbers))
		return false;
	l.numbers &= ~(size_t)63;
	if (__builtin_add_overflow(l.numbers, numbers_bytes, &l.sums) ||
		__builtin_add_overflow(l.sums, 63, &l.sums))
		return false;
	l.sums &= ~(size_t)63;
	if (__builtin_add_overflow(l.sums, sums_bytes, &l.total))
		return false;
	l.tail_bytes = l.total - l.tail;
	*out = l;
	return true;
}

enum code vectors_corrupt(struct error *e, const char *what)
{
	return error_set(e, DATA_LOSS, "CORRUPT_FILE",
		"A vector file is damaged (%s); publish the generation again, or restore it.",
		what);
}

static enum code check_header(
	const struct format_header *h, size_t n, struct format_layout *l, struct error *e)
{
	if (memcmp(h->magic, format_magic, sizeof h->magic) || h->version != FORMAT_VERSION)
		return vectors_corrupt(e, "not a vector file of this version");
	if (XXH3_64bits(h, offsetof(struct format_header, hash)) != h->hash)
		return vectors_corrupt(e, "its header's checksum is wrong");
	if (h->side > PB__SIDE__SIDE_QUERY || h->dtype > PB__DTYPE__DTYPE_F16 ||
		h->similarity > PB__SIMILARITY__SIMILARITY_L2 || h->dimension == 0 ||
		h->dimension > LIMIT_DIMENSION || h->count > INT32_MAX || h->live > h->count ||
		h->encoder_bytes > sizeof h->encoder ||
		memchr(h->encoder, 0, h->encoder_bytes) != NULL)
		return vectors_corrupt(e, "its header makes no sense");
	if (!format_layout(h->count, h->dimension, dtype_bytes((Pb__Dtype)h->dtype), l) ||
		l->total != n)
		return vectors_corrupt(e, "its length is not what its header says");
	return OK;
}

/* Counts what is live; says whether every row i is of number i, as most uploads are. */
static bool look_at_numbers(struct vectors *v)
{
	bool in_place = true;

	for (uint32_t i = 0; i < v->count; i++) {
		in_place = in_place && v->numbers[i] == i;
		if (v->numbers[i] == DEAD_ROW)
			continue;
		v->live++;
		v->last = v->numbers[i] > v->last ? v->numbers[i] : v->last;
	}
	return in_place;
}

static enum code place_numbers(struct vectors *v, struct error *e)
{
	v->place = FAULT() ? NULL : calloc((size_t)v->last + 1, sizeof *v->place);
	if (!v->place)
		return error_memory(e);
	for (uint32_t i = 0; i < v->count; i++) {
		if (v->numbers[i] == DEAD_ROW)
			continue;
		if (v->place[v->numbers[i]])
			return vectors_corrupt(e, "it has a number twice");
		v->place[v->numbers[i]] = i + 1;
	}
	return OK;
}

static enum code check_numbers(const struct format_header *h, struct vectors *v, struct error *e)
{
	bool in_place = look_at_numbers(v);

	if (v->live != h->live)
		return vectors_corrupt(e, "its dead rows are not as many as its header says");
	if (v->last > INT32_MAX)
		return vectors_corrupt(e, "a number is too large");
	return in_place ? OK : place_numbers(v, e);
}

enum code vectors_parse(const void *bytes, size_t n, struct vectors *out, struct error *e)
{
	const unsigned char *at = bytes;
	const struct format_header *h = bytes;
	struct format_layout l;
	struct vectors v = {0};

	if (n < sizeof *h)
		return vectors_corrupt(e, "it is shorter than a header");
	if (check_header(h, n, &l, e))
		return e->code;
	if (XXH3_64bits(at + l.tail, l.tail_bytes) != h->tail_hash)
		return vectors_corrupt(e, "the checksum of its numbers is wrong");
	v.about = (struct vectors_about){(Pb__Side)h->side, (Pb__Dtype)h->dtype,
		(Pb__Similarity)h->similarity, h->dimension, h->generation, h->step, ""};
	memcpy(v.about.encoder, h->encoder, h->encoder_bytes);
	v.count = (uint32_t)h->count;
	v.numbers = (const uint32_t *)(at + l.numbers);
	v.rows = at + FORMAT_ROWS;
	v.row_bytes = l.row_bytes;
	v.sums = (const uint64_t *)(at + l.sums);
	v.fingerprint = h->hash;
	if (check_numbers(h, &v, e)) {
		vectors_close(&v);
		return e->code;
	}
	*out = v;
	return OK;
}

struct codes_builder *vectors_codes_builder(const struct vectors_about *about)
{
	struct codes_builder *b =
		codes_builder_new(about->dimension, about->dtype, about->similarity);

	if (b && about->plain)
		codes_builder_sample(b, 0);
	return b;
}

enum code vectors_check(const struct vectors *v, struct codes_builder *codes,
	const struct progress *progress, struct error *e)
{
	for (uint32_t first = 0, n; first < v->count; first += n) {
		const void *rows = vectors_row(v, first);
		n = v->count - first < BLOCK_ROWS ? v->count - first : BLOCK_ROWS;
		if (XXH3_64bits(rows, n * v->row_bytes) != v->sums[first / BLOCK_ROWS])
			return vectors_corrupt(e, "the checksum of some rows is wrong");
		if ((codes && codes_builder_add(codes, rows, n, e)) || progress_check(progress, e))
			return e->code;
	}
	return OK;
}

static enum code map_file(const char *path, void **map, size_t *bytes, struct error *e)
{
	struct stat st;
	int fd = FAULT() ? (errno = EIO, -1) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return error_set(e, NOT_FOUND, "NO_SUCH_FILE", "There is no file %s.", path);
	if (fd < 0)
		return error_errno(e, errno, "open a vector file");
	if (fstat(fd, &st)) {
		int err = errno;
		close(fd);
		return error_errno(e, err, "look at a vector file");
	}
	if (st.st_size < (off_t)sizeof(struct format_header)) {
		close(fd);
		return vectors_corrupt(e, "it is shorter than a header");
	}
	*bytes = (size_t)st.st_size;
	*map = FAULT() ? (errno = ENOMEM, MAP_FAILED)
		       : mmap(NULL, *bytes, PROT_READ, MAP_SHARED, fd, 0);
	int err = errno;
	close(fd);
	return *map == MAP_FAILED ? error_errno(e, err, "map a vector file") : OK;
}

enum code vectors_open(const char *path, struct vectors *out, struct error *e)
{
	void *map;
	size_t bytes;

	if (map_file(path, &map, &bytes, e))
		return e->code;
	if (vectors_parse(map, bytes, out, e)) {
		munmap(map, bytes);
		return e->code;
	}
	out->map = map;
	out->map_bytes = bytes;
	return OK;
}

void vectors_close(struct vectors *v)
{
	free(v->place);
	if (v->map)
		munmap(v->map, v->map_bytes);
	*v = (struct vectors){0};
}

uint32_t vectors_find(const struct vectors *v, uint32_t number)
{
	if (!v->place)
		return number < v->count ? number : UINT32_MAX;
	return number <= v->last ? v->place[number] - 1 : UINT32_MAX; /* 0 - 1: none */
}

void vectors_floats(const struct vectors *v, uint32_t row, float *out)
{
	const void *from = vectors_row(v, row);

	if (v->about.dtype == PB__DTYPE__DTYPE_F32) {
		memcpy(out, from, v->row_bytes);
		return;
	}
	for (uint32_t i = 0; i < v->about.dimension; i++)
		out[i] = half_to_float(((const uint16_t *)from)[i]);
}
