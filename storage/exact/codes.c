#include "storage/exact/codes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/encode.h"
#include "storage/text/array.h"
#include "storage/vectors/half.h"

struct codes_builder {
	struct codes *codes; /* rows: those in blocks; the group at hand comes after */
	bool half;	     /* rows come as binary16 */
	lanes *group;	     /* dimension */
	uint32_t waiting;    /* rows in the group */
	uint32_t *dropped;   /* rows to take out in the end */
	size_t dropped_n, dropped_cap;
	/* Rows as they came, until the basis is learned from them. */
	char *sample;
	size_t sample_cap;
	uint32_t sampled, to_sample;
};

void codes_free(struct codes *c)
{
	if (!c)
		return;
	rotation_free(&c->rotation);
	region_free(&c->block);
	region_free(&c->tails);
	free(c);
}

void codes_builder_free(struct codes_builder *b)
{
	if (!b)
		return;
	codes_free(b->codes);
	free(b->group);
	free(b->dropped);
	free(b->sample);
	free(b);
}

/* The rotation has its basis. */
static void lay_out(struct codes *c)
{
	uint32_t head = c->rotation.basis.head;

	c->steps = (head + 3) / 4;
	c->tail = c->dimension - head;
	c->block_bytes = BLOCK_FLOATS * sizeof(float) + (size_t)c->steps * 4 * CODE_BLOCK;
}

struct codes *codes_new(uint32_t dimension, Pb__Similarity similarity, const struct basis *basis)
{
	struct codes *c = FAULT() ? NULL : calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->similarity = similarity;
	c->dimension = dimension;
	if (!rotation_init(&c->rotation, dimension) ||
		(basis && !basis_copy(&c->rotation.basis, basis, dimension))) {
		codes_free(c);
		return NULL;
	}
	lay_out(c);
	return c;
}

struct codes_builder *codes_builder_new(
	uint32_t dimension, Pb__Dtype dtype, Pb__Similarity similarity)
{
	struct codes_builder *b = FAULT() ? NULL : calloc(1, sizeof *b);

	if (!b)
		return NULL;
	b->half = dtype == PB__DTYPE__DTYPE_F16;
	b->to_sample = basis_is_possible(dimension) ? SAMPLE_ROWS : 0;
	b->codes = codes_new(dimension, similarity, NULL);
	b->group = FAULT() ? NULL : aligned_alloc(sizeof(lanes), dimension * sizeof(lanes));
	if (b->codes && b->group)
		return b;
	codes_builder_free(b);
	return NULL;
}

bool codes_reserve(struct codes *c, uint32_t blocks)
{
	return region_reserve(&c->block, blocks * c->block_bytes) &&
	       region_reserve(&c->tails, (size_t)blocks * CODE_BLOCK * c->tail);
}

bool codes_add_block(struct codes *c)
{
	if (!codes_reserve(c, c->blocks + 1))
		return false;
	float *floats = (float *)(c->block.at + codes_bytes(c));
	for (int i = 0; i < CODE_BLOCK; i++) {
		floats[i] = floats[2 * CODE_BLOCK + i] = floats[3 * CODE_BLOCK + i] = 0;
		floats[CODE_BLOCK + i] = -INFINITY;
	}
	memset(floats + BLOCK_FLOATS, 128, c->block_bytes - BLOCK_FLOATS * sizeof *floats);
	if (c->tail)
		memset(c->tails.at + codes_tail_bytes(c), 128, (size_t)CODE_BLOCK * c->tail);
	c->blocks++;
	return true;
}

static float weight_of(Pb__Similarity similarity, const struct encoding *e, uint32_t l)
{
	switch (similarity) {
	case PB__SIMILARITY__SIMILARITY_COSINE:
		return 0;
	case PB__SIMILARITY__SIMILARITY_L2:
		return e->square[l];
	default:
		return e->length[l];
	}
}

static enum code put_rows(struct codes *c, const struct encoding *e, uint32_t n, struct error *err)
{
	for (uint32_t l = 0; l < n; l++) {
		uint32_t row = c->rows + l;
		float *floats = codes_floats(c, row);
		if (!(e->length[l] <= 1.001e6f) || !isfinite(e->slack[l]))
			return error_set(err, DATA_LOSS, "CORRUPT_FILE",
				"Row %u of the vectors is too long, zero, or not of numbers; "
				"publish the generation again, or restore it.",
				row);
		floats[0] = e->scale[l];
		floats[CODE_BLOCK] = e->slack[l];
		floats[2 * CODE_BLOCK] = weight_of(c->similarity, e, l);
		floats[3 * CODE_BLOCK] = e->tail[l];
		c->longest = fmax(c->longest, e->length[l]);
	}
	return OK;
}

/* Row c->rows and those after it, as bytes. */
static void put_bytes(struct codes *c, const lanes *x, uint32_t n)
{
	struct codes_block b = codes_block(c, c->blocks - 1);
	uint32_t first = c->rows % CODE_BLOCK, head = c->dimension - c->tail;

	encode_bytes(x, head, (unsigned char *)b.code + (size_t)first * 4, CODE_BLOCK * 4);
	encode_rows(x + head, c->tail, n, codes_tail(c, c->rows));
}

/* Makes the group part of its block. */
static enum code flush(struct codes_builder *b, struct error *e)
{
	struct codes *c = b->codes;
	struct encoding encoding;

	if (b->waiting == 0)
		return OK;
	if (c->rows % CODE_BLOCK == 0 && !codes_add_block(c))
		return error_memory(e);
	encode_group(&c->rotation, b->group, c->similarity == PB__SIMILARITY__SIMILARITY_COSINE,
		&any_bytes, &encoding);
	if (put_rows(c, &encoding, b->waiting, e))
		return e->code;
	put_bytes(c, b->group, b->waiting);
	c->rows += b->waiting;
	b->waiting = 0;
	return OK;
}

/* The rows' dimensions become the group's lanes. */
static void load(struct codes_builder *b, const void *rows, uint32_t n)
{
	uint32_t d = b->codes->dimension;
	const float *f32 = rows;
	const uint16_t *f16 = rows;

	if (b->waiting == 0 && n < GROUP)
		memset(b->group, 0, d * sizeof *b->group);
	for (uint32_t i = 0; i < d; i++)
		for (uint32_t l = 0; l < n; l++)
			b->group[i][b->waiting + l] =
				b->half ? half_to_float(f16[l * d + i]) : f32[l * d + i];
	b->waiting += n;
}

static size_t row_bytes(const struct codes_builder *b)
{
	return b->codes->dimension * (b->half ? sizeof(uint16_t) : sizeof(float));
}

static enum code encode_all(struct codes_builder *b, const char *rows, uint32_t n, struct error *e)
{
	for (uint32_t done = 0, some; done < n; done += some) {
		some = GROUP - b->waiting < n - done ? GROUP - b->waiting : n - done;
		load(b, rows + done * row_bytes(b), some);
		if (b->waiting == GROUP && flush(b, e))
			return e->code;
	}
	return OK;
}

void codes_builder_sample(struct codes_builder *b, uint32_t rows)
{
	b->to_sample = basis_is_possible(b->codes->dimension) ? rows : 0;
}

enum code codes_builder_take_basis(
	struct codes_builder *b, const struct basis *basis, struct error *e)
{
	struct codes *c = b->codes;

	if (!basis_copy(&c->rotation.basis, basis, c->dimension))
		return error_memory(e);
	lay_out(c);
	b->to_sample = 0;
	return OK;
}

static enum code learn(struct codes_builder *b, struct error *e)
{
	struct codes *c = b->codes;
	Pb__Dtype dtype = b->half ? PB__DTYPE__DTYPE_F16 : PB__DTYPE__DTYPE_F32;

	if (!basis_learn(&c->rotation.basis, c->dimension, dtype, b->sample, b->sampled))
		return error_memory(e);
	lay_out(c);
	return OK;
}

/* There are none to wait for any more. */
static enum code end_sample(struct codes_builder *b, struct error *e)
{
	enum code rc = b->sampled && b->sampled == b->to_sample ? learn(b, e) : OK;

	if (!rc)
		rc = encode_all(b, b->sample, b->sampled, e);
	free(b->sample);
	b->sample = NULL;
	b->sampled = b->to_sample = 0;
	return rc;
}

static enum code keep(struct codes_builder *b, const void *rows, uint32_t n, struct error *e)
{
	size_t there = b->sampled * row_bytes(b), more = n * row_bytes(b);

	if (!array_grow(&b->sample, &b->sample_cap, there + more, 1))
		return error_memory(e);
	memcpy(b->sample + there, rows, more);
	b->sampled += n;
	return b->sampled == b->to_sample ? end_sample(b, e) : OK;
}

enum code codes_builder_add(struct codes_builder *b, const void *rows, uint32_t n, struct error *e)
{
	uint32_t wanted = b->to_sample - b->sampled, kept = wanted < n ? wanted : n;

	if (kept && keep(b, rows, kept, e))
		return e->code;
	return encode_all(b, (const char *)rows + kept * row_bytes(b), n - kept, e);
}

enum code codes_builder_drop(struct codes_builder *b, uint32_t row, struct error *e)
{
	if (!array_grow(&b->dropped, &b->dropped_cap, b->dropped_n + 1, sizeof *b->dropped))
		return error_memory(e);
	b->dropped[b->dropped_n++] = row;
	return OK;
}

static void take_out(struct codes *c, uint32_t row)
{
	codes_floats(c, row)[CODE_BLOCK] = -INFINITY;
}

enum code codes_builder_finish(struct codes_builder *b, struct codes **out, struct error *e)
{
	enum code rc = end_sample(b, e);

	if (rc == OK)
		rc = flush(b, e);
	if (rc == OK) {
		for (size_t i = 0; i < b->dropped_n; i++)
			take_out(b->codes, b->dropped[i]);
		region_trim(&b->codes->block, codes_bytes(b->codes));
		region_trim(&b->codes->tails, codes_tail_bytes(b->codes));
		*out = b->codes;
		b->codes = NULL;
	}
	codes_builder_free(b);
	return rc;
}
