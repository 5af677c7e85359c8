#include "storage/exact/rotation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/isa.h"

enum {
	ROUNDS = 2,
	ROWS_AT_ONCE = 3,   /* of a basis: six sums fit into the registers of AVX2 */
	SUMMED_AT_ONCE = 32 /* products, so that rounding is of their sums' number */
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

bool rotation_init(struct rotation *r, uint32_t dimension)
{
	uint64_t state = dimension;
	float *sign = FAULT() ? NULL : malloc(sizeof *sign * ROUNDS * dimension);

	if (!sign)
		return false;
	for (uint32_t i = 0; i < ROUNDS * dimension; i++)
		sign[i] = next_random(&state) >> 63 ? 1 : -1;
	*r = (struct rotation){.dimension = dimension, .sign = sign};
	basis_own(&r->basis, dimension);
	return true;
}

void rotation_free(struct rotation *r)
{
	basis_free(&r->basis);
	free(r->sign);
}

/* A sum of products rounds each of them once, each sum of SUMMED_AT_ONCE that often, and the sum of
 * those as often as they are: in all so many u of the sum of magnitudes |B| |x|, which is not longer than
 * sqrt(d) |x| (1 + skew). */
static double basis_error(const struct rotation *r)
{
	uint32_t d = r->dimension;

	if (!r->basis.row)
		return 0;
	return 0x1p-24 * (SUMMED_AT_ONCE + d / SUMMED_AT_ONCE + 4) * sqrt(d) * 1.001;
}

/* Each of the additions below rounds once: a level of butterflies moves the vector by at most u of
 * its length, and so do the multiplications by signs and by 1/sqrt(span), which is rounded too. */
double rotation_error(const struct rotation *r)
{
	return 0x1p-24 * ROUNDS * 2 * (log2(r->dimension) + 4) * 1.001 + basis_error(r);
}

/* Two levels at once, which halves the trips to memory. */
ON_ANY_TARGET void butterfly4(lanes *x, uint32_t h)
{
	lanes a = x[0], b = x[h], c = x[2 * h], d = x[3 * h];
	lanes ab = a + b, a_b = a - b, cd = c + d, c_d = c - d;

	x[0] = ab + cd;
	x[h] = a_b + c_d;
	x[2 * h] = ab - cd;
	x[3 * h] = a_b - c_d;
}

ON_ANY_TARGET void butterfly2(lanes *x, uint32_t h)
{
	lanes a = x[0], b = x[h];

	x[0] = a + b;
	x[h] = a - b;
}

ON_ANY_TARGET void transform(lanes *x, uint32_t span)
{
	float scale = 1 / sqrtf((float)span);
	uint32_t h = 1;

	for (; 4 * h <= span; h *= 4)
		for (uint32_t i = 0; i < span; i += 4 * h)
			for (uint32_t j = i; j < i + h; j++)
				butterfly4(x + j, h);
	if (2 * h <= span)
		for (uint32_t j = 0; j < h; j++)
			butterfly2(x + j, h);
	for (uint32_t i = 0; i < span; i++)
		x[i] *= scale;
}

/* Of the n dimensions from `first` on. */
ON_ANY_TARGET void all_rounds(const struct rotation *r, lanes *x, uint32_t first, uint32_t n)
{
	uint32_t span = 1;

	while (2 * span <= n)
		span *= 2;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		const float *sign = r->sign + round * r->dimension + first;
		for (uint32_t i = 0; i < n; i++)
			x[first + i] *= sign[i];
		transform(x + first, span);
		if (span < n)
			transform(x + first + n - span, span);
	}
}

/* A register of AVX2: what is wider GCC 12 keeps in memory there. */
typedef float half_lanes __attribute__((vector_size(sizeof(lanes) / 2)));

struct sums {
	half_lanes low[ROWS_AT_ONCE], high[ROWS_AT_ONCE];
};

/* So many products, for each of the rows. */
ON_ANY_TARGET void add_some(
	const float *row, uint32_t stride, const lanes *x, uint32_t n, struct sums *all)
{
	struct sums s = {{{0}}, {{0}}};

	for (uint32_t i = 0; i < n; i++) {
		half_lanes low = ((const half_lanes *)(x + i))[0];
		half_lanes high = ((const half_lanes *)(x + i))[1];
#pragma GCC unroll 3
		for (uint32_t j = 0; j < ROWS_AT_ONCE; j++) {
			float value = row[(size_t)j * stride + i];
			s.low[j] += value * low;
			s.high[j] += value * high;
		}
	}
#pragma GCC unroll 3
	for (uint32_t j = 0; j < ROWS_AT_ONCE; j++) {
		all->low[j] += s.low[j];
		all->high[j] += s.high[j];
	}
}

/* ROWS_AT_ONCE sums, over all dimensions of x. */
ON_ANY_TARGET void multiply_rows(const float *row, const lanes *x, uint32_t d, lanes *out)
{
	struct sums s = {{{0}}, {{0}}};

	for (uint32_t from = 0; from < d; from += SUMMED_AT_ONCE) {
		uint32_t n = from + SUMMED_AT_ONCE < d ? SUMMED_AT_ONCE : d - from;
		add_some(row + from, d, x + from, n, &s);
	}
	for (uint32_t j = 0; j < ROWS_AT_ONCE; j++) {
		memcpy(out + j, s.low + j, sizeof s.low[j]);
		memcpy((half_lanes *)(out + j) + 1, s.high + j, sizeof s.high[j]);
	}
}

/* The last rows overlap those before them, where their number is no multiple. */
ON_ANY_TARGET void change_basis(const struct rotation *r, lanes *x)
{
	uint32_t d = r->dimension, last = d - ROWS_AT_ONCE;
	lanes image[BASIS_MOST];

	for (uint32_t i = 0; i < d; i += ROWS_AT_ONCE) {
		uint32_t at = i < last ? i : last;
		multiply_rows(r->basis.row + (size_t)at * d, x, d, image + at);
	}
	memcpy(x, image, d * sizeof *x);
}

ON_ANY_TARGET void turn(const struct rotation *r, lanes *x)
{
	uint32_t head = r->basis.head, tail = r->dimension - head;

	if (r->basis.row)
		change_basis(r, x);
	all_rounds(r, x, 0, head);
	if (tail)
		all_rounds(r, x, head, tail);
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static void rotate_avx512(const struct rotation *r, lanes *x)
{
	turn(r, x);
}

__attribute__((target("avx2"))) static void rotate_avx2(const struct rotation *r, lanes *x)
{
	turn(r, x);
}
#endif

static void rotate_portable(const struct rotation *r, lanes *x)
{
	turn(r, x);
}

void rotate(const struct rotation *r, lanes *x)
{
	switch (isa_now()) {
#if defined(__x86_64__)
	case ISA_AMX:
	case ISA_AVX512:
		rotate_avx512(r, x);
		return;
	case ISA_AVX2:
		rotate_avx2(r, x);
		return;
#endif
	default:
		rotate_portable(r, x);
	}
}
