/* Products in floats against sums of exact products: how far each instruction set's are from them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "storage/exact/products.h"
#include "tests/runner.h"
#include "tests/storage/exact/world.h"
#include "tests/storage/vectors/sample.h"

enum { MOST = 2049, SPARE = 3 /* floats between rows */ };

/* How numbers are drawn: those of one sort round the same way again and again. */
enum sort { UNIFORM, ALIKE, OF_ANY_SIZE, DENORMAL, SORTS };

struct sums {
	uint32_t n, dimension;
	float *rows;
	lanes *panels, *out;
};

static float some_number(enum sort sort, uint64_t *seed)
{
	float x = sample_value(seed, 20);

	switch (sort) {
	case ALIKE:
		return .1f + 1e-6f * x;
	case OF_ANY_SIZE:
		return ldexpf(x, (int)(sample_next(seed) % 60) - 50);
	case DENORMAL:
		return ldexpf(x, -70 - (int)(sample_next(seed) % 12));
	default:
		return x;
	}
}

static size_t stride(const struct sums *s)
{
	return s->dimension + SPARE;
}

static struct sums draw(enum sort sort, uint32_t n, uint32_t d, uint64_t *seed)
{
	struct sums s = {.n = n, .dimension = d};
	size_t cells = (size_t)n * d;

	s.rows = malloc(PRODUCTS_ROWS * stride(&s) * sizeof *s.rows);
	s.panels = aligned_alloc(sizeof *s.panels, cells * sizeof *s.panels);
	s.out = aligned_alloc(sizeof *s.out, PRODUCTS_ROWS * n * sizeof *s.out);
	memset(s.out, -1, PRODUCTS_ROWS * n * sizeof *s.out); /* NaN */
	for (size_t i = 0; i < PRODUCTS_ROWS * stride(&s); i++)
		s.rows[i] = some_number(sort, seed);
	for (size_t i = 0; i < cells; i++)
		for (int lane = 0; lane < GROUP; lane++)
			s.panels[i][lane] = some_number(sort, seed);
	return s;
}

static void release(struct sums *s)
{
	free(s->rows);
	free(s->panels);
	free(s->out);
}

/* A product of floats is exact in long double; sums of them are off by 2^-64 of themselves each. */
static void check_one(const struct sums *s, uint32_t row, uint32_t panel, int lane)
{
	const float *x = s->rows + row * stride(s);
	const lanes *q = s->panels + (size_t)panel * s->dimension;
	uint32_t d = s->dimension, rounded = d < 64 ? d + 1 : 64 + (d + 63) / 64;
	long double sum = 0, size = 0, u = 0x1p-24L;

	for (uint32_t i = 0; i < d; i++) {
		sum += (long double)x[i] * q[i][lane];
		size += fabsl((long double)x[i] * q[i][lane]);
	}
	long double off = fabsl((long double)s->out[row * s->n + panel][lane] - sum);
	long double most = rounded * u / (1 - rounded * u) * size + d * 0x1p-149L;
	if (!(off <= most * (1 + 1e-9L)))
		ck_abort_msg("%u dimensions, row %u, panel %u of %u, lane %d: off by %Lg, not %Lg",
			d, row, panel, s->n, lane, off, most);
}

static void check(const struct sums *s)
{
	for (uint32_t row = 0; row < PRODUCTS_ROWS; row++)
		for (uint32_t panel = 0; panel < s->n; panel++)
			for (int lane = 0; lane < GROUP; lane++)
				check_one(s, row, panel, lane);
}

static const uint32_t dimensions[] = {
	1, 2, 3, 7, 8, 15, 16, 17, 31, 63, 64, 65, 127, 128, 129, 384, 385, 768, 1023, 2048, MOST};

START_TEST(sums_are_as_near_as_their_roundings)
{
	products_fn *products;
	uint64_t seed = 3;

	isa_force((enum isa)_i);
	products = products_for(isa_now());
	for (size_t i = 0; i < sizeof dimensions / sizeof *dimensions; i++)
		for (int sort = 0; sort < SORTS; sort++)
			for (uint32_t n = 1; n <= PRODUCTS_PANELS; n++) {
				uint32_t d = dimensions[i];
				struct sums s = draw((enum sort)sort, n, d, &seed);
				products(&(struct products){
					s.rows, stride(&s), s.panels, n, d, s.out});
				check(&s);
				release(&s);
			}
}
END_TEST

START_TEST(roundings_are_counted_by_sixty_fours)
{
	ck_assert_uint_eq(products_roundings(1), 2);
	ck_assert_uint_eq(products_roundings(63), 64);
	ck_assert_uint_eq(products_roundings(64), 65);
	ck_assert_uint_eq(products_roundings(65), 66);
	ck_assert_uint_eq(products_roundings(384), 70);
	ck_assert_uint_eq(products_roundings(2049), 97);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("products");
	TCase *t = tcase_create("products");

	world_tell_sets();
	tcase_add_loop_test(t, sums_are_as_near_as_their_roundings, ISA_PORTABLE, ISA_AMX + 1);
	tcase_add_test(t, roundings_are_counted_by_sixty_fours);
	suite_add_tcase(s, t);
	return s;
}
