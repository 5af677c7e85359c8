/*
 * The tile with VNNI: 32 rows are two registers of 16 lanes, a lane a row, four dimensions a step.
 * Twelve queries times two registers are 24 sums; with the two rows' registers and the query's they
 * fill the register file, and every load is used twelve times or twice. A whole panel goes in two
 * eights, the second of which finds the block near.
 *
 * What comes next is fetched meanwhile (ahead.h), but for one query alone: memory is all that it waits
 * for, and is asked for no more by asking twice.
 *
 * The multiply-add is written in assembler: GCC 12 spills sums around the intrinsic. Loops over
 * queries are spelled out by the lists below, since an array of sums would live in memory.
 */
#include "storage/exact/tile_avx512.h"

#if defined(__x86_64__)

#include <string.h>

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

#define START(i) __m512i low##i = _mm512_set1_epi32(p->start[first + i]), high##i = low##i;

#define STEP(i) \
	{ \
		__m512i q = broadcast(query + 4 * i); \
		MULTIPLY_ADD(low##i, x, q); \
		MULTIPLY_ADD(high##i, y, q); \
	}

#define FINISH(i) \
	if (first + i < p->n) \
		finish(t, &b, first + i, low##i, high##i);

#define TILE(lanes) \
	WITH_AVX512 static void tile_##lanes(const struct tile *t, uint32_t first) \
	{ \
		const struct panel *p = t->panel; \
		const unsigned char *rows = t->code; \
		const int8_t *query = p->code + (size_t)first * 4; \
		size_t step = (size_t)p->width * 4; \
		struct ahead ahead = ahead_part(t->ahead, first / lanes, p->width / lanes); \
		struct fetch fetch = fetch_begin(ahead, p->steps); \
		EACH_##lanes(START) for (uint32_t s = 0; s < p->steps; s++) \
		{ \
			__m512i x = _mm512_load_si512(rows), y = _mm512_load_si512(rows + 64); \
			if (lanes > 1) \
				fetch_step(&fetch); \
			EACH_##lanes(STEP) rows += 128; \
			query += step; \
		} \
		const struct bounds b = bounds_of(t); \
		EACH_##lanes(FINISH) \
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
		tile_1(t, 0);
		return;
	case 2:
		tile_2(t, 0);
		return;
	case 4:
		tile_4(t, 0);
		return;
	case 6:
		tile_6(t, 0);
		return;
	case 8:
		tile_8(t, 0);
		return;
	case 12:
		tile_12(t, 0);
		return;
	default:
		tile_8(t, 0);
		tile_8(t, 8);
	}
}

#else

void tile_avx512(const struct tile *t)
{
	tile_portable(t);
}

#endif
