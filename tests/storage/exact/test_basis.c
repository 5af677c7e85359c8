/* A basis is orthogonal as far as it says, and its tail is where its vectors are short. */
#include <math.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/exact/basis.h"
#include "storage/vectors/half.h"
#include "tests/runner.h"
#include "tests/storage/vectors/sample.h"

enum { VECTORS = 3000, MOST = 128 };

static float vectors[VECTORS * MOST];
static struct basis basis;

/* Vectors of 128 dimensions, long along `large` directions and `ratio` of that along the others; the
 * directions are those of the dimensions, mirrored at the plane across (1, 1, ...). */
static void make_vectors(uint32_t large, float ratio, uint64_t seed)
{
	for (uint32_t i = 0; i < VECTORS; i++) {
		float *x = vectors + (size_t)i * MOST, sum = 0;
		for (uint32_t j = 0; j < MOST; j++)
			sum += x[j] = sample_value(&seed, 20) * (j < large ? 1 : ratio);
		for (uint32_t j = 0; j < MOST; j++)
			x[j] -= 2 * sum / MOST;
	}
}

static long double length_in_tail(const float *x)
{
	long double square = 0;

	for (uint32_t i = basis.head; i < MOST; i++) {
		long double along = 0;
		for (uint32_t j = 0; j < MOST; j++)
			along += (long double)basis.row[(size_t)i * MOST + j] * x[j];
		square += along * along;
	}
	return sqrtl(square);
}

/* Of 88 short directions 64 are a multiple of 32; 96 would take eight long ones, a fifth of all. */
START_TEST(the_tail_is_where_vectors_are_short)
{
	long double all = 0, tail = 0;

	make_vectors(40, .07f, 1);
	ck_assert(basis_learn(&basis, MOST, PB__DTYPE__DTYPE_F32, vectors, VECTORS));
	ck_assert_uint_eq(basis.head, 64);
	for (uint32_t i = 0; i < VECTORS; i++) {
		const float *x = vectors + (size_t)i * MOST;
		for (uint32_t j = 0; j < MOST; j++)
			all += (long double)x[j] * x[j];
		tail += length_in_tail(x) * length_in_tail(x);
	}
	ck_assert(tail < all * (64 * .07 * .07) / (40 + 88 * .07 * .07));
	basis_free(&basis);
}
END_TEST

static void check_own(uint32_t dimension)
{
	ck_assert_ptr_null(basis.row);
	ck_assert_uint_eq(basis.head, dimension);
	ck_assert(basis.skew == 0);
	ck_assert_uint_eq(basis_bytes(&basis, dimension), 0);
}

START_TEST(vectors_that_go_anywhere_keep_their_own_basis)
{
	make_vectors(MOST, 1, 2);
	ck_assert(basis_learn(&basis, MOST, PB__DTYPE__DTYPE_F32, vectors, VECTORS));
	check_own(MOST);
	make_vectors(120, .01f, 3); /* eight short directions are no tail */
	ck_assert(basis_learn(&basis, MOST, PB__DTYPE__DTYPE_F32, vectors, VECTORS));
	check_own(MOST);
	ck_assert(basis_learn(&basis, 32, PB__DTYPE__DTYPE_F32, vectors, VECTORS));
	check_own(32);
	ck_assert(basis_learn(&basis, MOST, PB__DTYPE__DTYPE_F32, vectors, 0));
	check_own(MOST);
	ck_assert(basis_learn(&basis, BASIS_MOST + 1, PB__DTYPE__DTYPE_F32, vectors, 1));
	check_own(BASIS_MOST + 1);
}
END_TEST

/* The Frobenius norm of 1 - B'B, which no singular value exceeds. */
static long double skew_counted(void)
{
	long double square = 0;

	for (uint32_t a = 0; a < MOST; a++)
		for (uint32_t b = 0; b < MOST; b++) {
			long double off = a == b;
			for (uint32_t i = 0; i < MOST; i++)
				off -= (long double)basis.row[i * MOST + a] *
				       basis.row[i * MOST + b];
			square += off * off;
		}
	return sqrtl(square);
}

START_TEST(a_basis_is_as_skew_as_it_says_at_most)
{
	static const uint32_t large[] = {1, 5, 40, 64};

	for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
		make_vectors(large[i], .01f, i);
		ck_assert(basis_learn(
			&basis, MOST, PB__DTYPE__DTYPE_F32, vectors, i % 2 ? VECTORS : 7));
		long double counted = skew_counted();
		ck_assert(basis.head < MOST);
		ck_assert(basis.skew >= counted && basis.skew <= counted * 1.001L + 1e-10L);
		ck_assert(basis.skew < 1e-5);
		basis_free(&basis);
	}
}
END_TEST

START_TEST(what_is_no_vector_does_not_count)
{
	static const float none[] = {NAN, INFINITY, -INFINITY};

	make_vectors(40, .07f, 4);
	for (size_t i = 0; i < 3; i++)
		vectors[i * 100 * MOST + 5] = none[i];
	for (uint32_t j = 0; j < MOST; j++)
		vectors[9 * MOST + j] = 0;
	ck_assert(basis_learn(&basis, MOST, PB__DTYPE__DTYPE_F32, vectors, VECTORS));
	ck_assert_uint_eq(basis.head, 64);
	ck_assert(basis.skew < 1e-5);
	basis_free(&basis);
}
END_TEST

/* One vector of any length has as much to say as another. */
START_TEST(long_vectors_do_not_outweigh_others)
{
	make_vectors(40, .07f, 5);
	for (uint32_t j = 0; j < MOST; j++)
		vectors[j] *= 1e18f;
	ck_assert(basis_learn(&basis, MOST, PB__DTYPE__DTYPE_F32, vectors, VECTORS));
	ck_assert_uint_eq(basis.head, 64);
	basis_free(&basis);
}
END_TEST

START_TEST(numbers_of_no_basis_are_told)
{
	static const struct {
		uint32_t head, dimension;
		bool sound;
	} told[] = {{1, 1, true}, {0, 1, false}, {2, 1, false}, {64, 96, true}, {65, 96, false},
		{0, 96, false}, {BASIS_MOST - 32, BASIS_MOST, true},
		{BASIS_MOST + 1, BASIS_MOST + 33, false}, {4096, 4096, true}};

	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		struct basis b;
		ck_assert_int_eq(basis_make(&b, told[i].dimension, told[i].head, 0), told[i].sound);
		ck_assert_int_eq(b.row != NULL, told[i].sound && told[i].head < told[i].dimension);
		basis_free(&b);
	}
}
END_TEST

START_TEST(skew_beyond_reason_is_told)
{
	static const double skew[] = {-1e-9, 1e-3, INFINITY, NAN};

	for (size_t i = 0; i < sizeof skew / sizeof *skew; i++) {
		struct basis b;
		ck_assert(!basis_make(&b, 96, 64, skew[i]));
		basis_free(&b);
	}
}
END_TEST

/* A half is a float, and so the basis of both is one. */
START_TEST(halves_are_what_they_mean)
{
	static uint16_t halves[VECTORS * MOST];
	struct basis other;

	make_vectors(40, .07f, 7);
	for (size_t i = 0; i < VECTORS * MOST; i++) {
		halves[i] = half_from_float(vectors[i]);
		vectors[i] = half_to_float(halves[i]);
	}
	ck_assert(basis_learn(&basis, MOST, PB__DTYPE__DTYPE_F32, vectors, VECTORS));
	ck_assert(basis_learn(&other, MOST, PB__DTYPE__DTYPE_F16, halves, VECTORS));
	ck_assert_uint_eq(other.head, basis.head);
	ck_assert_mem_eq(other.row, basis.row, basis_bytes(&basis, MOST));
	basis_free(&basis);
	basis_free(&other);
}
END_TEST

START_TEST(without_memory_the_basis_is_the_vectors_own)
{
	bool learned;
	long n = 0;

	make_vectors(40, .07f, 6);
	do {
		fault_arm(n++);
		learned = basis_learn(&basis, MOST, PB__DTYPE__DTYPE_F32, vectors, VECTORS);
		ck_assert_int_eq(learned, !fault_fired());
		fault_arm(-1);
		if (!learned)
			check_own(MOST);
	} while (!learned);
	ck_assert_int_gt(n, 4);
	ck_assert_uint_eq(basis.head, 64);
	basis_free(&basis);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("basis");
	TCase *t = tcase_create("basis");

	tcase_add_test(t, the_tail_is_where_vectors_are_short);
	tcase_add_test(t, vectors_that_go_anywhere_keep_their_own_basis);
	tcase_add_test(t, a_basis_is_as_skew_as_it_says_at_most);
	tcase_add_test(t, what_is_no_vector_does_not_count);
	tcase_add_test(t, long_vectors_do_not_outweigh_others);
	tcase_add_test(t, numbers_of_no_basis_are_told);
	tcase_add_test(t, skew_beyond_reason_is_told);
	tcase_add_test(t, halves_are_what_they_mean);
	tcase_add_test(t, without_memory_the_basis_is_the_vectors_own);
	suite_add_tcase(s, t);
	return s;
}
