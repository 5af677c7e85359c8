#include "storage/vectors/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "proto/fault.h"
#include "storage/vectors/format.h"
#include "storage/vectors/half.h"

const char format_magic[8] = "HMVECTOR";

size_t dtype_bytes(Pb__Dtype dtype)
{
	return dtype == PB__DTYPE__DTYPE_F16 ? sizeof(uint16_t) : sizeof(float);
}

bool format_layout(uint64_t count, uint32_t dimension, size_t element, struct format_layout *out)
{
	struct format_layout l = {.numbers = sizeof(struct format_header)};
	size_t tables;

	if (__builtin_mul_overflow(count, sizeof(uint32_t), &l.numbers_bytes) ||
		__builtin_add_overflow(l.numbers_bytes, 63, &l.numbers_bytes))
		return false;
	l.numbers_bytes &= ~(size_t)63;
	l.row_bytes = dimension * element;
	l.blocks = count / BLOCK_ROWS + (count % BLOCK_ROWS != 0);
	if (__builtin_mul_overflow(count, l.row_bytes, &l.rows_bytes) ||
		__builtin_add_overflow(l.numbers, l.numbers_bytes, &l.rows) ||
		__builtin_add_overflow(l.rows, l.rows_bytes, &l.tail) ||
		__builtin_mul_overflow(l.blocks + 1, sizeof(uint64_t), &tables))
		return false;
	l.padding = -l.tail & 7;
	l.tail_bytes = l.padding + tables;
	if (__builtin_add_overflow(l.tail, l.tail_bytes, &l.total))
		return false;
	*out = l;
	return true;
}

static enum code corrupt(struct error *e, const char *what)
{
	return error_set(e, DATA_LOSS, "CORRUPT_FILE",
		"A vector file is damaged (%s); publish the generation again, or restore it.",
		what);
}

static enum code check_header(
	const struct format_header *h, size_t n, struct format_layout *l, struct error *e)
{
	if (memcmp(h->magic, format_magic, sizeof h->magic) || h->version != FORMAT_VERSION)
		return corrupt(e, "not a vector file of this version");
	if (XXH3_64bits(h, offsetof(struct format_header, hash)) != h->hash)
		return corrupt(e, "its header's checksum is wrong");
	if (h->side > PB__SIDE__SIDE_QUERY || h->dtype > PB__DTYPE__DTYPE_F16 ||
		h->similarity > PB__SIMILARITY__SIMILARITY_L2 || h->dimension == 0 ||
		h->dimension > LIMIT_DIMENSION || h->count > INT32_MAX ||
		h->encoder_bytes > sizeof h->encoder ||
		memchr(h->encoder, 0, h->encoder_bytes) != NULL)
		return corrupt(e, "its header makes no sense");
	if (!format_layout(h->count, h->dimension, dtype_bytes((Pb__Dtype)h->dtype), l) ||
		l->total != n)
		return corrupt(e, "its length is not what its header says");
	return OK;
}

static enum code check_numbers(
	const struct format_header *h, const struct vectors *v, size_t bytes, struct error *e)
{
	if (XXH3_64bits(v->numbers, bytes) != h->numbers_hash)
		return corrupt(e, "the checksum of its numbers is wrong");
	for (uint32_t i = 1; i < v->count; i++)
		if (v->numbers[i] <= v->numbers[i - 1])
			return corrupt(e, "its numbers do not rise");
	return OK;
}

static enum code check_rows(const struct vectors *v, const struct format_layout *l,
	const unsigned char *tail, uint64_t *tables_hash, struct error *e)
{
	size_t tables = l->tail_bytes - sizeof *tables_hash;

	memcpy(tables_hash, tail + tables, sizeof *tables_hash);
	if (XXH3_64bits(tail, tables) != *tables_hash)
		return corrupt(e, "the checksum of its tables is wrong");
	for (size_t b = 0; b < l->blocks; b++) {
		size_t first = b * BLOCK_ROWS, n = v->count - first;
		uint64_t want;

		memcpy(&want, tail + l->padding + b * sizeof want, sizeof want);
		n = n < BLOCK_ROWS ? n : BLOCK_ROWS;
		if (XXH3_64bits(v->rows + first * l->row_bytes, n * l->row_bytes) != want)
			return corrupt(e, "the checksum of some rows is wrong");
	}
	return OK;
}

enum code vectors_parse(const void *bytes, size_t n, struct vectors *out, struct error *e)
{
	const unsigned char *at = bytes;
	const struct format_header *h = bytes;
	struct format_layout l;
	struct vectors v = {0};
	uint64_t tables_hash;

	if (n < sizeof *h)
		return corrupt(e, "it is shorter than a header");
	if (check_header(h, n, &l, e))
		return e->code;
	v.about = (struct vectors_about){(Pb__Side)h->side, (Pb__Dtype)h->dtype,
		(Pb__Similarity)h->similarity, h->dimension, h->generation, h->step, ""};
	memcpy(v.about.encoder, h->encoder, h->encoder_bytes);
	v.count = (uint32_t)h->count;
	v.numbers = (const uint32_t *)(at + l.numbers);
	v.rows = at + l.rows;
	v.row_bytes = l.row_bytes;
	if (check_numbers(h, &v, l.numbers_bytes, e) ||
		check_rows(&v, &l, at + l.tail, &tables_hash, e))
		return e->code;
	v.fingerprint = XXH3_64bits_withSeed(&h->hash, sizeof h->hash, tables_hash);
	*out = v;
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
		return corrupt(e, "it is shorter than a header");
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
	if (v->map)
		munmap(v->map, v->map_bytes);
	*v = (struct vectors){0};
}

uint32_t vectors_find(const struct vectors *v, uint32_t number)
{
	uint32_t low = 0, high = v->count;

	if (number < v->count && v->numbers[number] == number)
		return number; /* nobody before it is missing: the common case */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (v->numbers[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < v->count && v->numbers[low] == number ? low : UINT32_MAX;
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
