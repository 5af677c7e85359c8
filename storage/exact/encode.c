/*
 * What each step may cost, with u = 2^-24 and vectors of d dimensions. Lengths are first brought
 * near 1 by a power of two, which costs nothing, so that nothing over- or underflows on the way.
 *
 *   the sum of squares      d u of itself: every addition rounds once. Its root loses half of that.
 *   made of length 1        that, and 2 u for the division and the multiplication
 *   rotated                 rotation_error
 *   cut to whole numbers    t = x / scale is rounded, and 1 / scale before: 2 u of a whole number, and
 *                           the product of both. What cutting t itself leaves is exact, because t and
 *                           the whole number are that near. In all less than 3 u times the largest
 *                           number there may be a dimension, sqrt(d) times that in length.
 *
 * `slack` is what cutting left over, the rest added at its worst, and the sum rounded upward.
 */
#include "storage/exact/encode.h"

#include <math.h>

#include "storage/isa.h"

#define U 0x1p-24

const struct most any_bytes = {.one = 127, .pair = INFINITY, .half = INFINITY};

/* At least what summing and rooting d squares loses, relative. */
static double sum_loss(uint32_t dimension)
{
	return (dimension + 16) * U;
}

double square_loss(uint32_t dimension)
{
	return 2 * sum_loss(dimension);
}

ON_ANY_TARGET lanes magnitude(lanes x)
{
	return (lanes)((int_lanes)x & 0x7fffffff);
}

/* Of magnitudes, whose bits are ordered as they are. */
ON_ANY_TARGET lanes larger(lanes x, lanes y)
{
	int_lanes a = (int_lanes)x, b = (int_lanes)y, is = a > b;

	return (lanes)((is & a) | (~is & b));
}

ON_ANY_TARGET lanes largest(const lanes *x, uint32_t d)
{
	lanes m = {0};

	for (uint32_t i = 0; i < d; i++)
		m = larger(m, magnitude(x[i]));
	return m;
}

ON_ANY_TARGET lanes sum_of_squares(const lanes *x, uint32_t d)
{
	lanes a = {0}, b = {0};
	uint32_t i = 0;

	for (; i + 2 <= d; i += 2) {
		a += x[i] * x[i];
		b += x[i + 1] * x[i + 1];
	}
	return i < d ? a + b + x[i] * x[i] : a + b;
}

/* 2^-exponent in two factors, since one alone may not be a float. */
struct shift {
	lanes first, second;
	int exponent[GROUP];
};

ON_ANY_TARGET struct shift shift_of(lanes largest)
{
	struct shift s;

	for (int l = 0; l < GROUP; l++) {
		int e = isfinite(largest[l]) && largest[l] > 0 ? ilogbf(largest[l]) + 1 : 0;
		s.exponent[l] = e;
		s.first[l] = ldexpf(1, -(e / 2));
		s.second[l] = ldexpf(1, -(e - e / 2));
	}
	return s;
}

ON_ANY_TARGET lanes inverse_root(lanes square)
{
	lanes out;

	for (int l = 0; l < GROUP; l++)
		out[l] = square[l] > 0 ? 1 / sqrtf(square[l]) : 0;
	return out;
}

/* Of the sums of magnitudes that `most` limits. */
ON_ANY_TARGET void largest_sums(const lanes *x, uint32_t d, lanes *of_pairs, lanes *of_halves)
{
	*of_pairs = *of_halves = (lanes){0};
	for (uint32_t first = 0; first < d; first += STRETCH) {
		lanes half[2] = {{0}, {0}};
		for (uint32_t i = first; i < d && i < first + STRETCH; i += 2) {
			lanes pair = magnitude(x[i]);
			if (i + 1 < d)
				pair += magnitude(x[i + 1]);
			*of_pairs = larger(*of_pairs, pair);
			half[i / 2 % 2] += pair;
		}
		*of_halves = larger(*of_halves, larger(half[0], half[1]));
	}
}

/* The smallest by which numbers stay within `most`. */
ON_ANY_TARGET lanes step_of(const lanes *x, uint32_t d, const struct most *most)
{
	lanes step = largest(x, d) / most->one, pairs, halves;

	if (isinf(most->pair))
		return step;
	largest_sums(x, d, &pairs, &halves);
	return larger(step, larger(pairs / most->pair, halves / most->half));
}

/* Cuts x to whole numbers of steps; returns what is left over, squared and summed, in steps. */
ON_ANY_TARGET lanes cut(lanes *x, uint32_t d, lanes step)
{
	const float half_way = 0x1.8p23f; /* added and taken away again, it rounds */
	lanes inverse, left = {0};

	for (int l = 0; l < GROUP; l++)
		inverse[l] = step[l] > 0 ? 1 / step[l] : 0;
	for (uint32_t i = 0; i < d; i++) {
		lanes t = x[i] * inverse;
		x[i] = (t + half_way) - half_way;
		left += (t - x[i]) * (t - x[i]);
	}
	return left;
}

struct measured { /* of one vector, near length 1 */
	double step, left, square, tail;
	int exponent;
};

static void put_encoding(const struct rotation *r, const struct measured *m, bool unit, double most,
	int l, struct encoding *out)
{
	double d = r->dimension, loss = sum_loss(r->dimension), length = sqrt(m->square);
	double own = unit ? 1 : length;
	double cutting = m->step * (sqrt(m->left) * (1 + loss) + 3 * most * U * sqrt(d));
	double turning = own * (rotation_error(r) + (unit ? loss : 0)), slack = cutting + turning;
	double tail = r->basis.row ? sqrt(m->tail) * (1 + loss) + turning : 0;
	int e = unit ? 0 : m->exponent;
	double scale = ldexp(m->step, e);

	slack = ldexp(slack, e);
	if (scale < 0x1p-100) { /* too short to be told from zero: all of it is slack */
		scale = 0;
		slack += ldexp(own, e) + 0x1p-100;
	}
	out->scale[l] = (float)scale;
	out->slack[l] = (float)(slack * (1 + 4 * U));
	out->tail[l] = (float)(ldexp(tail, e) * (1 + 4 * U) + (tail > 0 ? 0x1p-120 : 0));
	out->length[l] = (float)(ldexp(length, m->exponent) * (1 + loss) + 0x1p-120);
	out->square[l] = (float)(ldexp(m->square, 2 * m->exponent) / 2 * (1 - loss));
	if (unit && m->square == 0)
		out->slack[l] = INFINITY;
}

ON_ANY_TARGET void encode(const struct rotation *r, lanes *x, bool unit, const struct most *most,
	struct encoding *out)
{
	uint32_t d = r->dimension;
	struct shift shift = shift_of(largest(x, d));

	for (uint32_t i = 0; i < d; i++)
		x[i] = x[i] * shift.first * shift.second;
	lanes square = sum_of_squares(x, d);
	if (unit) {
		lanes inverse = inverse_root(square);
		for (uint32_t i = 0; i < d; i++)
			x[i] *= inverse;
	}
	rotate(r, x);
	uint32_t head = r->basis.head;
	lanes tail = sum_of_squares(x + head, d - head);
	/* Apart: each begins with a stretch. */
	lanes step = larger(step_of(x, head, most), step_of(x + head, d - head, most));
	lanes left = cut(x, d, step);
	for (int l = 0; l < GROUP; l++) {
		struct measured m = {step[l], left[l], square[l], tail[l], shift.exponent[l]};
		put_encoding(r, &m, unit, most->one, l, out);
	}
}

ON_ANY_TARGET void pack(const lanes *x, uint32_t d, unsigned char *out, size_t stride)
{
	for (uint32_t i = 0; i < d; i += 4, out += stride) {
		int_lanes word = {0};
		for (uint32_t j = 0; j < 4; j++) {
			int_lanes value = {0};
			if (i + j < d)
				value = __builtin_convertvector(x[i + j], int_lanes);
			word |= (value + 128) << (int)(8 * j);
		}
		*(int_lanes *)out = word;
	}
}

#if defined(__x86_64__)
#define FORM(isa, instructions) \
	__attribute__((target(instructions))) static void encode_##isa(const struct rotation *r, \
		lanes *x, bool unit, const struct most *most, struct encoding *out) \
	{ \
		encode(r, x, unit, most, out); \
	} \
\
	__attribute__((target(instructions))) static void pack_##isa( \
		const lanes *x, uint32_t d, unsigned char *out, size_t stride) \
	{ \
		pack(x, d, out, stride); \
	}

FORM(avx512, "avx512f")
FORM(avx2, "avx2")
#endif

void encode_group(const struct rotation *r, lanes *x, bool unit, const struct most *most,
	struct encoding *out)
{
	switch (isa_now()) {
#if defined(__x86_64__)
	case ISA_AMX:
	case ISA_AVX512:
		encode_avx512(r, x, unit, most, out);
		return;
	case ISA_AVX2:
		encode_avx2(r, x, unit, most, out);
		return;
#endif
	default:
		encode(r, x, unit, most, out);
	}
}

void encode_bytes(const lanes *x, uint32_t d, unsigned char *out, size_t stride)
{
	switch (isa_now()) {
#if defined(__x86_64__)
	case ISA_AMX:
	case ISA_AVX512:
		pack_avx512(x, d, out, stride);
		return;
	case ISA_AVX2:
		pack_avx2(x, d, out, stride);
		return;
#endif
	default:
		pack(x, d, out, stride);
	}
}

/* Vectors become rows of bytes, which no vector instruction does well: plain loops, a vector's lanes
 * first. */
void encode_rows(const lanes *x, uint32_t d, uint32_t n, unsigned char *out)
{
	for (uint32_t i = 0; i < d; i++)
		for (uint32_t l = 0; l < n; l++)
			out[(size_t)l * d + i] = (unsigned char)((int)x[i][l] + 128);
}
