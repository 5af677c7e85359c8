#include "storage/exact/centroids.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/score.h"
#include "storage/progress.h"

/* Rows of a slice: as many as take some milliseconds. */
enum { ROWS_LEAST = 12, ROWS_MOST = 240 };
#define SLICE_PRODUCTS 5e8

void centroids_free(struct centroids *c)
{
	codes_free(c->codes);
	free(c->at);
	free(c->number);
	*c = (struct centroids){0};
}

/* By products, for a centroid may be nothing: the middle of opposite directions. */
static Pb__Similarity similarity_of(Pb__Similarity similarity)
{
	return similarity == PB__SIMILARITY__SIMILARITY_L2 ? similarity
							   : PB__SIMILARITY__SIMILARITY_DOT;
}

static enum code encode(struct centroids *c, const struct basis *basis, struct error *e)
{
	struct codes_builder *b = vectors_codes_builder(&c->vectors.about);

	if (!b)
		return error_memory(e);
	if ((basis && codes_builder_take_basis(b, basis, e)) ||
		codes_builder_add(b, c->vectors.rows, c->vectors.count, e)) {
		codes_builder_free(b);
		return e->code;
	}
	return codes_builder_finish(b, &c->codes, e);
}

static enum code fill(
	struct centroids *c, const struct basis *basis, const float *at, struct error *e)
{
	uint32_t n = c->vectors.count;
	size_t bytes = n * c->vectors.row_bytes;

	c->at = FAULT() ? NULL : malloc(bytes);
	c->number = FAULT() ? NULL : malloc(n * sizeof *c->number);
	if (!c->at || !c->number)
		return error_memory(e);
	memcpy(c->at, at, bytes);
	for (uint32_t i = 0; i < n; i++)
		c->number[i] = i;
	c->vectors.numbers = c->number;
	c->vectors.rows = (const unsigned char *)c->at;
	return encode(c, basis, e);
}

enum code centroids_init(struct centroids *c, const struct vectors_about *about,
	const struct basis *basis, const float *at, uint32_t n, struct error *e)
{
	*c = (struct centroids){.vectors = {.about = {.dtype = PB__DTYPE__DTYPE_F32,
						    .similarity = similarity_of(about->similarity),
						    .dimension = about->dimension,
						    .plain = true},
					.count = n,
					.live = n,
					.last = n - 1,
					.row_bytes = about->dimension * sizeof *at}};
	if (fill(c, basis, at, e)) {
		centroids_free(c);
		return e->code;
	}
	c->exact = (struct exact){.rows = &c->vectors, .codes = c->codes};
	return OK;
}

/* What a slice needs. */
struct batch {
	float *vector; /* n x dimension */
	struct hit nearest[ROWS_MOST];
	struct exact_query queries[ROWS_MOST];
};

static uint32_t slice_rows(const struct assignment *a)
{
	const struct vectors *v = &a->to->vectors;
	double rows = SLICE_PRODUCTS / ((double)v->count * v->about.dimension);

	return rows < ROWS_LEAST ? ROWS_LEAST : rows > ROWS_MOST ? ROWS_MOST : (uint32_t)rows;
}

/* The nearest is no further than a guess is. */
static double floor_of(const struct assignment *a, const float *vector, uint32_t guess)
{
	const struct vectors *v = &a->to->vectors;

	return score_row(v, vector, vector_length(vector, v->about.dimension), guess);
}

static enum code find(
	const struct assignment *a, uint32_t first, uint32_t n, struct batch *b, struct error *e)
{
	uint32_t *nearest = a->nearest + first;

	for (uint32_t i = 0; i < n; i++) {
		float *vector = b->vector + (size_t)i * a->to->vectors.about.dimension;
		a->read(a->arg, first + i, vector);
		b->queries[i] = (struct exact_query){.vector = vector,
			.k = 1,
			.floor = a->near ? floor_of(a, vector, nearest[i]) : -INFINITY,
			.out = &b->nearest[i]};
	}
	if (exact_search(&a->to->exact, a->to->number, b->queries, n, a->cancelled, e))
		return e->code;
	for (uint32_t i = 0; i < n; i++)
		nearest[i] = b->nearest[i].document;
	return OK;
}

static enum code find_slice(void *arg, size_t i, struct error *e)
{
	const struct assignment *a = arg;
	uint32_t some = slice_rows(a), first = (uint32_t)i * some;
	uint32_t n = a->n - first < some ? a->n - first : some;
	size_t bytes = (size_t)n * a->to->vectors.row_bytes;
	struct batch *b = FAULT() ? NULL : malloc(sizeof *b);

	if (!b)
		return error_memory(e);
	b->vector = FAULT() ? NULL : malloc(bytes);
	enum code rc = b->vector ? find(a, first, n, b, e) : error_memory(e);
	free(b->vector);
	free(b);
	return rc;
}

static void tell(void *arg, size_t taken)
{
	const struct assignment *a = arg;

	if (a->told)
		a->told(a->arg, (uint32_t)taken * slice_rows(a));
}

enum code centroids_assign(const struct assignment *a, const struct crew *crew, struct error *e)
{
	uint32_t some = slice_rows(a);
	struct slices s = {.n = (a->n + (size_t)some - 1) / some,
		.each = find_slice,
		.told = tell,
		.arg = (void *)a};

	return crew_slices(crew, &s, e);
}
