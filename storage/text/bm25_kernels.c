#include "storage/text/bm25_kernels.h"

#include <string.h>

/* Places differ, so four additions may overlap. */
void bm25_add(uint16_t *sums, const uint16_t *place, const uint8_t *code, size_t n,
	const uint16_t *weight)
{
	size_t i = 0;

	for (; i + 4 <= n; i += 4) {
		uint16_t *a = sums + place[i], *b = sums + place[i + 1];
		uint16_t *c = sums + place[i + 2], *d = sums + place[i + 3];
		uint16_t x = (uint16_t)(*a + weight[code[i]]),
			 y = (uint16_t)(*b + weight[code[i + 1]]);
		uint16_t z = (uint16_t)(*c + weight[code[i + 2]]),
			 w = (uint16_t)(*d + weight[code[i + 3]]);
		*a = x;
		*b = y;
		*c = z;
		*d = w;
	}
	for (; i < n; i++)
		sums[place[i]] = (uint16_t)(sums[place[i]] + weight[code[i]]);
}

static size_t sweep_portable(uint16_t *sums, uint16_t low, uint16_t span, uint32_t *out)
{
	size_t n = 0;

	for (uint32_t i = 0; i < BLOCK; i++)
		if ((uint16_t)(sums[i] - low) <= span)
			out[n++] = i << 16 | sums[i];
	memset(sums, 0, BLOCK * sizeof *sums);
	return n;
}

/* Compiled for each instruction set; the numbers are the same. */
static inline __attribute__((always_inline)) void weigh(
	uint16_t *units, double base, double step, double high, double rate)
{
	for (int c = 0; c < CODES; c++)
		units[c] = bm25_units((base + c * step) * high, rate);
}

static void weigh_portable(uint16_t *units, double base, double step, double high, double rate)
{
	weigh(units, base, step, high, rate);
}

#if defined(__x86_64__)

#include <immintrin.h>

__attribute__((target("avx2"))) static void weigh_avx2(
	uint16_t *units, double base, double step, double high, double rate)
{
	weigh(units, base, step, high, rate);
}

/* Those of up to 64 sums from `first` on whose bits are set. */
static inline size_t put(const uint16_t *sums, uint32_t first, uint64_t bits, uint32_t *out)
{
	size_t n = 0;

	for (; bits; bits &= bits - 1) {
		uint32_t i = first + (uint32_t)__builtin_ctzll(bits);
		out[n++] = i << 16 | sums[i];
	}
	return n;
}

__attribute__((target("avx2"))) static size_t sweep_avx2(
	uint16_t *sums, uint16_t low, uint16_t span, uint32_t *out)
{
	const __m256i from = _mm256_set1_epi16((short)low), most = _mm256_set1_epi16((short)span);
	size_t n = 0;

	for (uint32_t i = 0; i < BLOCK; i += 32) {
		__m256i *at = (__m256i *)(sums + i);
		__m256i x = _mm256_sub_epi16(_mm256_load_si256(at), from);
		__m256i y = _mm256_sub_epi16(_mm256_load_si256(at + 1), from);
		x = _mm256_cmpeq_epi16(_mm256_min_epu16(x, most), x);
		y = _mm256_cmpeq_epi16(_mm256_min_epu16(y, most), y);
		/* a byte a sum, in an order that a permutation of quarters puts right */
		__m256i both = _mm256_permute4x64_epi64(_mm256_packs_epi16(x, y), 0xd8);
		uint32_t bits = (uint32_t)_mm256_movemask_epi8(both);
		if (bits)
			n += put(sums, i, bits, out + n);
		_mm256_store_si256(at, _mm256_setzero_si256());
		_mm256_store_si256(at + 1, _mm256_setzero_si256());
	}
	return n;
}

__attribute__((target("avx512f,avx512bw"))) static size_t sweep_avx512(
	uint16_t *sums, uint16_t low, uint16_t span, uint32_t *out)
{
	const __m512i from = _mm512_set1_epi16((short)low), most = _mm512_set1_epi16((short)span);
	const __m512i zero = _mm512_setzero_si512();
	size_t n = 0;

	for (uint32_t i = 0; i < BLOCK; i += 64) {
		__m512i x = _mm512_load_si512(sums + i), y = _mm512_load_si512(sums + i + 32);
		uint64_t a = _mm512_cmple_epu16_mask(_mm512_sub_epi16(x, from), most);
		uint64_t b = _mm512_cmple_epu16_mask(_mm512_sub_epi16(y, from), most);
		if (__builtin_expect((a | b) != 0, 0))
			n += put(sums, i, a | b << 32, out + n);
		_mm512_store_si512(sums + i, zero);
		_mm512_store_si512(sums + i + 32, zero);
	}
	return n;
}

bm25_weigh bm25_weigh_for(enum isa isa)
{
	return isa >= ISA_AVX2 ? weigh_avx2 : weigh_portable;
}

bm25_sweep bm25_sweep_for(enum isa isa)
{
	return isa >= ISA_AVX512 ? sweep_avx512 : isa == ISA_AVX2 ? sweep_avx2 : sweep_portable;
}

#else

bm25_weigh bm25_weigh_for(enum isa isa)
{
	(void)isa;
	return weigh_portable;
}

bm25_sweep bm25_sweep_for(enum isa isa)
{
	(void)isa;
	return sweep_portable;
}

#endif
