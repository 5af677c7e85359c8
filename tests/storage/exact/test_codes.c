/* Codes: the same whoever makes them in whatever pieces, and each row no further from them than it says. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/exact/encode.h"
#include "storage/isa.h"
#include "tests/runner.h"
#include "tests/storage/exact/turned.h"
#include "tests/storage/exact/world.h"
#include "tests/storage/vectors/sample.h"

static const Pb__Similarity similarities[] = {PB__SIMILARITY__SIMILARITY_COSINE,
	PB__SIMILARITY__SIMILARITY_DOT, PB__SIMILARITY__SIMILARITY_L2};
static const uint32_t sizes[][2] = {{0, 5}, {1, 1}, {15, 3}, {16, 4}, {17, 2}, {31, 9}, {32, 33},
	{33, 64}, {200, 7}, {3, 2049}, {90, 71}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static struct world w;
static struct error e;

/* Of every kind, similarity and type in turn. */
static void make_world(int i, uint32_t n, uint32_t dimension)
{
	struct shape shape = {.similarity = similarities[i % 3],
		.dtype = i / 3 % 2 ? PB__DTYPE__DTYPE_F16 : PB__DTYPE__DTYPE_F32,
		.kind = (enum kind)(i / 6 % KIND_COUNT),
		.n = n,
		.dimension = dimension,
		.holes = 4,
		.sample = i % 2 ? n / 2 + 1 : 0};
	uint64_t seed = (uint64_t)i;

	isa_force(ISA_AMX);
	world_make(&w, &shape, &seed);
}

static void check_same(const struct codes *a, const struct codes *b)
{
	const struct basis *x = &a->rotation.basis, *y = &b->rotation.basis;

	ck_assert_uint_eq(a->tail, b->tail);
	ck_assert(x->skew == y->skew);
	ck_assert(a->tail == 0 || memcmp(x->row, y->row, basis_bytes(x, a->dimension)) == 0);
	ck_assert_uint_eq(a->rows, b->rows);
	ck_assert_uint_eq(a->blocks, b->blocks);
	ck_assert(a->longest == b->longest);
	ck_assert(a->rows == 0 || memcmp(a->block.at, b->block.at, codes_bytes(a)) == 0);
	ck_assert(a->tail == 0 || memcmp(a->tails.at, b->tails.at, codes_tail_bytes(a)) == 0);
}

START_TEST(pieces_and_instruction_sets_make_the_same_codes)
{
	for (int s = 0; s < SIZES; s++) {
		make_world(_i, sizes[s][0], sizes[s][1]);
		for (uint64_t i = 0; i < 9; i++) {
			isa_force((enum isa)(i % (ISA_AMX + 1)));
			struct codes *again = world_codes(&w, &i);
			check_same(w.exact.codes, again);
			codes_free(again);
		}
		world_free(&w);
	}
}
END_TEST

/* What the bytes of a row stand for, as a lane. */
static void decode(const struct codes *c, uint32_t row, lanes *out)
{
	struct codes_block b = codes_block(c, row / CODE_BLOCK);

	uint32_t head = c->dimension - c->tail;

	for (uint32_t i = 0; i < c->steps * 4; i++) {
		int value = b.code[i / 4 * CODE_BLOCK * 4 + row % CODE_BLOCK * 4 + i % 4] - 128;
		if (i < head)
			out[i][0] = (float)value;
		else
			ck_assert_int_eq(value, 0);
	}
	for (uint32_t i = 0; i < c->tail; i++) {
		int value = codes_tail(c, row)[i] - 128;
		out[head + i][0] = (float)value;
	}
}

static void check_weight(const struct codes *c, double weight, long double length)
{
	switch (c->similarity) {
	case PB__SIMILARITY__SIMILARITY_COSINE:
		return;
	case PB__SIMILARITY__SIMILARITY_L2: {
		long double half = length * length / 2;
		ck_assert(weight <= half + 0x1p-149L);
		ck_assert(weight >= half * (1 - square_loss(c->dimension)) - 0x1p-149L);
		return;
	}
	default:
		ck_assert(weight >= length);
		ck_assert(weight <= length * (1 + square_loss(c->dimension)) + 0x1p-100L);
	}
}

static void check_row(uint32_t row, long double *image, lanes *bytes)
{
	const struct codes *c = w.exact.codes;
	struct codes_block b = codes_block(c, row / CODE_BLOCK);
	uint32_t d = c->dimension, i = row % CODE_BLOCK;

	for (uint32_t j = 0; j < d; j++)
		image[j] = w.value[(size_t)row * d + j];
	long double length = length_of(image, d);
	ck_assert(c->longest >= length);
	check_weight(c, b.weight[i], length);
	for (uint32_t j = 0; j < d && c->similarity == PB__SIMILARITY__SIMILARITY_COSINE; j++)
		image[j] /= length;
	turned(&c->rotation, image);
	ck_assert(b.tail_length[i] >= length_of(image + (d - c->tail), c->tail));
	decode(c, row, bytes);
	ck_assert_msg(b.slack[i] >= left_over(&c->rotation, image, b.scale[i], bytes, 0),
		"%s, row %u", world_name(&w), row);
}

START_TEST(a_row_is_within_its_slack_of_its_bytes)
{
	static long double image[2049];
	static lanes bytes[2049];

	for (int s = 0; s < SIZES; s++) {
		make_world(_i, sizes[s][0], sizes[s][1]);
		for (uint32_t row = 0; row < w.shape.n; row++)
			if (w.numbers[row] != DEAD_ROW)
				check_row(row, image, bytes);
		world_free(&w);
	}
}
END_TEST

START_TEST(no_search_finds_rows_that_are_not_there)
{
	for (int s = 0; s < SIZES; s++) {
		make_world(_i, sizes[s][0], sizes[s][1]);
		const struct codes *c = w.exact.codes;
		ck_assert_uint_eq(c->rows, w.shape.n);
		ck_assert_uint_eq(c->blocks, (w.shape.n + CODE_BLOCK - 1) / CODE_BLOCK);
		for (uint32_t row = 0; row < c->blocks * CODE_BLOCK; row++) {
			bool there = row < c->rows && w.numbers[row] != DEAD_ROW;
			float slack = codes_block(c, row / CODE_BLOCK).slack[row % CODE_BLOCK];
			ck_assert(there ? slack >= 0 : slack == -INFINITY);
		}
		world_free(&w);
	}
}
END_TEST

/* n rows of three dimensions, all of length 1 but the bad one. */
static void refuse(const float *bad, uint32_t n, uint32_t at, Pb__Similarity similarity)
{
	struct codes_builder *b = codes_builder_new(3, PB__DTYPE__DTYPE_F32, similarity);
	struct codes *codes = NULL;
	float rows[40][3] = {{0}};
	char row[32];

	snprintf(row, sizeof row, "Row %u ", at);
	for (uint32_t i = 0; i < n; i++)
		rows[i][0] = 1;
	memcpy(rows[at], bad, sizeof rows[at]);
	e.code = OK;
	if (codes_builder_add(b, rows, n, &e))
		codes_builder_free(b);
	else
		codes_builder_finish(b, &codes, &e);
	ck_refused(e.code, &e, DATA_LOSS, "CORRUPT_FILE");
	ck_assert_ptr_nonnull(strstr(e.text, row));
	ck_assert_ptr_null(codes);
}

START_TEST(rows_that_may_not_be_are_refused_by_number)
{
	static const float bad[][3] = {{NAN, 0, 0}, {0, INFINITY, 0}, {0, 0, -INFINITY},
		{1.1e6f, 0, 0}, {8e5f, -8e5f, 0}, {3e38f, 3e38f, 3e38f}, {0, 0, 0}};
	size_t n = sizeof bad / sizeof *bad;

	isa_force((enum isa)_i);
	for (size_t i = 0; i < n; i++)
		for (int s = 0; s < 3; s++) {
			if (i == n - 1 && similarities[s] != PB__SIMILARITY__SIMILARITY_COSINE)
				continue; /* zero is a vector like others */
			refuse(bad[i], 1, 0, similarities[s]);
			refuse(bad[i], 16, 15, similarities[s]);
			refuse(bad[i], 40, 17, similarities[s]);
			refuse(bad[i], 40, 39, similarities[s]);
		}
}
END_TEST

START_TEST(the_longest_row_that_may_be_is_taken)
{
	static const float row[3] = {-1e6f, 0, 0};

	for (int s = 0; s < 3; s++) {
		struct codes_builder *b =
			codes_builder_new(3, PB__DTYPE__DTYPE_F32, similarities[s]);
		struct codes *codes;
		ck_ok(codes_builder_add(b, row, 1, &e), &e);
		ck_ok(codes_builder_finish(b, &codes, &e), &e);
		ck_assert(codes->longest >= 1e6);
		codes_free(codes);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("codes");
	TCase *t = tcase_create("codes");

	world_tell_sets();
	tcase_add_loop_test(t, pieces_and_instruction_sets_make_the_same_codes, 0, 6 * KIND_COUNT);
	tcase_add_loop_test(t, a_row_is_within_its_slack_of_its_bytes, 0, 6 * KIND_COUNT);
	tcase_add_loop_test(t, no_search_finds_rows_that_are_not_there, 0, 6);
	tcase_add_loop_test(t, rows_that_may_not_be_are_refused_by_number, 0, ISA_AMX + 1);
	tcase_add_test(t, the_longest_row_that_may_be_is_taken);
	suite_add_tcase(s, t);
	return s;
}
