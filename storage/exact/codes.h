/*
 * The rows of a generation as bytes, for the first pass of a search: a quarter of their size, a
 * quarter of their arithmetic, and an error that is known row by row (margin.h).
 *
 * Rows stand in blocks of 32. A block is, in this order,
 *
 *   scale        32 floats: what a step of the row's bytes is worth
 *   slack        32 floats: how far the row is from what its bytes say, at most; -inf: there is none
 *   weight       32 floats: cosine nothing, dot the row's length (at most), l2 half its square (at
 *                least)
 *   tail_length  32 floats: of the row's tail (basis.h), at most
 *   code         the head: for every four dimensions, 32 rows x 4 bytes: value + 128
 *
 * Tails stand apart, row after row, a byte a dimension: value + 128.
 *
 * A builder takes rows as they arrive and makes them blocks; what it made is immutable. It learns the
 * basis from the first rows, and keeps those as they are until there are enough.
 */
#ifndef STORAGE_EXACT_CODES_H
#define STORAGE_EXACT_CODES_H

#include <stdbool.h>
#include <stddef.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/error.h"
#include "storage/exact/region.h"
#include "storage/exact/rotation.h"

enum { CODE_BLOCK = 32 };

struct codes {
	Pb__Similarity similarity;
	uint32_t dimension;
	uint32_t steps; /* of four dimensions of the head, the last one filled up with zeros */
	uint32_t tail;	/* dimensions */
	uint32_t rows, blocks;
	double longest; /* of the rows */
	struct rotation rotation;
	size_t block_bytes;
	struct region block; /* blocks x block_bytes */
	struct region tails; /* blocks x 32 x tail */
};

struct codes_block {
	const float *scale, *slack, *weight, *tail_length;
	const unsigned char *code;
};

enum { BLOCK_FLOATS = 4 * CODE_BLOCK };

static inline struct codes_block codes_block(const struct codes *c, uint32_t i)
{
	const float *floats = (const float *)(c->block.at + i * c->block_bytes);

	return (struct codes_block){floats, floats + CODE_BLOCK, floats + 2 * CODE_BLOCK,
		floats + 3 * CODE_BLOCK, (const unsigned char *)(floats + BLOCK_FLOATS)};
}

/* Of a row: the first of its floats, the others being CODE_BLOCK apart; and its tail. */
static inline float *codes_floats(const struct codes *c, uint32_t row)
{
	return (float *)(c->block.at + row / CODE_BLOCK * c->block_bytes) + row % CODE_BLOCK;
}

static inline unsigned char *codes_tail(const struct codes *c, uint32_t row)
{
	return c->tail ? c->tails.at + (size_t)row * c->tail : NULL;
}

/* What all blocks take in `block`, and in `tails`. */
static inline size_t codes_bytes(const struct codes *c)
{
	return c->blocks * c->block_bytes;
}

static inline size_t codes_tail_bytes(const struct codes *c)
{
	return (size_t)c->blocks * CODE_BLOCK * c->tail;
}

struct codes_builder;

struct codes_builder *codes_builder_new(
	uint32_t dimension, Pb__Dtype dtype, Pb__Similarity similarity);
void codes_builder_free(struct codes_builder *b); /* NULL is fine */
/* Before the first row: of how many rows the basis is learned, if so many come; SAMPLE_ROWS unless
 * told, 0: of none. */
enum { SAMPLE_ROWS = 1 << 14 };
void codes_builder_sample(struct codes_builder *b, uint32_t rows);
/* In place of that: a basis of as many dimensions, once. */
enum code codes_builder_take_basis(
	struct codes_builder *b, const struct basis *basis, struct error *e);
/* n rows back to back as they are stored, numbered 0, 1, ... in the order they come; finite, no
 * longer than 1e6, and for cosine none zero: DATA_LOSS/CORRUPT_FILE for others. One thread. */
enum code codes_builder_add(struct codes_builder *b, const void *rows, uint32_t n, struct error *e);
/* Takes a row out again, also before it came: no search will find it. */
enum code codes_builder_drop(struct codes_builder *b, uint32_t row, struct error *e);
/* Ends the builder. */
enum code codes_builder_finish(struct codes_builder *b, struct codes **out, struct error *e);
/* Without any rows, NULL: no memory; and with room for so many blocks, false: no memory. The basis may
 * be NULL: the vectors' own. */
struct codes *codes_new(uint32_t dimension, Pb__Similarity similarity, const struct basis *basis);
bool codes_reserve(struct codes *c, uint32_t blocks);
/* One more block, whose rows are not there yet; `rows` stays. False: no memory. */
bool codes_add_block(struct codes *c);
void codes_free(struct codes *c); /* NULL is fine */

#endif
