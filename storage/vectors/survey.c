#include "storage/vectors/survey.h"

#include <math.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/vectors/format.h"
#include "storage/vectors/half.h"
#include "storage/vectors/kernels.h"

enum code survey_new(const struct vectors_about *about, struct survey **out, struct error *e)
{
	struct survey *s = FAULT() ? NULL : calloc(1, sizeof *s);

	if (!s)
		return error_memory(e);
	s->dtype = about->dtype;
	s->similarity = about->similarity;
	s->dimension = about->dimension;
	s->row = FAULT() ? NULL : malloc(s->dimension * sizeof *s->row);
	if (!s->row) {
		survey_free(s);
		return error_memory(e);
	}
	*out = s;
	return OK;
}

struct survey *survey_free(struct survey *s)
{
	if (!s)
		return NULL;
	free(s->norm);
	free(s->row);
	free(s);
	return NULL;
}

static enum code make_room(struct survey *s, uint32_t n, struct error *e)
{
	size_t room = s->room ? s->room : 1024;

	if (s->norm && s->room - s->count >= n)
		return OK;
	while (room - s->count < n)
		room *= 2;
	double *more = FAULT() ? NULL : realloc(s->norm, room * sizeof *more);
	if (!more)
		return error_memory(e);
	s->norm = more;
	s->room = room;
	return OK;
}

static double norm_of(const struct survey *s, const void *at)
{
	const float *row = at;

	if (s->dtype == PB__DTYPE__DTYPE_F16) {
		for (uint32_t j = 0; j < s->dimension; j++)
			s->row[j] = half_to_float(((const uint16_t *)at)[j]);
		row = s->row;
	}
	return sqrt(dot_f32(row, row, s->dimension));
}

enum code survey_add(struct survey *s, const void *rows, uint32_t n, struct error *e)
{
	const unsigned char *at = rows;
	size_t row_bytes = s->dimension * dtype_bytes(s->dtype);
	double longest = s->longest;

	if (make_room(s, n, e))
		return e->code;
	for (uint32_t i = 0; i < n; i++, at += row_bytes) {
		double norm = norm_of(s, at);
		if (!(norm <= 1e6) ||
			(norm == 0 && s->similarity == PB__SIMILARITY__SIMILARITY_COSINE))
			return vectors_corrupt(e, "a row is too long, zero, or not of numbers");
		longest = fmax(longest, norm);
		s->norm[s->count + i] = norm;
	}
	s->longest = longest;
	s->count += n;
	return OK;
}
