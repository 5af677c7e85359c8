#include "storage/vectors/upload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/vectors/half.h"
#include "storage/vectors/kernels.h"
#include "storage/vectors/npy.h"

/* Longer vectors are a broken model, and would overflow other people's arithmetic. */
static const double longest = 1e6;

/* Where the rows are, in the caller's dtype: one array, or one a row. */
struct source {
	const char *field; /* "vectors" or "data" */
	uint64_t rows, columns;
	Pb__Dtype dtype;
	const unsigned char *data; /* NULL: in `vectors` */
	Pb__Vector *const *vectors;
};

static enum code refuse(struct error *e, const char *reason, const char *sentence)
{
	return error_set(e, INVALID_ARGUMENT, reason, "%s", sentence);
}

enum code vector_check(const float *values, size_t dimension, Pb__Similarity similarity,
	const char *field, struct error *e)
{
	double norm = sqrt(dot_f32(values, values, dimension));

	/* No sum of squares of floats overflows a double: it is finite when all of them are. */
	for (size_t j = 0; !isfinite(norm); j++)
		if (!isfinite(values[j])) {
			refuse(e, "NOT_FINITE", "A vector holds NaN or an infinity.");
			return error_field(e, "%s[%zu]", field, j);
		}
	if (norm > longest) {
		refuse(e, "NORM_TOO_LARGE", "A vector is longer than 1e6.");
		return error_field(e, "%s", field);
	}
	if (norm == 0 && similarity == PB__SIMILARITY__SIMILARITY_COSINE) {
		refuse(e, "ZERO_VECTOR",
			"A vector is zero: it has no direction, and so no cosine.");
		return error_field(e, "%s", field);
	}
	return OK;
}

static enum code find_source(
	const Pb__UpsertVectorsRequest *req, struct source *out, struct error *e)
{
	struct source s = {.field = "data", .dtype = req->dtype};
	struct npy npy;

	if (!req->has_data) {
		*out = (struct source){.field = "vectors",
			.rows = req->n_vectors,
			.dtype = PB__DTYPE__DTYPE_F32,
			.vectors = req->vectors};
		return OK;
	}
	if (req->n_vectors) {
		refuse(e, "TWO_SOURCES", "Give either `vectors` or `data`, not both.");
		return error_field(e, "data");
	}
	s.data = req->data.data;
	if (req->dtype == PB__DTYPE__DTYPE_NPY) {
		if (npy_parse(req->data.data, req->data.len, &npy, e))
			return e->code;
		s.data = npy.data;
		s.rows = npy.rows;
		s.columns = npy.columns;
		s.dtype = npy.dtype;
	}
	*out = s;
	return OK;
}

static enum code wrong_dimension(struct error *e, uint64_t is, uint32_t want)
{
	return error_set(e, INVALID_ARGUMENT, "WRONG_DIMENSION",
		"A vector has %llu values; the generation's dimension is %u.",
		(unsigned long long)is, want);
}

/* One row an id, each of the generation's dimension. */
static enum code check_shape(const Pb__UpsertVectorsRequest *req, const struct vectors_about *to,
	struct source *s, struct error *e)
{
	size_t want;

	for (size_t i = 0; i < req->n_vectors; i++)
		if (req->vectors[i]->n_values != to->dimension) {
			wrong_dimension(e, req->vectors[i]->n_values, to->dimension);
			return error_field(e, "vectors[%zu]", i);
		}
	if (req->has_data && req->dtype == PB__DTYPE__DTYPE_NPY && s->columns != to->dimension) {
		wrong_dimension(e, s->columns, to->dimension);
		return error_field(e, "data");
	}
	if (req->has_data && req->dtype != PB__DTYPE__DTYPE_NPY) {
		want = to->dimension * dtype_bytes(s->dtype);
		s->rows = req->data.len / want;
		if (req->data.len % want)
			s->rows = UINT64_MAX; /* no number of rows: equals no number of ids */
	}
	if (s->rows == req->n_ids)
		return OK;
	error_set(e, INVALID_ARGUMENT, "WRONG_LENGTH",
		"There are %zu ids; `%s` must hold as many rows of %u values.", req->n_ids,
		s->field, to->dimension);
	return error_field(e, "%s", s->field);
}

static bool aligned(const void *p, size_t size)
{
	return (uintptr_t)p % size == 0;
}

/* A row as floats: where it is, or else in `room`. */
static const float *load(const struct source *s, size_t i, uint32_t dimension, float *room)
{
	const unsigned char *from;
	uint16_t half;

	if (!s->data)
		return s->vectors[i]->values;
	from = s->data + i * dimension * dtype_bytes(s->dtype);
	if (s->dtype == PB__DTYPE__DTYPE_F32) {
		if (aligned(from, sizeof *room))
			return (const float *)from;
		memcpy(room, from, dimension * sizeof *room);
		return room;
	}
	for (uint32_t j = 0; j < dimension; j++) {
		memcpy(&half, from + j * sizeof half, sizeof half);
		room[j] = half_to_float(half);
	}
	return room;
}

/* Rounds a checked row to halves in `to`, and in `rounded` to what they say. */
static enum code round_row(const float *row, uint32_t dimension, const char *field, uint16_t *to,
	float *rounded, struct error *e)
{
	for (uint32_t j = 0; j < dimension; j++) {
		to[j] = half_from_float(row[j]);
		rounded[j] = half_to_float(to[j]);
		if (isinf(rounded[j])) {
			refuse(e, "HALF_OVERFLOW",
				"A value is beyond what half precision holds (65504); begin the "
				"generation with dtype f32.");
			return error_field(e, "%s[%u]", field, j);
		}
	}
	return OK;
}

/* `out` NULL: the row is as it should be where it is. */
static enum code convert_row(const struct source *s, size_t i, const struct vectors_about *to,
	float *room, unsigned char *out, struct error *e)
{
	char field[48];

	snprintf(field, sizeof field, "%s[%zu]", s->field, i);
	const float *row = load(s, i, to->dimension, room);
	if (vector_check(row, to->dimension, to->similarity, field, e))
		return e->code;
	if (!out)
		return OK;
	if (to->dtype == PB__DTYPE__DTYPE_F32) {
		memcpy(out, row, to->dimension * sizeof *row);
		return OK;
	}
	if (round_row(row, to->dimension, field, (uint16_t *)out, room, e))
		return e->code;
	return vector_check(room, to->dimension, to->similarity, field, e);
}

static enum code convert(const struct source *s, const struct vectors_about *to, size_t row_bytes,
	struct upload *out, struct error *e)
{
	float *room = FAULT() ? NULL : malloc(to->dimension * sizeof *room);
	enum code rc = room ? OK : error_memory(e);

	for (size_t i = 0; !rc && i < s->rows; i++)
		rc = convert_row(s, i, to, room, out->own ? out->own + i * row_bytes : NULL, e);
	free(room);
	return rc;
}

enum code upload_read(const Pb__UpsertVectorsRequest *req, const struct vectors_about *to,
	struct upload *out, struct error *e)
{
	struct source s;
	struct upload u = {0};
	size_t row_bytes = to->dimension * dtype_bytes(to->dtype), bytes;

	if (find_source(req, &s, e) || check_shape(req, to, &s, e))
		return e->code;
	if (s.rows > UINT32_MAX || __builtin_mul_overflow(s.rows, row_bytes, &bytes))
		return error_memory(e);
	u.n = (uint32_t)s.rows;
	if (s.data && s.dtype == to->dtype && aligned(s.data, dtype_bytes(s.dtype)))
		u.rows = s.data;
	else if (!FAULT())
		u.rows = u.own = malloc(bytes + 1);
	if (u.rows ? convert(&s, to, row_bytes, &u, e) : error_memory(e)) {
		upload_free(&u);
		return e->code;
	}
	*out = u;
	return OK;
}

void upload_free(struct upload *u)
{
	free(u->own);
	*u = (struct upload){0};
}
