/* What the bound of query.h stands on: rotation and encoding keep their word, counted in long double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "storage/exact/panel.h"
#include "storage/isa.h"
#include "tests/runner.h"
#include "tests/storage/exact/world.h"
#include "tests/storage/exact/turned.h"
#include "tests/storage/vectors/sample.h"

enum { MOST = 2049 };

static const uint32_t dimensions[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100, 255, 256,
	384, 768, 1023, 1025, 2048, MOST};
enum { DIMENSIONS = sizeof dimensions / sizeof *dimensions };

static lanes vectors[MOST], worked[MOST];
static long double exactly[MOST];
static struct rotation rotation;

static void begin_plain(uint32_t d)
{
	isa_force(ISA_AMX);
	ck_assert(rotation_init(&rotation, d));
}

/* Of the dimensions in turn, and then again in a basis that is learned, where one is. */
static void begin(int i)
{
	enum { VECTORS = 40 };
	uint32_t d = dimensions[i % DIMENSIONS];
	float *falling = malloc(VECTORS * sizeof *falling * d);
	uint64_t seed = 1;

	begin_plain(d);
	for (uint32_t j = 0; j < VECTORS * d; j++)
		falling[j] = sample_value(&seed, 20) / (float)(1 + j % d);
	if (i >= DIMENSIONS) {
		ck_assert(basis_learn(&rotation.basis, d, PB__DTYPE__DTYPE_F32, falling, VECTORS));
		ck_assert(d < 64 || d > BASIS_MOST || rotation.basis.head < d);
	}
	free(falling);
}

/* Of all sizes and shapes: uniform, one value alone, one far above the others, of one size. */
static float some_value(uint32_t i, int lane, uint32_t d, uint64_t *seed)
{
	float value = sample_value(seed, 20);

	switch (lane % 4) {
	case 0:
		return value;
	case 1:
		return i == (uint32_t)lane % d ? value + 1.5f : 0;
	case 2:
		return i == d / 2 ? 1000 : value;
	default:
		return value > 0 ? 1 : -1;
	}
}

static void fill(uint32_t d, double largest, uint64_t *seed)
{
	for (int l = 0; l < GROUP; l++) {
		double size = largest * pow(10, -(double)(sample_next(seed) % 8) * (l / 8));
		for (uint32_t i = 0; i < d; i++)
			vectors[i][l] = (float)(size * some_value(i, l, d, seed));
	}
	memcpy(worked, vectors, d * sizeof *worked);
}

/* The lane as it was given. */
static void take_lane(uint32_t d, int lane)
{
	for (uint32_t i = 0; i < d; i++)
		exactly[i] = vectors[i][lane];
}

START_TEST(a_rotated_vector_is_its_image_to_the_promised_error)
{
	uint32_t d = dimensions[_i % DIMENSIONS];
	uint64_t seed = d;

	begin(_i);
	for (int size = -18; size <= 6; size += 8) {
		fill(d, pow(10, size), &seed);
		rotate(&rotation, worked);
		for (int l = 0; l < GROUP; l++) {
			take_lane(d, l);
			long double length = length_of(exactly, d);
			turned(&rotation, exactly);
			long double off = left_over(&rotation, exactly, 1, worked, l);
			ck_assert(off <= rotation_error(&rotation) * length);
		}
	}
	rotation_free(&rotation);
}
END_TEST

static long double product(const lanes *x, uint32_t d, int a, int b)
{
	long double sum = 0;

	for (uint32_t i = 0; i < d; i++)
		sum += (long double)x[i][a] * x[i][b];
	return sum;
}

START_TEST(a_rotation_keeps_lengths_and_angles)
{
	uint32_t d = dimensions[_i % DIMENSIONS];
	uint64_t seed = d;

	begin(_i);
	fill(d, 1, &seed);
	rotate(&rotation, worked);
	for (int a = 0; a < GROUP; a++)
		for (int b = 0; b <= a; b++) {
			long double size =
				sqrtl(product(vectors, d, a, a) * product(vectors, d, b, b));
			long double off = product(worked, d, a, b) - product(vectors, d, a, b);
			ck_assert(fabsl(off) <=
				  (2.1 * rotation_error(&rotation) + rotation.basis.skew) * size);
		}
	rotation_free(&rotation);
}
END_TEST

/* Real vectors have a few large dimensions; those must not size the step of all others. */
START_TEST(no_dimension_stands_out_after_a_rotation)
{
	uint32_t d = 384;
	uint64_t seed = d;

	begin_plain(d);
	fill(d, 1, &seed);
	rotate(&rotation, worked);
	for (int l = 0; l < GROUP; l++) {
		double length = sqrt((double)product(vectors, d, l, l)), most = 0;
		for (uint32_t i = 0; i < d; i++)
			most = fmax(most, fabs(worked[i][l]));
		ck_assert(most < 8 * length / sqrt(d));
	}
	rotation_free(&rotation);
}
END_TEST

/* Of head or tail. Rounding makes a sum of n numbers larger by n / 2 at most. */
static void check_whole(const lanes *x, uint32_t d, const struct most *most, int l)
{
	float pair[MOST / 2 + 1] = {0}, half[MOST / STRETCH + 1][2] = {{0}};

	bool good = true; /* asserted once: an assertion is a message to the runner */
	for (uint32_t i = 0; i < d; i++) {
		float value = x[i][l];
		good = good && value == rintf(value) && fabsf(value) <= most->one;
		pair[i / 2] += fabsf(value);
		half[i / STRETCH][i % 4 / 2] += fabsf(value);
	}
	for (uint32_t i = 0; i < d; i++)
		good = good && pair[i / 2] <= most->pair + 1 &&
		       half[i / STRETCH][i % 4 / 2] <= most->half + 4;
	ck_assert(good);
}

static void check_lane(const struct encoding *e, bool unit, const struct most *most, int l)
{
	uint32_t d = rotation.dimension;

	take_lane(d, l);
	long double length = length_of(exactly, d), own = unit ? 1 : length,
		    half = length * length / 2;
	double loss = square_loss(d), none = 0x1p-149;

	ck_assert(e->length[l] >= length && e->length[l] <= length * (1 + loss) + 0x1p-119L);
	ck_assert(e->square[l] <= half + none && e->square[l] >= half * (1 - loss) - none);
	for (uint32_t i = 0; i < d && unit; i++)
		exactly[i] /= length;
	turned(&rotation, exactly);
	uint32_t head = rotation.basis.head;
	check_whole(worked, head, most, l);
	check_whole(worked + head, d - head, most, l);
	ck_assert(e->slack[l] >= left_over(&rotation, exactly, e->scale[l], worked, l));
	/* Half a step a dimension is what cutting costs at most, and little comes from elsewhere. */
	long double turning = own * (1e-4L + rotation_error(&rotation));
	long double at_most = sqrtl(d) / 2 * e->scale[l] * 1.01L + turning;
	ck_assert(e->slack[l] <= at_most || (e->scale[l] == 0 && own < 0x1p-80L));
	long double tail = length_of(exactly + head, d - head);
	ck_assert(e->tail[l] >= tail && e->tail[l] <= tail * (1 + loss) + 2 * turning + 0x1p-119L);
}

START_TEST(what_encoding_costs_is_at_most_its_slack)
{
	uint32_t d = dimensions[_i % DIMENSIONS];
	uint64_t seed = d + 1;
	struct most limits[2] = {any_bytes, query_most(ISA_AVX2)};
	struct encoding e;

	begin(_i);
	for (int size = -44; size <= 6; size += 5)
		for (int way = 0; way < 4; way++) {
			fill(d, pow(10, size), &seed);
			bool unit = way % 2;
			const struct most *most = &limits[way / 2];
			for (int l = 0; l < GROUP; l++)
				if (unit && product(vectors, d, l, l) == 0)
					worked[0][l] = vectors[0][l] = 1;
			encode_group(&rotation, worked, unit, most, &e);
			for (int l = 0; l < GROUP; l++)
				check_lane(&e, unit, most, l);
		}
	rotation_free(&rotation);
}
END_TEST

/* Halves are where cutting is at its worst: every dimension is off by half a step. */
START_TEST(slack_holds_where_every_dimension_is_cut_in_the_middle)
{
	uint32_t d = dimensions[_i % DIMENSIONS];
	uint64_t seed = 9;
	struct encoding e;

	begin_plain(d);
	for (int l = 0; l < GROUP; l++) {
		for (uint32_t i = 0; i < d; i++)
			exactly[i] = (long double)(sample_next(&seed) % 126) + 0.49L;
		exactly[0] = 127;
		turned_back(&rotation, exactly);
		for (uint32_t i = 0; i < d; i++)
			worked[i][l] = vectors[i][l] = (float)exactly[i];
	}
	encode_group(&rotation, worked, false, &any_bytes, &e);
	for (int l = 0; l < GROUP; l++) {
		check_lane(&e, false, &any_bytes, l);
		ck_assert(e.slack[l] >= 0.48 * sqrt(d - 1));
	}
	rotation_free(&rotation);
}
END_TEST

START_TEST(what_is_no_vector_has_no_slack_and_leaves_its_neighbours_alone)
{
	enum { D = 33, BAD = 5 };
	static const float bad[] = {NAN, INFINITY, -INFINITY};
	static lanes want[D];
	struct encoding e, good;
	uint64_t seed = 3;

	begin_plain(D);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		fill(D, 1, &seed);
		memcpy(want, vectors, sizeof want);
		encode_group(&rotation, want, false, &any_bytes, &good);
		worked[7][BAD] = bad[i];
		encode_group(&rotation, worked, false, &any_bytes, &e);
		ck_assert(!isfinite(e.length[BAD]));
		for (int l = 0; l < GROUP; l++) {
			if (l == BAD)
				continue;
			ck_assert(e.slack[l] == good.slack[l] && e.scale[l] == good.scale[l]);
			for (int j = 0; j < D; j++)
				ck_assert(worked[j][l] == want[j][l]);
		}
	}
	rotation_free(&rotation);
}
END_TEST

START_TEST(a_zero_vector_is_exact_but_has_no_direction)
{
	struct encoding e;

	begin_plain(3);
	memset(worked, 0, sizeof worked);
	encode_group(&rotation, worked, false, &any_bytes, &e);
	ck_assert(e.scale[0] == 0 && e.slack[0] < 0x1p-90 && e.length[0] < 0x1p-90);
	ck_assert(e.square[0] == 0);
	memset(worked, 0, sizeof worked);
	encode_group(&rotation, worked, true, &any_bytes, &e);
	ck_assert(isinf(e.slack[0]));
	rotation_free(&rotation);
}
END_TEST

START_TEST(every_instruction_set_encodes_the_same)
{
	uint32_t d = dimensions[_i % DIMENSIONS];
	static lanes want[MOST];
	struct encoding e, portable;
	uint64_t seed = d;

	begin(_i);
	for (int unit = 0; unit < 2; unit++)
		for (enum isa isa = ISA_PORTABLE; isa <= ISA_AMX; isa++) {
			seed = d;
			fill(d, 1e-3, &seed);
			isa_force(isa);
			encode_group(&rotation, worked, unit, &any_bytes, &e);
			if (isa == ISA_PORTABLE) {
				memcpy(want, worked, sizeof want);
				portable = e;
			}
			ck_assert(memcmp(worked, want, d * sizeof *want) == 0);
			ck_assert(memcmp(&e, &portable, sizeof e) == 0);
		}
	rotation_free(&rotation);
}
END_TEST

START_TEST(bytes_stand_four_dimensions_a_row)
{
	enum { STRIDE = 128, STEPS = 3 };
	_Alignas(64) static unsigned char bytes[STEPS * STRIDE];
	uint64_t seed = 5;

	for (uint32_t d = 1; d <= 4 * STEPS; d++)
		for (enum isa isa = ISA_PORTABLE; isa <= ISA_AMX; isa++) {
			isa_force(isa);
			for (uint32_t i = 0; i < d; i++)
				for (int l = 0; l < GROUP; l++)
					worked[i][l] = (float)(sample_next(&seed) % 255) - 127;
			memset(bytes, 7, sizeof bytes);
			encode_bytes(worked, d, bytes, STRIDE);
			for (uint32_t i = 0; i < (d + 3) / 4 * 4; i++)
				for (uint32_t l = 0; l < GROUP; l++) {
					int value = bytes[i / 4 * STRIDE + l * 4 + i % 4] - 128;
					ck_assert_int_eq(value, i < d ? (int)worked[i][l] : 0);
				}
			ck_assert_int_eq(bytes[GROUP * 4], 7);
		}
}
END_TEST

START_TEST(bytes_of_a_tail_stand_a_vector_after_another)
{
	enum { DIMENSION = 40, ROWS = 5 };
	static unsigned char bytes[(ROWS + 1) * DIMENSION];
	uint64_t seed = 6;

	for (uint32_t i = 0; i < DIMENSION; i++)
		for (int l = 0; l < GROUP; l++)
			worked[i][l] = (float)(sample_next(&seed) % 255) - 127;
	encode_rows(worked, DIMENSION, ROWS, bytes);
	for (uint32_t l = 0; l < ROWS; l++)
		for (uint32_t i = 0; i < DIMENSION; i++)
			ck_assert_int_eq(bytes[l * DIMENSION + i] - 128, (int)worked[i][l]);
	ck_assert_int_eq(bytes[ROWS * DIMENSION], 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("encode");
	TCase *t = tcase_create("encode");

	world_tell_sets();
	tcase_add_loop_test(
		t, a_rotated_vector_is_its_image_to_the_promised_error, 0, 2 * DIMENSIONS);
	tcase_add_loop_test(t, a_rotation_keeps_lengths_and_angles, 0, 2 * DIMENSIONS);
	tcase_add_test(t, no_dimension_stands_out_after_a_rotation);
	tcase_add_loop_test(t, what_encoding_costs_is_at_most_its_slack, 0, 2 * DIMENSIONS);
	tcase_add_loop_test(
		t, slack_holds_where_every_dimension_is_cut_in_the_middle, 0, DIMENSIONS);
	tcase_add_test(t, what_is_no_vector_has_no_slack_and_leaves_its_neighbours_alone);
	tcase_add_test(t, a_zero_vector_is_exact_but_has_no_direction);
	tcase_add_loop_test(t, every_instruction_set_encodes_the_same, 0, 2 * DIMENSIONS);
	tcase_add_test(t, bytes_stand_four_dimensions_a_row);
	tcase_add_test(t, bytes_of_a_tail_stand_a_vector_after_another);
	suite_add_tcase(s, t);
	return s;
}
