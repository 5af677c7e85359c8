/* How a tile ends whose sums are whole, where there is AVX-512: a query against the block's 32 rows. */
#ifndef STORAGE_EXACT_TILE_AVX512_H
#define STORAGE_EXACT_TILE_AVX512_H

#include "storage/exact/panel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,popcnt"
#define WITH_AVX512 __attribute__((target(AVX512)))

#define INLINE_AVX512 WITH_AVX512 static inline __attribute__((always_inline))

/* What all queries need of a tile's rows, 0 - 15 and 16 - 31. */
struct bounds {
	struct half_bounds {
		__m512 scale, margin, less, tail;
		__m512i row;
	} low, high;
};

INLINE_AVX512 struct half_bounds half_bounds_of(const struct tile *t, uint32_t first)
{
	__m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

	return (struct half_bounds){
		_mm512_load_ps(t->scale + first),
		_mm512_load_ps(t->margin + first),
		_mm512_load_ps(t->less + first),
		_mm512_load_ps(t->tail_length + first),
		_mm512_add_epi32(lane, _mm512_set1_epi32((int)(t->first + first))),
	};
}

INLINE_AVX512 struct bounds bounds_of(const struct tile *t)
{
	return (struct bounds){half_bounds_of(t, 0), half_bounds_of(t, 16)};
}

/* Of query i against sixteen rows. Every other block has a row that is found, so to branch for it would
 * be guessing: what there is, mostly nothing, is moved together and stored. */
INLINE_AVX512 void finish_half(
	const struct tile *t, const struct half_bounds *b, uint32_t i, __m512i sum)
{
	const struct panel *p = t->panel;
	struct candidates *found = &t->found[i];
	__m512 unit = _mm512_set1_ps(p->unit[i]), reach = _mm512_set1_ps(p->reach[i]);
	__m512 tail = _mm512_set1_ps(p->tails[i].reach);
	__m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), b->scale);

	x = _mm512_fmadd_ps(x, unit, _mm512_fmsub_ps(reach, b->margin, b->less));
	x = _mm512_fmadd_ps(tail, b->tail, x);
	__mmask16 mask = _mm512_cmp_ps_mask(x, _mm512_set1_ps(p->survivors[i].tau), _CMP_GE_OQ);
	_mm512_storeu_ps(found->upper + found->n, _mm512_maskz_compress_ps(mask, x));
	_mm512_storeu_si512(found->row + found->n, _mm512_maskz_compress_epi32(mask, b->row));
	found->n += (uint32_t)__builtin_popcount(mask);
}

INLINE_AVX512 void finish(
	const struct tile *t, const struct bounds *b, uint32_t i, __m512i low, __m512i high)
{
	finish_half(t, &b->low, i, low);
	finish_half(t, &b->high, i, high);
}

#endif

#endif
