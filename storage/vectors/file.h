/*
 * A vector file: the rows of one side of one published generation, immutable, mapped read-only.
 * Anybody on the host may map it too; everything is little-endian.
 *
 *   0     header   4096 bytes: struct format_header in format.h, with a hash of itself
 *   4096  rows     count x dimension f32 or f16, row-major, in the order they were uploaded;
 *                  zeros up to 64 bytes
 *         numbers  count u32: the document or query of each row; zeros up to 64 bytes
 *         sums     an XXH3 u64 per 1024 rows, the last of what is left
 *
 * A vector that was sent again has two rows. The later one counts; the earlier one is dead, and its
 * number is UINT32_MAX. No other number is there twice. The header counts rows and live ones; its
 * `tail_hash` is the XXH3 of all behind the rows, so its own hash stands for the whole file.
 *
 * To map one from elsewhere: look at magic, version, dtype, dimension and count, map from 4096 on,
 * take row i for numbers[i], and leave out the dead.
 *
 * The loader believes nothing: sizes, padding, numbers and hashes are checked.
 */
#ifndef STORAGE_VECTORS_FILE_H
#define STORAGE_VECTORS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/error.h"
#include "proto/limits.h"
#include "storage/progress.h"

enum { DEAD_ROW = UINT32_MAX };

/* What a file says of itself. */
struct vectors_about {
	Pb__Side side;
	Pb__Dtype dtype; /* f32 or f16 */
	Pb__Similarity similarity;
	uint32_t dimension;
	uint64_t generation;
	int64_t step;
	char encoder[LIMIT_ID_BYTES + 1];
	bool plain; /* not in the file: codes of its rows keep the vectors' own basis, for lists */
};

struct vectors {
	struct vectors_about about;
	uint32_t count;		 /* rows */
	uint32_t live;		 /* of them not dead */
	uint32_t last;		 /* the highest number; 0 when none is live */
	const uint32_t *numbers; /* count */
	const unsigned char *rows;
	size_t row_bytes;
	const uint64_t *sums;
	uint64_t fingerprint; /* of everything in it */
	uint32_t *place;      /* last + 1: a number's row and 1, or 0; NULL: row i is number i */
	void *map;
	size_t map_bytes;
};

/* Maps a file and checks all of it but the rows. DATA_LOSS/CORRUPT_FILE for what does not check,
 * NOT_FOUND/NO_SUCH_FILE when there is none. */
enum code vectors_open(const char *path, struct vectors *out, struct error *e);
void vectors_close(struct vectors *v); /* also a zeroed one */
/* The same over bytes in memory, which must outlive `out` and be aligned to 64. */
enum code vectors_parse(const void *bytes, size_t n, struct vectors *out, struct error *e);

/* Makes codes of rows such as these, for the caller to free. NULL: no memory. */
struct codes_builder;
struct codes_builder *vectors_codes_builder(const struct vectors_about *about);
/* Checks the rows: reads the file once, and shows `codes` (may be NULL) every row on the way.
 * DATA_LOSS/CORRUPT_FILE, CANCELLED. */
enum code vectors_check(const struct vectors *v, struct codes_builder *codes,
	const struct progress *progress, struct error *e);

static inline const void *vectors_row(const struct vectors *v, uint32_t row)
{
	return v->rows + row * v->row_bytes;
}
/* The row of a document or query; UINT32_MAX: it has none. */
uint32_t vectors_find(const struct vectors *v, uint32_t number);
/* A row as floats. */
void vectors_floats(const struct vectors *v, uint32_t row, float *out);

size_t dtype_bytes(Pb__Dtype dtype);

#endif
