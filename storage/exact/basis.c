#include "storage/exact/basis.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/vectors/half.h"

/* The share of the squares that a tail may have, and the part of the dimensions that it has at least:
 * a longer tail is passed over too seldom, a shorter one saves too little. */
#define MOST_SHARE .1
#define MOST_SKEW 1e-4
enum { LEAST_PART = 4, VECTORS_AT_ONCE = 256 };

void basis_own(struct basis *b, uint32_t dimension)
{
	*b = (struct basis){.head = dimension};
}

size_t basis_bytes(const struct basis *b, uint32_t dimension)
{
	return b->head < dimension ? (size_t)dimension * dimension * sizeof *b->row : 0;
}

static bool is_sound(const struct basis *b, uint32_t dimension)
{
	return b->skew >= 0 && b->skew < MOST_SKEW && b->head > 0 && b->head <= dimension &&
	       (dimension - b->head) % TAIL_MULTIPLE == 0 &&
	       (b->head == dimension || dimension <= BASIS_MOST);
}

bool basis_make(struct basis *b, uint32_t dimension, uint32_t head, double skew)
{
	*b = (struct basis){.head = head, .skew = skew};
	if (!is_sound(b, dimension))
		return false;
	size_t bytes = basis_bytes(b, dimension);
	b->row = bytes == 0 || FAULT() ? NULL : malloc(bytes);
	return bytes == 0 || b->row;
}

bool basis_copy(struct basis *to, const struct basis *from, uint32_t dimension)
{
	size_t bytes = basis_bytes(from, dimension);

	*to = *from;
	if (!from->row)
		return true;
	to->row = FAULT() ? NULL : malloc(bytes);
	if (!to->row) {
		basis_own(to, dimension);
		return false;
	}
	memcpy(to->row, from->row, bytes);
	return true;
}

void basis_free(struct basis *b)
{
	free(b->row);
}

/* In place: of length 1, or zeros. */
static void make_direction(float *x, uint32_t d)
{
	double square = 0;

	for (uint32_t i = 0; i < d; i++)
		square += (double)x[i] * x[i];
	double factor = square > 0 && isfinite(square) ? 1 / sqrt(square) : 0;
	for (uint32_t i = 0; i < d; i++)
		x[i] = factor > 0 ? (float)(x[i] * factor) : 0;
}

static void put_directions(
	Pb__Dtype dtype, const void *vectors, size_t first, size_t n, uint32_t d, float *out)
{
	const float *f32 = vectors;
	const uint16_t *f16 = vectors;
	bool half = dtype == PB__DTYPE__DTYPE_F16;

	for (size_t i = 0; i < n * d; i++)
		out[i] = half ? half_to_float(f16[first * d + i]) : f32[first * d + i];
	for (size_t i = 0; i < n; i++)
		make_direction(out + i * d, d);
}

/* The upper triangle of the sum of the directions' outer products. */
static bool add_moments(Pb__Dtype dtype, const void *vectors, size_t n, uint32_t d, float *moments)
{
	float *directions = FAULT() ? NULL : malloc(VECTORS_AT_ONCE * sizeof *directions * d);

	for (size_t done = 0, some; directions && done < n; done += some) {
		some = n - done < VECTORS_AT_ONCE ? n - done : VECTORS_AT_ONCE;
		put_directions(dtype, vectors, done, some, d, directions);
		cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)d, (int)some, 1, directions,
			(int)d, 1, moments, (int)d);
	}
	free(directions);
	return directions;
}

/* What the dimensions beside the first ones have of the whole. */
static double share_behind(const double *rising, uint32_t d, uint32_t tail)
{
	double all = 0, behind = 0;

	for (uint32_t i = 0; i < d; i++) {
		all += fmax(rising[i], 0);
		behind += i < tail ? fmax(rising[i], 0) : 0;
	}
	return all > 0 ? behind / all : 1;
}

static uint32_t tail_for(const double *rising, uint32_t d)
{
	uint32_t tail = 0;

	while (tail + TAIL_MULTIPLE < d &&
		share_behind(rising, d, tail + TAIL_MULTIPLE) <= MOST_SHARE)
		tail += TAIL_MULTIPLE;
	return tail * LEAST_PART >= d ? tail : 0;
}

/* The Frobenius norm of 1 - B'B, and what computing it in double may have lost. */
static double skew_of(const float *row, uint32_t d, double *wide, double *gram)
{
	double square = 0;

	for (size_t i = 0; i < (size_t)d * d; i++)
		wide[i] = row[i];
	cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)d, (int)d, 1, wide, (int)d, 0, gram,
		(int)d);
	for (uint32_t i = 0; i < d; i++)
		for (uint32_t j = i; j < d; j++) {
			double off = gram[(size_t)i * d + j] - (i == j);
			square += (i == j ? 1 : 2) * off * off;
		}
	return sqrt(square) * (1 + 1e-6) + 0x1p-50 * d * d;
}

/* Eigenvectors are columns, by rising eigenvalue: the last is the first row. */
static void put_rows(const double *vectors, uint32_t d, float *row)
{
	for (uint32_t i = 0; i < d; i++)
		for (uint32_t j = 0; j < d; j++)
			row[(size_t)i * d + j] = (float)vectors[(size_t)j * d + (d - 1 - i)];
}

/* Takes the eigenvectors, and as many doubles again as scratch, as far as they are worth it. */
static bool take(
	struct basis *b, uint32_t d, double *vectors, double *scratch, const double *rising)
{
	uint32_t tail = tail_for(rising, d);
	float *row = tail == 0 || FAULT() ? NULL : malloc((size_t)d * d * sizeof *row);

	if (!row)
		return tail == 0;
	put_rows(vectors, d, row);
	*b = (struct basis){
		.head = d - tail, .skew = skew_of(row, d, vectors, scratch), .row = row};
	if (b->skew < MOST_SKEW)
		return true;
	free(row); /* such as of numbers that did not converge */
	basis_own(b, d);
	return true;
}

static bool solve(struct basis *b, uint32_t d, const float *moments)
{
	size_t n = (size_t)d * d;
	double *vectors = FAULT() ? NULL : malloc(n * sizeof *vectors);
	double *scratch = FAULT() ? NULL : malloc(n * sizeof *scratch);
	double *rising = FAULT() ? NULL : malloc(d * sizeof *rising);
	bool ready = vectors && scratch && rising;

	for (size_t i = 0; ready && i < n; i++)
		vectors[i] = moments[i];
	if (ready) {
		int info =
			LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'U', (int)d, vectors, (int)d, rising);
		if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
			ready = false;
		else if (info == 0)
			ready = take(b, d, vectors, scratch, rising);
	}
	free(vectors);
	free(scratch);
	free(rising);
	return ready;
}

bool basis_is_possible(uint32_t dimension)
{
	return dimension > TAIL_MULTIPLE && dimension <= BASIS_MOST;
}

bool basis_learn(
	struct basis *b, uint32_t dimension, Pb__Dtype dtype, const void *vectors, size_t n)
{
	float *moments;
	bool ready;

	basis_own(b, dimension);
	if (!basis_is_possible(dimension))
		return true;
	openblas_set_num_threads(1); /* the cores are others', and sums have one order */
	moments = FAULT() ? NULL : calloc((size_t)dimension * dimension, sizeof *moments);
	ready = moments && add_moments(dtype, vectors, n, dimension, moments) &&
		solve(b, dimension, moments);
	free(moments);
	return ready;
}
