#include "storage/exact/score.h"

#include <math.h>

#include "storage/vectors/kernels.h"

double vector_length(const float *v, uint32_t dimension)
{
	return sqrt(dot_f32(v, v, dimension));
}

static double cosine(const struct vectors *rows, const float *query, double length, const void *x)
{
	double square, dot;

	if (rows->about.dtype == PB__DTYPE__DTYPE_F16)
		dot = dot_square_f16(query, x, rows->about.dimension, &square);
	else
		dot = dot_square_f32(query, x, rows->about.dimension, &square);
	return dot / (length * sqrt(square));
}

static double dot(const struct vectors *rows, const float *query, const void *x)
{
	if (rows->about.dtype == PB__DTYPE__DTYPE_F16)
		return dot_f16(query, x, rows->about.dimension);
	return dot_f32(query, x, rows->about.dimension);
}

static double l2(const struct vectors *rows, const float *query, const void *x)
{
	if (rows->about.dtype == PB__DTYPE__DTYPE_F16)
		return l2_f16(query, x, rows->about.dimension);
	return l2_f32(query, x, rows->about.dimension);
}

double score_row(const struct vectors *rows, const float *query, double length, uint32_t row)
{
	const void *x = vectors_row(rows, row);

	switch (rows->about.similarity) {
	case PB__SIMILARITY__SIMILARITY_COSINE:
		return cosine(rows, query, length, x);
	case PB__SIMILARITY__SIMILARITY_L2:
		return 0 - l2(rows, query, x); /* never -0 */
	default:
		return dot(rows, query, x);
	}
}

void score_offer(const struct vectors *rows, struct exact_query *q, double length, uint32_t row,
	struct top *top)
{
	struct hit h = {rows->numbers[row], 0};

	if (h.document == DEAD_ROW)
		return;
	h.score = score_row(rows, q->vector, length, row);
	if (!query_behind(q, top->order, &h))
		q->ahead++;
	else if (h.score >= q->floor && !query_excludes(q, h.document))
		top_offer(top, h);
}
