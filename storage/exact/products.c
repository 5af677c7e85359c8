/*
 * A lane is a query, and a row's number is broadcast to all of them, so rows are read as they are
 * stored. With AVX-512 eight rows times three panels are 24 sums; with the panels' registers and the
 * broadcast they fill the register file, and there are eleven loads for 24 multiplications. AVX2 has
 * registers for four rows and one panel, a panel being two of them: eight sums, which is what its
 * multipliers have under way.
 */
#include "storage/exact/products.h"

uint32_t products_roundings(uint32_t dimension)
{
	uint32_t summed = dimension < PRODUCTS_SUMMED ? dimension : PRODUCTS_SUMMED;

	return summed + (dimension + PRODUCTS_SUMMED - 1) / PRODUCTS_SUMMED;
}

static uint32_t end_of(const struct products *p, uint32_t from)
{
	uint32_t left = p->dimension - from;

	return from + (left < PRODUCTS_SUMMED ? left : PRODUCTS_SUMMED);
}

static lanes sum_some(const struct products *p, uint32_t row, uint32_t panel, uint32_t from)
{
	const lanes *q = p->panels + (size_t)panel * p->dimension;
	const float *x = p->rows + row * p->stride;
	lanes sum = {0};

	for (uint32_t i = from; i < end_of(p, from); i++)
		sum += x[i] * q[i];
	return sum;
}

static void products_portable(const struct products *p)
{
	for (uint32_t row = 0; row < PRODUCTS_ROWS; row++)
		for (uint32_t panel = 0; panel < p->n; panel++) {
			lanes sum = {0};
			for (uint32_t from = 0; from < p->dimension; from += PRODUCTS_SUMMED)
				sum += sum_some(p, row, panel, from);
			p->out[row * p->n + panel] = sum;
		}
}

#if defined(__x86_64__)

#include <immintrin.h>

#define WITH_AVX512 __attribute__((target("avx512f")))
#define WITH_AVX2 __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline))

/* Adds the products of some dimensions, of all rows with n panels. */
WITH_AVX512 INLINE void add_avx512(const struct products *p, uint32_t n, uint32_t from)
{
	__m512 sum[PRODUCTS_ROWS][PRODUCTS_PANELS];
	const float *x = p->rows;

#pragma GCC unroll 8
	for (int row = 0; row < PRODUCTS_ROWS; row++)
#pragma GCC unroll 3
		for (uint32_t j = 0; j < n; j++)
			sum[row][j] = _mm512_setzero_ps();
	for (uint32_t i = from; i < end_of(p, from); i++) {
		__m512 q[PRODUCTS_PANELS];
#pragma GCC unroll 3
		for (uint32_t j = 0; j < n; j++)
			q[j] = _mm512_load_ps(p->panels + j * (size_t)p->dimension + i);
#pragma GCC unroll 8
		for (int row = 0; row < PRODUCTS_ROWS; row++) {
			__m512 one = _mm512_set1_ps(x[row * p->stride + i]);
#pragma GCC unroll 3
			for (uint32_t j = 0; j < n; j++)
				sum[row][j] = _mm512_fmadd_ps(one, q[j], sum[row][j]);
		}
	}
#pragma GCC unroll 8
	for (uint32_t row = 0; row < PRODUCTS_ROWS; row++)
#pragma GCC unroll 3
		for (uint32_t j = 0; j < n; j++) {
			lanes *out = p->out + row * n + j;
			__m512 all = from ? _mm512_load_ps(out) : _mm512_setzero_ps();
			_mm512_store_ps(out, _mm512_add_ps(all, sum[row][j]));
		}
}

WITH_AVX512 static void products_avx512(const struct products *p)
{
	for (uint32_t from = 0; from < p->dimension; from += PRODUCTS_SUMMED)
		switch (p->n) {
		case 1:
			add_avx512(p, 1, from);
			break;
		case 2:
			add_avx512(p, 2, from);
			break;
		default:
			add_avx512(p, 3, from);
		}
}

enum { ROWS_OF_AVX2 = 4, HALF = GROUP / 2 };

/* The same of four rows with one panel. */
WITH_AVX2 INLINE void add_avx2(
	const struct products *p, uint32_t first, uint32_t panel, uint32_t from)
{
	const lanes *q = p->panels + (size_t)panel * p->dimension;
	const float *x = p->rows + first * p->stride;
	__m256 sum[ROWS_OF_AVX2][2];

#pragma GCC unroll 4
	for (int row = 0; row < ROWS_OF_AVX2; row++)
		sum[row][0] = sum[row][1] = _mm256_setzero_ps();
	for (uint32_t i = from; i < end_of(p, from); i++) {
		__m256 low = _mm256_load_ps((const float *)(q + i));
		__m256 high = _mm256_load_ps((const float *)(q + i) + HALF);
#pragma GCC unroll 4
		for (int row = 0; row < ROWS_OF_AVX2; row++) {
			__m256 one = _mm256_broadcast_ss(x + row * p->stride + i);
			sum[row][0] = _mm256_fmadd_ps(one, low, sum[row][0]);
			sum[row][1] = _mm256_fmadd_ps(one, high, sum[row][1]);
		}
	}
#pragma GCC unroll 4
	for (uint32_t row = 0; row < ROWS_OF_AVX2; row++)
#pragma GCC unroll 2
		for (int half = 0; half < 2; half++) {
			float *out = (float *)(p->out + (first + row) * p->n + panel) + half * HALF;
			__m256 all = from ? _mm256_load_ps(out) : _mm256_setzero_ps();
			_mm256_store_ps(out, _mm256_add_ps(all, sum[row][half]));
		}
}

WITH_AVX2 static void products_avx2(const struct products *p)
{
	for (uint32_t panel = 0; panel < p->n; panel++)
		for (uint32_t from = 0; from < p->dimension; from += PRODUCTS_SUMMED)
			for (uint32_t row = 0; row < PRODUCTS_ROWS; row += ROWS_OF_AVX2)
				add_avx2(p, row, panel, from);
}

#endif

products_fn *products_for(enum isa isa)
{
	switch (isa) {
#if defined(__x86_64__)
	case ISA_AMX:
	case ISA_AVX512:
		return products_avx512;
	case ISA_AVX2:
		return products_avx2;
#endif
	default:
		return products_portable;
	}
}
