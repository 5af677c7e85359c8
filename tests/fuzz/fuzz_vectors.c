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
#include "tests/fuzz/fuzz.h"

enum { NPY = 1, MEND = 2 };

static void mend(unsigned char *bytes, size_t n)
{
	struct format_header *h = (struct format_header *)bytes;
	struct format_layout l;

	if (n < sizeof *h)
		return;
	if (h->count <= INT32_MAX && h->dimension <= LIMIT_DIMENSION &&
		format_layout(h->count, h->dimension, dtype_bytes((Pb__Dtype)h->dtype), &l) &&
		l.total == n) {
		uint64_t hash;
		unsigned char *table = bytes + l.tail + l.padding;
		h->numbers_hash = XXH3_64bits(bytes + l.numbers, l.numbers_bytes);
		for (size_t b = 0; b < l.blocks; b++, table += sizeof hash) {
			size_t first = b * BLOCK_ROWS, rows = h->count - first;
			rows = rows < BLOCK_ROWS ? rows : BLOCK_ROWS;
			hash = XXH3_64bits(
				bytes + l.rows + first * l.row_bytes, rows * l.row_bytes);
			memcpy(table, &hash, sizeof hash);
		}
		hash = XXH3_64bits(bytes + l.tail, l.tail_bytes - sizeof hash);
		memcpy(table, &hash, sizeof hash);
	}
	h->hash = XXH3_64bits(h, offsetof(struct format_header, hash));
}

static void read_all(const struct vectors *v)
{
	float *row = malloc(v->about.dimension * sizeof *row);

	fuzz_assert(strlen(v->about.encoder) <= LIMIT_ID_BYTES);
	for (uint32_t i = 0; i < v->count; i++) {
		fuzz_assert(vectors_find(v, v->numbers[i]) == i);
		vectors_floats(v, i, row);
	}
	free(row);
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
	if (!rc)
		read_all(&v);
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
