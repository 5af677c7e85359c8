/*
 * Of the rows that a tile found by their heads, those that are still found by head and tail. They are a
 * few of a hundred and lie anywhere in the chunk, so they are looked at one by one, each tail being a
 * run of bytes; four at a time, since what comes after the products costs as much as they do.
 *
 * vpmaddubsw does not saturate for the same reason as in tile_avx2.c; here sums are of 32 bits at once.
 */
#include "storage/exact/panel.h"

struct tail {
	const unsigned char *code;
	float length, scale;
};

static inline struct tail tail_of(const struct codes *c, uint32_t row)
{
	struct codes_block b = codes_block(c, row / CODE_BLOCK);
	uint32_t r = row % CODE_BLOCK;

	return (struct tail){codes_tail(c, row), b.tail_length[r], b.scale[r]};
}

void tails_portable(
	const struct codes *c, const struct panel *panel, uint32_t i, struct candidates *found)
{
	const struct panel_tail *q = &panel->tails[i];
	float tau = panel->survivors[i].tau;
	uint32_t kept = 0;

	for (uint32_t at = 0; at < found->n; at++) {
		struct tail x = tail_of(c, found->row[at]);
		int32_t sum = q->start;
		for (uint32_t j = 0; j < c->tail; j++)
			sum += x.code[j] * q->code[j];
		float upper = found->upper[at] - q->reach * x.length +
			      (float)sum * x.scale * panel->unit[i];
		found->row[kept] = found->row[at];
		found->upper[kept] = upper;
		kept += upper >= tau;
	}
	found->n = kept;
}

#if defined(__x86_64__)

#include <immintrin.h>

enum { FOUR = 4 };
_Static_assert(CHUNK_ROWS % FOUR == 0, "candidates are read by fours");

#define WITH_AVX2 __attribute__((target("avx2,fma")))
#define WITH_AVX512 \
	__attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define INLINE static inline __attribute__((always_inline))

/* sum += products of 32 bytes, by fours */
WITH_AVX2 INLINE __m256i add_avx2(__m256i sum, __m256i row, __m256i query)
{
	return _mm256_add_epi32(
		sum, _mm256_madd_epi16(_mm256_maddubs_epi16(row, query), _mm256_set1_epi16(1)));
}

WITH_AVX512 INLINE __m256i add_avx512(__m256i sum, __m256i row, __m256i query)
{
	return _mm256_dpbusd_epi32(sum, row, query);
}

/* The sums of four registers. */
WITH_AVX2 INLINE __m128i across(const __m256i *x)
{
	__m256i four =
		_mm256_hadd_epi32(_mm256_hadd_epi32(x[0], x[1]), _mm256_hadd_epi32(x[2], x[3]));

	return _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
}

/* Moves the candidates of these uppers that reach tau to the end of those kept. */
WITH_AVX2 INLINE uint32_t keep_four(
	struct candidates *found, uint32_t at, uint32_t n, uint32_t kept, __m128 upper, float tau)
{
	int mask = _mm_movemask_ps(_mm_cmpge_ps(upper, _mm_set1_ps(tau)));
	float uppers[FOUR];

	_mm_storeu_ps(uppers, upper);
	for (uint32_t j = 0; j < n; j++, mask >>= 1) {
		found->row[kept] = found->row[at + j];
		found->upper[kept] = uppers[j];
		kept += (uint32_t)mask & 1;
	}
	return kept;
}

/* Where four are not left, the first of them stands in for others. */
#define TAILS(isa, target) \
	target static inline __m128i sum_four_##isa( \
		const struct tail *x, const struct panel_tail *q, uint32_t bytes) \
	{ \
		__m256i sum[FOUR] = {_mm256_setzero_si256(), _mm256_setzero_si256(), \
			_mm256_setzero_si256(), _mm256_setzero_si256()}; \
		for (uint32_t i = 0; i < bytes; i += TAIL_MULTIPLE) { \
			__m256i y = _mm256_loadu_si256((const __m256i *)(q->code + i)); \
			_Pragma("GCC unroll 4") for (int j = 0; j < FOUR; j++) sum[j] = add_##isa( \
				sum[j], _mm256_load_si256((const __m256i *)(x[j].code + i)), y); \
		} \
		return _mm_add_epi32(across(sum), _mm_set1_epi32(q->start)); \
	} \
\
	target void tails_##isa(const struct codes *c, const struct panel *panel, uint32_t i, \
		struct candidates *found) \
	{ \
		const struct panel_tail *q = &panel->tails[i]; \
		float tau = panel->survivors[i].tau; \
		uint32_t kept = 0; \
		for (uint32_t at = 0; at < found->n; at += FOUR) { \
			uint32_t n = found->n - at < FOUR ? found->n - at : FOUR; \
			struct tail x[FOUR]; \
			for (uint32_t j = 0; j < FOUR; j++) \
				x[j] = tail_of(c, found->row[j < n ? at + j : at]); \
			__m128 sum = _mm_cvtepi32_ps(sum_four_##isa(x, q, c->tail)); \
			__m128 length = \
				_mm_setr_ps(x[0].length, x[1].length, x[2].length, x[3].length); \
			__m128 scale = \
				_mm_setr_ps(x[0].scale, x[1].scale, x[2].scale, x[3].scale); \
			__m128 upper = _mm_fnmadd_ps( \
				_mm_set1_ps(q->reach), length, _mm_loadu_ps(found->upper + at)); \
			upper = _mm_fmadd_ps( \
				_mm_mul_ps(sum, scale), _mm_set1_ps(panel->unit[i]), upper); \
			kept = keep_four(found, at, n, kept, upper, tau); \
		} \
		found->n = kept; \
	}

TAILS(avx2, WITH_AVX2)
TAILS(avx512, WITH_AVX512)

#else

void tails_avx2(
	const struct codes *c, const struct panel *panel, uint32_t i, struct candidates *found)
{
	tails_portable(c, panel, i, found);
}

void tails_avx512(
	const struct codes *c, const struct panel *panel, uint32_t i, struct candidates *found)
{
	tails_portable(c, panel, i, found);
}

#endif
