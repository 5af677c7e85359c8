/*
 * The tile with AVX2, which has no instruction that multiplies bytes into sums of 32 bits.
 * vpmaddubsw makes sums of two products in 16 bits, and those of a stretch of four steps are added up
 * in 16 bits too, which takes half of the instructions that widening each would. It is exact, because
 * the query's whole numbers q are small enough (query_most), not only mostly but always:
 *
 *   vpmaddubsw   saturates. Bytes of rows are up to 255, and |q| + |q'| of a pair is at most 127, and
 *                1 for rounding: 255 x 128 < 2^15.
 *   stretches    Rows are stored as value + 128. A sum begins with what the 128 make of it, negative,
 *                so that it ends as the sum of q times value, which is at most 127; the magnitudes of
 *                the q that one lane adds up are at most 254, and 4 for rounding: 127 x 258 < 2^15.
 *                What it is in between does not matter, for additions are modulo 2^16.
 *
 * A query has small numbers anyway: of two neighbours after a rotation seldom both are large.
 *
 * 32 rows are four registers of eight lanes, and go with two queries at a time: eight sums of 16 bits in
 * registers; those of 32 bits are needed every fourth step.
 */
#include "storage/exact/panel.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define WITH_AVX2 __attribute__((target("avx2,fma")))
#define INLINE_AVX2 WITH_AVX2 static inline __attribute__((always_inline))

enum {
	LANES = 8,
	REGISTERS = CODE_BLOCK / LANES,
	STEP_BYTES = CODE_BLOCK * 4,
	STEPS = STRETCH / 4
};

/* The sums of one query: of a stretch, and of all. */
struct sums {
	__m256i part[REGISTERS], all[REGISTERS];
};

INLINE_AVX2 __m256i broadcast(const int8_t *four)
{
	int32_t word;

	memcpy(&word, four, sizeof word);
	return _mm256_set1_epi32(word);
}

INLINE_AVX2 void begin(struct sums *s, const int8_t *stretch)
{
	__m256i x = broadcast(stretch);

#pragma GCC unroll 4
	for (int r = 0; r < REGISTERS; r++)
		s->part[r] = x;
}

/* The barrier keeps GCC from adding products up among themselves first: it has no registers for them. */
INLINE_AVX2 void multiply_add(__m256i *sum, __m256i rows, __m256i query)
{
	*sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(rows, query));
	__asm__("" : "+x"(*sum));
}

INLINE_AVX2 void end(struct sums *s)
{
#pragma GCC unroll 4
	for (int r = 0; r < REGISTERS; r++)
		s->all[r] = _mm256_add_epi32(
			s->all[r], _mm256_madd_epi16(s->part[r], _mm256_set1_epi16(1)));
}

/* A step of one query, or of two; and, with `fetch`, of what is fetched meanwhile. */
INLINE_AVX2 void step(struct sums *a, struct sums *b, const unsigned char *code,
	const int8_t *query, struct fetch *fetch)
{
	const __m256i *rows = (const __m256i *)code;
	__m256i q = broadcast(query), u = broadcast(query + (b ? 4 : 0));

	if (fetch)
		fetch_step(fetch);
#pragma GCC unroll 4
	for (int r = 0; r < REGISTERS; r++) {
		__m256i x = _mm256_load_si256(rows + r);
		multiply_add(&a->part[r], x, q);
		if (b)
			multiply_add(&b->part[r], x, u);
	}
}

/* All steps, for queries i and, with b, i + 1. */
INLINE_AVX2 void multiply_steps(
	const struct tile *t, uint32_t i, struct sums *a, struct sums *b, struct fetch *fetch)
{
	const struct panel *p = t->panel;
	const unsigned char *rows = t->code;
	size_t width = (size_t)p->width * 4;
	const int8_t *query = p->code + (size_t)i * 4, *stretch = query + p->steps * width;
	uint32_t left = p->steps;

	for (; left >= STEPS; left -= STEPS, stretch += width) {
		begin(a, stretch);
		if (b)
			begin(b, stretch + 4);
#pragma GCC unroll 4
		for (int s = 0; s < STEPS; s++, rows += STEP_BYTES, query += width)
			step(a, b, rows, query, fetch);
		end(a);
		if (b)
			end(b);
	}
	if (!left)
		return;
	begin(a, stretch);
	if (b)
		begin(b, stretch + 4);
	for (; left; left--, rows += STEP_BYTES, query += width)
		step(a, b, rows, query, fetch);
	end(a);
	if (b)
		end(b);
}

/* Two loops: most panels have nothing to fetch, and to ask at every step costs a twentieth of it. */
INLINE_AVX2 void multiply(const struct tile *t, uint32_t i, struct sums *a, struct sums *b)
{
	const struct panel *p = t->panel;
	struct ahead ahead = ahead_part(t->ahead, i / 2, (p->n + 1) / 2);
	struct fetch fetch = fetch_begin(ahead, p->steps);

	if (fetch.pace)
		multiply_steps(t, i, a, b, &fetch);
	else
		multiply_steps(t, i, a, b, NULL);
}

INLINE_AVX2 __m256 upper_of(const struct tile *t, uint32_t i, int r, __m256i sum)
{
	__m256 reach = _mm256_set1_ps(t->panel->reach[i]), unit = _mm256_set1_ps(t->panel->unit[i]);
	__m256 margin = _mm256_load_ps(t->margin + r * LANES);
	__m256 less = _mm256_load_ps(t->less + r * LANES);
	__m256 scale = _mm256_load_ps(t->scale + r * LANES);

	__m256 by_head = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale), unit,
		_mm256_fmsub_ps(reach, margin, less));

	return _mm256_fmadd_ps(_mm256_set1_ps(t->panel->tails[i].reach),
		_mm256_load_ps(t->tail_length + r * LANES), by_head);
}

INLINE_AVX2 void offer(const struct tile *t, uint32_t i, const struct sums *s)
{
	float upper[CODE_BLOCK] __attribute__((aligned(32)));
	__m256 tau = _mm256_set1_ps(t->panel->survivors[i].tau);
	uint32_t mask = 0;

#pragma GCC unroll 4
	for (int r = 0; r < REGISTERS; r++) {
		__m256 x = upper_of(t, i, r, s->all[r]);
		_mm256_store_ps(upper + r * LANES, x);
		mask |= (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(x, tau, _CMP_GE_OQ))
			<< r * LANES;
	}
	candidates_add(&t->found[i], t->first, mask, upper);
}

WITH_AVX2 static void two_queries(const struct tile *t, uint32_t i)
{
	struct sums a = {0}, b = {0};

	multiply(t, i, &a, &b);
	offer(t, i, &a);
	if (i + 1 < t->panel->n)
		offer(t, i + 1, &b);
}

WITH_AVX2 static void one_query(const struct tile *t)
{
	struct sums a = {0};

	multiply(t, 0, &a, NULL);
	offer(t, 0, &a);
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
