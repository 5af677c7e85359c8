#include "tests/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "storage/text/random.h"
#include "storage/text/sparse.h"

static const size_t WIDTHS[] = {16, 48, 64, 80, 272};

enum { ROWS = 40, ENTRIES = 57, WIDEST = 272 };

static float dense[ROWS * WIDEST], want[ROWS * WIDEST], row[WIDEST], sum[WIDEST];
static struct sparse_entry entries[ENTRIES];

static void fill(void)
{
	struct random r;

	random_seed(&r, 7);
	random_normal(&r, dense, ROWS * WIDEST);
	random_normal(&r, row, WIDEST);
	for (size_t i = 0; i < ENTRIES; i++) {
		entries[i].row = (uint32_t)(random_next(&r) % ROWS);
		random_normal(&r, &entries[i].weight, 1);
	}
}

START_TEST(a_row_times_a_matrix_sums_in_the_order_of_its_entries)
{
	for (size_t w = 0; w < 5; w++) {
		size_t width = WIDTHS[w];
		fill();
		sparse_gather(entries, ENTRIES, dense, width, sum);
		for (size_t j = 0; j < width; j++) {
			float expected = 0;
			for (size_t i = 0; i < ENTRIES; i++)
				expected += entries[i].weight * dense[entries[i].row * width + j];
			ck_assert(sum[j] == expected);
		}
		sparse_gather(entries, 0, dense, width, sum);
		for (size_t j = 0; j < width; j++)
			ck_assert(sum[j] == 0);
	}
}
END_TEST

START_TEST(a_column_times_a_row_adds_to_the_matrix)
{
	for (size_t w = 0; w < 5; w++) {
		size_t width = WIDTHS[w];
		fill();
		memcpy(want, dense, sizeof want);
		for (size_t i = 0; i < ENTRIES; i++)
			for (size_t j = 0; j < width; j++)
				want[entries[i].row * width + j] += entries[i].weight * row[j];
		sparse_scatter(entries, ENTRIES, dense, width, row);
		ck_assert_int_eq(memcmp(dense, want, sizeof want), 0);
	}
}
END_TEST

START_TEST(the_generator_is_the_published_one)
{
	/* the reference program's first outputs from this state */
	static const uint64_t outputs[] = {41943041, 58720359, 3588806011781223, 3591011842654386,
		9228616714210784205u, 9973669472204895162u, 14011001112246962877u,
		12406186145184390807u, 15849039046786891736u, 10450023813501588000u};
	struct random r = {{1, 2, 3, 4}};

	for (size_t i = 0; i < 10; i++)
		ck_assert_uint_eq(random_next(&r), outputs[i]);
	random_seed(&r, 0); /* SplitMix64's first outputs from 0 */
	ck_assert_uint_eq(r.s[0], 0xe220a8397b1dcdaf);
	ck_assert_uint_eq(r.s[1], 0x6e789e6aa1b965f4);
	ck_assert_uint_eq(r.s[2], 0x06c45d188009454f);
	ck_assert_uint_eq(r.s[3], 0xf88bb8a8724c81ec);
}
END_TEST

START_TEST(normal_draws_have_normal_moments)
{
	enum { N = 200001 };
	float *x = malloc(N * sizeof *x);
	double moment[5] = {0}, within = 0;
	struct random r;

	random_seed(&r, 11);
	random_normal(&r, x, N);
	for (size_t i = 0; i < N; i++) {
		within += fabsf(x[i]) < 1;
		for (int k = 1; k <= 4; k++)
			moment[k] += pow(x[i], k) / N;
	}
	/* five standard errors of each */
	ck_assert_double_eq_tol(moment[1], 0, 5 / sqrt(N));
	ck_assert_double_eq_tol(moment[2], 1, 5 * sqrt(2.0 / N));
	ck_assert_double_eq_tol(moment[3], 0, 5 * sqrt(15.0 / N));
	ck_assert_double_eq_tol(moment[4], 3, 5 * sqrt(96.0 / N));
	ck_assert_double_eq_tol(within / N, 0.6826895, 5 * sqrt(0.2167 / N));
	free(x);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("sparse");
	TCase *t = tcase_create("sparse");

	tcase_add_test(t, a_row_times_a_matrix_sums_in_the_order_of_its_entries);
	tcase_add_test(t, a_column_times_a_row_adds_to_the_matrix);
	tcase_add_test(t, the_generator_is_the_published_one);
	tcase_add_test(t, normal_draws_have_normal_moments);
	suite_add_tcase(s, t);
	return s;
}
