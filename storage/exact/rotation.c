#include "storage/exact/rotation.h"

#include <math.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/isa.h"

enum { ROUNDS = 2 };

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

bool rotation_init(struct rotation *r, uint32_t dimension)
{
	uint64_t state = dimension;
	float *sign = FAULT() ? NULL : malloc(sizeof *sign * ROUNDS * dimension);

	if (!sign)
		return false;
	for (uint32_t i = 0; i < ROUNDS * dimension; i++)
		sign[i] = next_random(&state) >> 63 ? 1 : -1;
	*r = (struct rotation){dimension, 1, sign};
	while (2 * r->span <= dimension)
		r->span *= 2;
	return true;
}

void rotation_free(struct rotation *r)
{
	free(r->sign);
}

/* Each of the additions below rounds once: a level of butterflies moves the vector by at most u of
 * its length, and so do the multiplications by signs and by 1/sqrt(span), which is rounded too. */
double rotation_error(const struct rotation *r)
{
	return 0x1p-24 * ROUNDS * 2 * (log2(r->span) + 4);
}

/* Two levels at once, which halves the trips to memory. */
ON_ANY_TARGET void butterfly4(lanes *x, uint32_t h)
{
	lanes a = x[0], b = x[h], c = x[2 * h], d = x[3 * h];
	lanes ab = a + b, a_b = a - b, cd = c + d, c_d = c - d;

	x[0] = ab + cd;
	x[h] = a_b + c_d;
	x[2 * h] = ab - cd;
	x[3 * h] = a_b - c_d;
}

ON_ANY_TARGET void butterfly2(lanes *x, uint32_t h)
{
	lanes a = x[0], b = x[h];

	x[0] = a + b;
	x[h] = a - b;
}

ON_ANY_TARGET void transform(lanes *x, uint32_t span)
{
	float scale = 1 / sqrtf((float)span);
	uint32_t h = 1;

	for (; 4 * h <= span; h *= 4)
		for (uint32_t i = 0; i < span; i += 4 * h)
			for (uint32_t j = i; j < i + h; j++)
				butterfly4(x + j, h);
	if (2 * h <= span)
		for (uint32_t j = 0; j < h; j++)
			butterfly2(x + j, h);
	for (uint32_t i = 0; i < span; i++)
		x[i] *= scale;
}

ON_ANY_TARGET void all_rounds(const struct rotation *r, lanes *x)
{
	uint32_t d = r->dimension, left = d - r->span;

	for (int round = 0; round < ROUNDS; round++) {
		const float *sign = r->sign + (uint32_t)round * d;
		for (uint32_t i = 0; i < d; i++)
			x[i] *= sign[i];
		transform(x, r->span);
		if (left)
			transform(x + left, r->span);
	}
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static void rotate_avx512(const struct rotation *r, lanes *x)
{
	all_rounds(r, x);
}

__attribute__((target("avx2"))) static void rotate_avx2(const struct rotation *r, lanes *x)
{
	all_rounds(r, x);
}
#endif

static void rotate_portable(const struct rotation *r, lanes *x)
{
	all_rounds(r, x);
}

void rotate(const struct rotation *r, lanes *x)
{
	switch (isa_now()) {
#if defined(__x86_64__)
	case ISA_AVX512:
		rotate_avx512(r, x);
		return;
	case ISA_AVX2:
		rotate_avx2(r, x);
		return;
#endif
	default:
		rotate_portable(r, x);
	}
}
