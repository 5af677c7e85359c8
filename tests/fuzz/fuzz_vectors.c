/*
 * Any bytes as a vector file, or as the head of a .npy file. What is accepted can be read to its
 * last value. The first byte picks which, and whether the checksums are mended first: without that
 * nothing would get past them.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/vectors/format.h"
#include "storage/vectors/npy.h"
#include "storage/exact/codes.h"
#include "tests/fuzz/fuzz.h"

enum { NPY = 1, MEND = 2 };

/* Numbers stay small, so that tables over them do; the dead stay dead. */
static void mend_tail(
	unsigned char *bytes, const struct format_header *h, const struct format_layout *l)
{
	for (size_t i = 0; i < h->count; i++) {
		uint32_t number;
		unsigned char *at = bytes + l->numbers + i * sizeof number;
		memcpy(&number, at, sizeof number);
		number = number == DEAD_ROW ? number : number & 0xfffff;
		memcpy(at, &number, sizeof number);
	}
	for (size_t b = 0; b < l->blocks; b++) {
		size_t first = b * BLOCK_ROWS, rows = h->count - first;
		rows = rows < BLOCK_ROWS ? rows : BLOCK_ROWS;
		uint64_t sum = XXH3_64bits(
			bytes + FORMAT_ROWS + first * l->row_bytes, rows * l->row_bytes);
		memcpy(bytes + l->sums + b * sizeof sum, &sum, sizeof sum);
	}
}

static void mend(unsigned char *bytes, size_t n)
{
	struct format_header *h = (struct format_header *)bytes;
	struct format_layout l;

	if (n < sizeof *h)
		return;
	if (h->count <= INT32_MAX && h->dimension <= LIMIT_DIMENSION &&
		format_layout(h->count, h->dimension, dtype_bytes((Pb__Dtype)h->dtype), &l) &&
		l.total == n) {
		mend_tail(bytes, h, &l);
		h->tail_hash = XXH3_64bits(bytes + l.tail, l.tail_bytes);
	}
	h->hash = XXH3_64bits(h, offsetof(struct format_header, hash));
}

static void read_all(const struct vectors *v)
{
	float *row = malloc(v->about.dimension * sizeof *row);
	uint32_t live = 0;

	fuzz_assert(strlen(v->about.encoder) <= LIMIT_ID_BYTES);
	for (uint32_t i = 0; i < v->count; i++) {
		live += v->numbers[i] != DEAD_ROW;
		fuzz_assert(v->numbers[i] == DEAD_ROW || vectors_find(v, v->numbers[i]) == i);
		fuzz_assert(v->numbers[i] == DEAD_ROW || v->numbers[i] <= v->last);
		vectors_floats(v, i, row);
	}
	fuzz_assert(live == v->live);
	free(row);
}

static void encode_all(const struct vectors *v)
{
	struct codes_builder *b =
		codes_builder_new(v->about.dimension, v->about.dtype, v->about.similarity);
	struct codes *codes;
	struct error e;

	if (!b)
		return;
	if (vectors_check(v, b, NULL, &e)) {
		fuzz_assert(e.code == DATA_LOSS);
		codes_builder_free(b);
		return;
	}
	enum code rc = codes_builder_finish(b, &codes, &e);
	fuzz_assert(rc == DATA_LOSS || (rc == OK && codes->rows == v->count));
	if (!rc)
		codes_free(codes);
}

static void try_vectors(const uint8_t *data, size_t len, bool mended)
{
	/* Exactly as long as the file, so that any step beyond it is seen. */
	unsigned char *bytes;
	struct vectors v;
	struct error e;

	if (posix_memalign((void **)&bytes, 64, len + !len))
		return;
	memcpy(bytes, data, len);
	if (mended)
		mend(bytes, len);
	enum code rc = vectors_parse(bytes, len, &v, &e);
	fuzz_assert(rc == OK || rc == DATA_LOSS);
	if (!rc) {
		read_all(&v);
		encode_all(&v);
		vectors_close(&v);
	}
	free(bytes);
}

static void try_npy(const uint8_t *data, size_t len)
{
	struct npy npy;
	struct error e;
	enum code rc = npy_parse(data, len, &npy, &e);

	fuzz_assert(rc == OK || rc == INVALID_ARGUMENT);
	if (rc)
		return;
	fuzz_assert(npy.data >= data && npy.data + npy.data_bytes == data + len);
	fuzz_assert((unsigned __int128)npy.rows * npy.columns * dtype_bytes(npy.dtype) ==
		    npy.data_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	if (data[0] & NPY)
		try_npy(data + 1, len - 1);
	else
		try_vectors(data + 1, len - 1, data[0] & MEND);
	return 0;
}
