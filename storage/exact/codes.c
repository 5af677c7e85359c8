#include "storage/exact/codes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/fault.h"
#include "storage/exact/encode.h"
#include "storage/text/array.h"
#include "storage/vectors/half.h"

enum { LEAST_MAPPED = 1 << 21 };

struct codes_builder {
	struct codes *codes; /* rows: those in blocks; the group at hand comes after */
	bool half;	     /* rows come as binary16 */
	lanes *group;	     /* dimension */
	uint32_t waiting;    /* rows in the group */
	uint32_t *dropped;   /* rows to take out in the end */
	size_t dropped_n, dropped_cap;
};

void codes_free(struct codes *c)
{
	if (!c)
		return;
	rotation_free(&c->rotation);
	if (c->block)
		munmap(c->block, c->mapped);
	free(c);
}

void codes_builder_free(struct codes_builder *b)
{
	if (!b)
		return;
	codes_free(b->codes);
	free(b->group);
	free(b->dropped);
	free(b);
}

struct codes *codes_new(uint32_t dimension, Pb__Similarity similarity)
{
	struct codes *c = FAULT() ? NULL : calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->similarity = similarity;
	c->dimension = dimension;
	c->steps = (dimension + 3) / 4;
	c->block_bytes = 3 * CODE_BLOCK * sizeof(float) + (size_t)c->steps * CODE_BLOCK * 4;
	if (rotation_init(&c->rotation, dimension))
		return c;
	free(c);
	return NULL;
}

struct codes_builder *codes_builder_new(
	uint32_t dimension, Pb__Dtype dtype, Pb__Similarity similarity)
{
	struct codes_builder *b = FAULT() ? NULL : calloc(1, sizeof *b);

	if (!b)
		return NULL;
	b->half = dtype == PB__DTYPE__DTYPE_F16;
	b->codes = codes_new(dimension, similarity);
	b->group = FAULT() ? NULL : aligned_alloc(sizeof(lanes), dimension * sizeof(lanes));
	if (b->codes && b->group)
		return b;
	codes_builder_free(b);
	return NULL;
}

/* Address space doubles; what is not touched takes no memory, and what is there moves without being
 * copied. */
bool codes_reserve(struct codes *c, uint32_t blocks)
{
	size_t need = blocks * c->block_bytes, size = c->mapped;
	void *at;

	if (need <= c->mapped)
		return true;
	while (size < need)
		size = size ? 2 * size : LEAST_MAPPED;
	if (FAULT())
		return false;
	if (c->block)
		at = mremap(c->block, c->mapped, size, MREMAP_MAYMOVE);
	else
		at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return false;
	madvise(at, size, MADV_HUGEPAGE); /* or not: only speed depends on it */
	c->block = at;
	c->mapped = size;
	return true;
}

bool codes_add_block(struct codes *c)
{
	if (!codes_reserve(c, c->blocks + 1))
		return false;
	float *floats = (float *)(c->block + c->blocks * c->block_bytes);
	for (int i = 0; i < CODE_BLOCK; i++) {
		floats[i] = floats[2 * CODE_BLOCK + i] = 0;
		floats[CODE_BLOCK + i] = -INFINITY;
	}
	memset(floats + 3 * CODE_BLOCK, 128, (size_t)c->steps * CODE_BLOCK * 4);
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
		float *floats =
			(float *)(c->block + row / CODE_BLOCK * c->block_bytes) + row % CODE_BLOCK;
		if (!(e->length[l] <= 1.001e6f) || !isfinite(e->slack[l]))
			return error_set(err, DATA_LOSS, "CORRUPT_FILE",
				"Row %u of the vectors is too long, zero, or not of numbers; "
				"publish the generation again, or restore it.",
				row);
		floats[0] = e->scale[l];
		floats[CODE_BLOCK] = e->slack[l];
		floats[2 * CODE_BLOCK] = weight_of(c->similarity, e, l);
		c->longest = fmax(c->longest, e->length[l]);
	}
	return OK;
}

/* Makes the group part of its block. */
static enum code flush(struct codes_builder *b, struct error *e)
{
	struct codes *c = b->codes;
	struct encoding encoding;
	uint32_t lane = c->rows % CODE_BLOCK;

	if (b->waiting == 0)
		return OK;
	if (lane == 0 && !codes_add_block(c))
		return error_memory(e);
	encode_group(&c->rotation, b->group, c->similarity == PB__SIMILARITY__SIMILARITY_COSINE,
		&any_bytes, &encoding);
	if (put_rows(c, &encoding, b->waiting, e))
		return e->code;
	unsigned char *block = c->block + (size_t)(c->blocks - 1) * c->block_bytes;
	encode_bytes(b->group, c->dimension, block + 3 * CODE_BLOCK * sizeof(float) + lane * 4,
		CODE_BLOCK * 4);
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

enum code codes_builder_add(struct codes_builder *b, const void *rows, uint32_t n, struct error *e)
{
	size_t row_bytes = b->codes->dimension * (b->half ? sizeof(uint16_t) : sizeof(float));

	for (uint32_t done = 0, some; done < n; done += some) {
		some = GROUP - b->waiting < n - done ? GROUP - b->waiting : n - done;
		load(b, (const char *)rows + done * row_bytes, some);
		if (b->waiting == GROUP && flush(b, e))
			return e->code;
	}
	return OK;
}

enum code codes_builder_drop(struct codes_builder *b, uint32_t row, struct error *e)
{
	if (!array_grow(&b->dropped, &b->dropped_cap, b->dropped_n + 1, sizeof *b->dropped))
		return error_memory(e);
	b->dropped[b->dropped_n++] = row;
	return OK;
}

/* Gives back the address space behind the last block. */
static void trim(struct codes *c)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), used = c->blocks * c->block_bytes;

	used = (used + page - 1) / page * page;
	if (used && used < c->mapped && mremap(c->block, c->mapped, used, 0) != MAP_FAILED)
		c->mapped = used;
}

static void take_out(struct codes *c, uint32_t row)
{
	float *floats = (float *)(c->block + row / CODE_BLOCK * c->block_bytes);

	floats[CODE_BLOCK + row % CODE_BLOCK] = -INFINITY;
}

enum code codes_builder_finish(struct codes_builder *b, struct codes **out, struct error *e)
{
	enum code rc = flush(b, e);

	if (rc == OK) {
		for (size_t i = 0; i < b->dropped_n; i++)
			take_out(b->codes, b->dropped[i]);
		trim(b->codes);
		*out = b->codes;
		b->codes = NULL;
	}
	codes_builder_free(b);
	return rc;
}
