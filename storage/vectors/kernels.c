#include "storage/vectors/kernels.h"

#include "storage/isa.h"
#include "storage/vectors/half.h"

enum { LANES = 8 };

static inline double tree(const double *lane)
{
	double a = lane[0] + lane[4], b = lane[1] + lane[5];
	double c = lane[2] + lane[6], d = lane[3] + lane[7];

	return (a + c) + (b + d);
}

#define ONE_FLOAT(x) (x)
#define ONE_HALF(x) half_to_float(x)
#define PRODUCT(x, y) ((x) * (y))
#define SQUARED_DIFFERENCE(x, y) (((x) - (y)) * ((x) - (y)))

/* The definition, for any machine: from element i on, after the lanes took those before. */
#define FINISH(lane, element, term) \
	do { \
		for (; i < d; i++) \
			lane[i % LANES] += term((double)a[i], (double)ONE_##element(b[i])); \
	} while (0)

#define FINISH_BOTH(lane, own, element) \
	do { \
		for (; i < d; i++) { \
			double x = (double)ONE_##element(b[i]); \
			lane[i % LANES] += (double)a[i] * x; \
			own[i % LANES] += x * x; \
		} \
	} while (0)

#define PLAIN(name, type, element, term) \
	static double name##_plain(const float *a, const type *b, size_t d) \
	{ \
		double lane[LANES] = {0}; \
		size_t i = 0; \
\
		FINISH(lane, element, term); \
		return tree(lane); \
	}

#define PLAIN_BOTH(name, type, element) \
	static double name##_plain(const float *a, const type *b, size_t d, double *square) \
	{ \
		double lane[LANES] = {0}, own[LANES] = {0}; \
		size_t i = 0; \
\
		FINISH_BOTH(lane, own, element); \
		*square = tree(own); \
		return tree(lane); \
	}

PLAIN_BOTH(dot_square_f32, float, FLOAT)
PLAIN_BOTH(dot_square_f16, uint16_t, HALF)
PLAIN(dot_f32, float, FLOAT, PRODUCT)
PLAIN(dot_f16, uint16_t, HALF, PRODUCT)
PLAIN(l2_f32, float, FLOAT, SQUARED_DIFFERENCE)
PLAIN(l2_f16, uint16_t, HALF, SQUARED_DIFFERENCE)

#if defined(__x86_64__)

#include <immintrin.h>

/* Four at a time, widened as they are loaded: taking a register of eight apart costs more. */
#define WIDE_FLOAT(p) _mm256_cvtps_pd(_mm_loadu_ps(p))
#define WIDE_HALF(p) _mm256_cvtps_pd(_mm_cvtph_ps(_mm_loadl_epi64((const __m128i *)(p))))
#define WIDE_PRODUCT(x, y) _mm256_mul_pd(x, y)
#define WIDE_SQUARED_DIFFERENCE(x, y) _mm256_mul_pd(_mm256_sub_pd(x, y), _mm256_sub_pd(x, y))

/* Lanes 0-3 in one register, 4-7 in another. No fused multiply-add: it would round a squared
 * difference otherwise than the plain code does. */
#define WIDE(name, type, element, term) \
	__attribute__((target("avx2,f16c"))) static double name##_avx2( \
		const float *a, const type *b, size_t d) \
	{ \
		__m256d low = _mm256_setzero_pd(), high = low; \
		double lane[LANES]; \
		size_t i = 0; \
\
		for (; i + LANES <= d; i += LANES) { \
			low = _mm256_add_pd( \
				low, WIDE_##term(WIDE_FLOAT(a + i), WIDE_##element(b + i))); \
			high = _mm256_add_pd(high, \
				WIDE_##term(WIDE_FLOAT(a + i + 4), WIDE_##element(b + i + 4))); \
		} \
		_mm256_storeu_pd(lane, low); \
		_mm256_storeu_pd(lane + 4, high); \
		FINISH(lane, element, term); \
		return tree(lane); \
	}

#define WIDE_BOTH(name, type, element) \
	__attribute__((target("avx2,f16c"))) static double name##_avx2( \
		const float *a, const type *b, size_t d, double *square) \
	{ \
		__m256d low = _mm256_setzero_pd(), high = low, own_low = low, own_high = low; \
		double lane[LANES], own[LANES]; \
		size_t i = 0; \
\
		for (; i + LANES <= d; i += LANES) { \
			__m256d x = WIDE_##element(b + i), y = WIDE_##element(b + i + 4); \
			low = _mm256_add_pd(low, WIDE_PRODUCT(WIDE_FLOAT(a + i), x)); \
			high = _mm256_add_pd(high, WIDE_PRODUCT(WIDE_FLOAT(a + i + 4), y)); \
			own_low = _mm256_add_pd(own_low, WIDE_PRODUCT(x, x)); \
			own_high = _mm256_add_pd(own_high, WIDE_PRODUCT(y, y)); \
		} \
		_mm256_storeu_pd(lane, low); \
		_mm256_storeu_pd(lane + 4, high); \
		_mm256_storeu_pd(own, own_low); \
		_mm256_storeu_pd(own + 4, own_high); \
		FINISH_BOTH(lane, own, element); \
		*square = tree(own); \
		return tree(lane); \
	}

WIDE_BOTH(dot_square_f32, float, FLOAT)
WIDE_BOTH(dot_square_f16, uint16_t, HALF)
WIDE(dot_f32, float, FLOAT, PRODUCT)
WIDE(dot_f16, uint16_t, HALF, PRODUCT)
WIDE(l2_f32, float, FLOAT, SQUARED_DIFFERENCE)
WIDE(l2_f16, uint16_t, HALF, SQUARED_DIFFERENCE)

/* Every processor that ever had AVX2 has F16C. */
#define PICK(name, ...) \
	(isa_now() >= ISA_AVX2 ? name##_avx2(__VA_ARGS__) : name##_plain(__VA_ARGS__))
#else
#define PICK(name, ...) name##_plain(__VA_ARGS__)
#endif

double dot_f32(const float *a, const float *b, size_t d)
{
	return PICK(dot_f32, a, b, d);
}

double dot_f16(const float *a, const uint16_t *b, size_t d)
{
	return PICK(dot_f16, a, b, d);
}

double l2_f32(const float *a, const float *b, size_t d)
{
	return PICK(l2_f32, a, b, d);
}

double l2_f16(const float *a, const uint16_t *b, size_t d)
{
	return PICK(l2_f16, a, b, d);
}

double dot_square_f32(const float *a, const float *b, size_t d, double *square)
{
	return PICK(dot_square_f32, a, b, d, square);
}

double dot_square_f16(const float *a, const uint16_t *b, size_t d, double *square)
{
	return PICK(dot_square_f16, a, b, d, square);
}
