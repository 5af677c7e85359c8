/*
 * The tile with AVX2, which multiplies bytes into sums of 16 bits that saturate: a row's byte goes up
 * to 255, so a query's may be 64 at most (2 x 255 x 64 < 2^15), which costs the query a bit of
 * precision and the answer nothing. 32 rows are four registers of eight lanes; two queries at a time.
 */
#include "storage/exact/panel.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define WITH_AVX2 __attribute__((target("avx2,fma")))

enum { LANES = 8, REGISTERS = CODE_BLOCK / LANES };

WITH_AVX2 static inline __attribute__((always_inline)) __m256i broadcast(const int8_t *four)
{
	int32_t word;

	memcpy(&word, four, sizeof word);
	return _mm256_set1_epi32(word);
}

WITH_AVX2 static inline __attribute__((always_inline)) __m256i multiply_add(
	__m256i sum, __m256i rows, __m256i query)
{
	__m256i pairs = _mm256_maddubs_epi16(rows, query);

	return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

WITH_AVX2 static inline __attribute__((always_inline)) void finish(
	const struct tile *t, uint32_t i, const __m256i *sum)
{
	const struct panel *p = t->panel;
	__m256 unit = _mm256_set1_ps(p->unit[i]), reach = _mm256_set1_ps(p->reach[i]);
	__m256 tau = _mm256_set1_ps(p->survivors[i].tau);
	float upper[CODE_BLOCK] __attribute__((aligned(32)));
	uint32_t mask = 0;

	for (int r = 0; r < REGISTERS; r++) {
		int at = r * LANES;
		__m256 x = _mm256_mul_ps(_mm256_cvtepi32_ps(sum[r]), _mm256_load_ps(t->scale + at));
		x = _mm256_fmadd_ps(x, unit,
			_mm256_fmsub_ps(reach, _mm256_load_ps(t->margin + at),
				_mm256_load_ps(t->less + at)));
		_mm256_store_ps(upper + at, x);
		mask |= (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(x, tau, _CMP_GE_OQ)) << at;
	}
	if (mask)
		survivors_offer(&p->survivors[i], t, mask, upper);
}

WITH_AVX2 static void two_queries(const struct tile *t, uint32_t i)
{
	const struct panel *p = t->panel;
	__m256i a[REGISTERS], b[REGISTERS];

	for (int r = 0; r < REGISTERS; r++) {
		a[r] = _mm256_set1_epi32(p->start[i]);
		b[r] = _mm256_set1_epi32(p->start[i + 1]);
	}
	for (uint32_t s = 0; s < p->steps; s++) {
		const __m256i *rows = (const __m256i *)(t->code + s * CODE_BLOCK * 4);
		const int8_t *query = p->code + (s * p->width + i) * 4;
		__m256i q = broadcast(query), u = broadcast(query + 4);
#pragma GCC unroll 4
		for (int r = 0; r < REGISTERS; r++) {
			__m256i x = _mm256_load_si256(rows + r);
			a[r] = multiply_add(a[r], x, q);
			b[r] = multiply_add(b[r], x, u);
		}
	}
	finish(t, i, a);
	if (i + 1 < p->n)
		finish(t, i + 1, b);
}

WITH_AVX2 static void one_query(const struct tile *t)
{
	const struct panel *p = t->panel;
	__m256i a[REGISTERS];

	for (int r = 0; r < REGISTERS; r++)
		a[r] = _mm256_set1_epi32(p->start[0]);
	for (uint32_t s = 0; s < p->steps; s++) {
		const __m256i *rows = (const __m256i *)(t->code + s * CODE_BLOCK * 4);
		__m256i q = broadcast(p->code + s * 4);
#pragma GCC unroll 4
		for (int r = 0; r < REGISTERS; r++)
			a[r] = multiply_add(a[r], _mm256_load_si256(rows + r), q);
	}
	finish(t, 0, a);
}

void tile_avx2(const struct tile *t)
{
	if (t->panel->width == 1) {
		one_query(t);
		return;
	}
	for (uint32_t i = 0; i < t->panel->n; i += 2)
		two_queries(t, i);
}

#else

void tile_avx2(const struct tile *t)
{
	tile_portable(t);
}

#endif
