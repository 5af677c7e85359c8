/* The kernels are static by instruction set: their source is part of this file. */
#include "storage/vectors/kernels.c"

#include <math.h>
#include <string.h>

#include "storage/vectors/keyed_hash.h"
#include "tests/runner.h"
#include "tests/storage/vectors/sample.h"

static float bits_to_float(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof f);
	return f;
}

START_TEST(every_half_means_what_the_compiler_says)
{
	for (uint32_t h = 0; h < 65536; h++) {
		uint16_t bits = (uint16_t)h;
		_Float16 want;
		memcpy(&want, &bits, sizeof want);
		if (isnan((float)want))
			ck_assert(isnan(half_to_float(bits)));
		else
			ck_assert(half_to_float(bits) == (float)want &&
				  !signbit(half_to_float(bits)) == !signbit((float)want));
	}
}
END_TEST

static void check_rounding(float f)
{
	_Float16 want = (_Float16)f;
	uint16_t bits;

	memcpy(&bits, &want, sizeof bits);
	if (isnan(f))
		ck_assert(isnan(half_to_float(half_from_float(f))));
	else
		ck_assert_uint_eq(half_from_float(f), bits);
}

START_TEST(floats_round_to_the_nearest_half_ties_to_even)
{
	uint64_t seed = 1;

	for (uint32_t h = 0; h < 0x7c00;
		h++) { /* each half, the midpoint above it, and around it */
		float low = half_to_float((uint16_t)h), high = half_to_float((uint16_t)(h + 1));
		float middle = isinf(high) ? 65520 : low + (high - low) / 2;
		for (int sign = -1; sign <= 1; sign += 2) {
			check_rounding((float)sign * low);
			check_rounding((float)sign * middle);
			check_rounding((float)sign * nextafterf(middle, INFINITY));
			check_rounding((float)sign * nextafterf(middle, 0));
		}
	}
	for (int i = 0; i < 300000; i++)
		check_rounding(bits_to_float((uint32_t)sample_next(&seed)));
}
END_TEST

enum { MOST = 203 };

/* Finite floats of every size, or modest ones. */
static void fill(float *x, uint16_t *half, uint64_t *seed, bool wild)
{
	for (int i = 0; i < MOST; i++) {
		uint32_t bits = (uint32_t)sample_next(seed);
		x[i] = wild ? bits_to_float(bits & 0xbfffffff) : sample_value(seed, 20);
		half[i] = half_from_float(sample_value(seed, 10));
	}
}

static long double exact_dot(const float *a, const float *b, size_t d, long double *size)
{
	long double sum = 0;

	*size = 0;
	for (size_t i = 0; i < d; i++) {
		sum += (long double)a[i] * b[i];
		*size += fabsl((long double)a[i] * b[i]);
	}
	return sum;
}

START_TEST(dot_products_are_right_to_the_last_bits_of_double)
{
	float a[MOST], b[MOST], wide[MOST];
	uint16_t half[MOST];
	uint64_t seed = 2;
	long double size;

	for (int round = 0; round < 4; round++)
		for (size_t d = 0; d <= MOST; d++) {
			fill(a, half, &seed, false);
			fill(b, half, &seed, round % 2);
			for (int i = 0; i < MOST; i++)
				wide[i] = half_to_float(half[i]);
			long double want = exact_dot(a, b, d, &size);
			ck_assert(fabsl(dot_f32(a, b, d) - want) <= d * 0x1p-53L * size);
			want = exact_dot(a, wide, d, &size);
			ck_assert(fabsl(dot_f16(a, half, d) - want) <= d * 0x1p-53L * size);
		}
}
END_TEST

START_TEST(squared_distances_are_right_to_the_last_bits_of_double)
{
	float a[MOST], b[MOST];
	uint16_t half[MOST];
	uint64_t seed = 3;

	for (size_t d = 0; d <= MOST; d++) {
		fill(a, half, &seed, false);
		fill(b, half, &seed, false);
		long double want = 0, want_half = 0;
		for (size_t i = 0; i < d; i++) {
			want += ((long double)a[i] - b[i]) * ((long double)a[i] - b[i]);
			long double gap = (long double)a[i] - half_to_float(half[i]);
			want_half += gap * gap;
		}
		ck_assert(fabsl(l2_f32(a, b, d) - want) <= (d + 3) * 0x1p-53L * want);
		ck_assert(fabsl(l2_f16(a, half, d) - want_half) <= (d + 3) * 0x1p-53L * want_half);
	}
}
END_TEST

START_TEST(every_instruction_set_and_dtype_gives_the_same_bits)
{
	float a[MOST], b[MOST], wide[MOST];
	uint16_t half[MOST];
	uint64_t seed = 4;

	for (size_t d = 0; d <= MOST; d++)
		for (int wild = 0; wild < 2; wild++) {
			fill(a, half, &seed, wild);
			fill(b, half, &seed, wild);
			for (int i = 0; i < MOST; i++)
				wide[i] = half_to_float(half[i]);
			ck_assert(dot_f32(a, b, d) == dot_f32_plain(a, b, d));
			ck_assert(l2_f32(a, b, d) == l2_f32_plain(a, b, d));
			ck_assert(dot_f16(a, half, d) == dot_f16_plain(a, half, d));
			ck_assert(l2_f16(a, half, d) == l2_f16_plain(a, half, d));
			ck_assert(dot_f16(a, half, d) == dot_f32_plain(a, wide, d));
			ck_assert(l2_f16(a, half, d) == l2_f32_plain(a, wide, d));
		}
}
END_TEST

START_TEST(the_keyed_hash_is_that_of_its_paper)
{
	struct hash_key key;
	unsigned char message[15];

	for (unsigned char i = 0; i < 16; i++)
		key.bytes[i] = i;
	for (unsigned char i = 0; i < 15; i++)
		message[i] = i;
	ck_assert_uint_eq(keyed_hash(&key, message, 15), 0xa129ca6149be45e5); /* appendix A */
	ck_assert_uint_eq(keyed_hash(&key, message, 0), 0x726fdb47dd0e0e31);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("kernels");
	TCase *t = tcase_create("kernels");

	tcase_add_test(t, every_half_means_what_the_compiler_says);
	tcase_add_test(t, floats_round_to_the_nearest_half_ties_to_even);
	tcase_add_test(t, dot_products_are_right_to_the_last_bits_of_double);
	tcase_add_test(t, squared_distances_are_right_to_the_last_bits_of_double);
	tcase_add_test(t, every_instruction_set_and_dtype_gives_the_same_bits);
	tcase_add_test(t, the_keyed_hash_is_that_of_its_paper);
	suite_add_tcase(s, t);
	return s;
}
