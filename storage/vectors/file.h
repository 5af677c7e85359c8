/*
 * A vector file: the rows of one side of one published generation, immutable, mapped read-only.
 * Anybody on the host may map it too; everything is little-endian.
 *
 *   0    header   640 bytes: struct below in file.c, with a hash of itself
 *   640  numbers  count u32, rising: the document or query of each row; zeros up to 64 bytes
 *        rows     count x dimension f32 or f16, row-major; zeros up to 8 bytes
 *        tables   an XXH3 u64 per 1024 rows, then an XXH3 of the zeros and the tables
 *
 * The loader believes nothing: sizes, order, padding and every hash are checked at open.
 */
#ifndef STORAGE_VECTORS_FILE_H
#define STORAGE_VECTORS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/error.h"
#include "proto/limits.h"

/* What a file says of itself. */
struct vectors_about {
	Pb__Side side;
	Pb__Dtype dtype; /* f32 or f16 */
	Pb__Similarity similarity;
	uint32_t dimension;
	uint64_t generation;
	int64_t step;
	char encoder[LIMIT_ID_BYTES + 1];
};

struct vectors {
	struct vectors_about about;
	uint32_t count;
	const uint32_t *numbers; /* count, rising */
	const unsigned char *rows;
	size_t row_bytes;
	uint64_t fingerprint; /* of everything in it */
	void *map;
	size_t map_bytes;
};

/* DATA_LOSS/CORRUPT_FILE for what does not check, NOT_FOUND/NO_SUCH_FILE when there is none. */
enum code vectors_open(const char *path, struct vectors *out, struct error *e);
void vectors_close(struct vectors *v); /* also a zeroed one */
/* The same over bytes in memory, which must outlive `out` and be aligned to 64; nothing to close. */
enum code vectors_parse(const void *bytes, size_t n, struct vectors *out, struct error *e);

static inline const void *vectors_row(const struct vectors *v, uint32_t row)
{
	return v->rows + row * v->row_bytes;
}
/* The row of a document or query; UINT32_MAX: it has none. */
uint32_t vectors_find(const struct vectors *v, uint32_t number);
/* A row as floats. */
void vectors_floats(const struct vectors *v, uint32_t row, float *out);

/* Writing: create, every row once in the order of `numbers`, commit. Until the commit there is only
 * a file called <path>.tmp. */
struct vectors_writer;

enum code vectors_create(const char *path, const struct vectors_about *about,
	const uint32_t *numbers, uint32_t count, struct vectors_writer **out, struct error *e);
enum code vectors_append(struct vectors_writer *w, const void *rows, uint32_t n, struct error *e);
/* Durable under its name when this returns OK. Frees the writer either way. */
enum code vectors_commit(struct vectors_writer *w, struct error *e);
void vectors_abandon(struct vectors_writer *w); /* NULL is fine */

size_t dtype_bytes(Pb__Dtype dtype);

#endif
