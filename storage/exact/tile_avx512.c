/*
 * The tile with VNNI: 32 rows are two registers of 16 lanes, a lane a row, four dimensions a step.
 * Twelve queries times two registers are 24 sums; with the two rows' registers and the query's they
 * fill the register file, and every load is used twelve times or twice.
 *
 * The multiply-add is written in assembler: GCC 12 spills sums around the intrinsic. Loops over
 * queries are spelled out by the lists below, since an array of sums would live in memory.
 */
#include "storage/exact/panel.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define WITH_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

#define EACH_1(M) M(0)
#define EACH_2(M) EACH_1(M) M(1)
#define EACH_4(M) EACH_2(M) M(2) M(3)
#define EACH_6(M) EACH_4(M) M(4) M(5)
#define EACH_8(M) EACH_6(M) M(6) M(7)
#define EACH_12(M) EACH_8(M) M(8) M(9) M(10) M(11)

WITH_AVX512 static inline __attribute__((always_inline)) __m512i broadcast(const int8_t *four)
{
	int32_t word;

	memcpy(&word, four, sizeof word);
	return _mm512_set1_epi32(word);
}

#define MULTIPLY_ADD(sum, rows, query) \
	__asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(rows), "v"(query))

#define START(i) __m512i low##i = _mm512_set1_epi32(p->start[i]), high##i = low##i;

#define STEP(i) \
	{ \
		__m512i q = broadcast(query + 4 * i); \
		MULTIPLY_ADD(low##i, x, q); \
		MULTIPLY_ADD(high##i, y, q); \
	}

WITH_AVX512 static inline __attribute__((always_inline)) void finish(
	const struct tile *t, uint32_t i, __m512i low, __m512i high)
{
	const struct panel *p = t->panel;
	__m512 unit = _mm512_set1_ps(p->unit[i]), reach = _mm512_set1_ps(p->reach[i]);
	__m512 tau = _mm512_set1_ps(p->survivors[i].tau);
	__m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(low), _mm512_load_ps(t->scale));
	__m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(high), _mm512_load_ps(t->scale + 16));

	x = _mm512_fmadd_ps(x, unit,
		_mm512_fmsub_ps(reach, _mm512_load_ps(t->margin), _mm512_load_ps(t->less)));
	y = _mm512_fmadd_ps(y, unit,
		_mm512_fmsub_ps(
			reach, _mm512_load_ps(t->margin + 16), _mm512_load_ps(t->less + 16)));
	__m512 tail = _mm512_set1_ps(p->tails[i].reach);
	x = _mm512_fmadd_ps(tail, _mm512_load_ps(t->tail_length), x);
	y = _mm512_fmadd_ps(tail, _mm512_load_ps(t->tail_length + 16), y);
	uint32_t mask = _mm512_cmp_ps_mask(x, tau, _CMP_GE_OQ) |
			(uint32_t)_mm512_cmp_ps_mask(y, tau, _CMP_GE_OQ) << 16;
	if (__builtin_expect(mask == 0, 1))
		return;
	float upper[CODE_BLOCK] __attribute__((aligned(64)));
	_mm512_store_ps(upper, x);
	_mm512_store_ps(upper + 16, y);
	candidates_add(&t->found[i], t->first, mask, upper);
}

#define FINISH(i) \
	if (i < p->n) \
		finish(t, i, low##i, high##i);

#define TILE(width) \
	WITH_AVX512 static void tile_##width(const struct tile *t) \
	{ \
		const struct panel *p = t->panel; \
		const unsigned char *rows = t->code; \
		const int8_t *query = p->code; \
		EACH_##width(START) for (uint32_t s = 0; s < p->steps; s++) \
		{ \
			__m512i x = _mm512_load_si512(rows), y = _mm512_load_si512(rows + 64); \
			EACH_##width(STEP) rows += 128; \
			query += 4 * width; \
		} \
		EACH_##width(FINISH) \
	}

TILE(1)
TILE(2)
TILE(4)
TILE(6)
TILE(8)
TILE(12)

void tile_avx512(const struct tile *t)
{
	switch (t->panel->width) {
	case 1:
		tile_1(t);
		return;
	case 2:
		tile_2(t);
		return;
	case 4:
		tile_4(t);
		return;
	case 6:
		tile_6(t);
		return;
	case 8:
		tile_8(t);
		return;
	default:
		tile_12(t);
	}
}

#else

void tile_avx512(const struct tile *t)
{
	tile_portable(t);
}

#endif
