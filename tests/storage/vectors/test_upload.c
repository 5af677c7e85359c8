#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/vectors/half.h"
#include "storage/vectors/npy.h"
#include "storage/vectors/upload.h"
#include "tests/runner.h"

static struct error err;
static struct upload got;
static struct vectors_about to;
static Pb__UpsertVectorsRequest req;
static char *ids[] = {"a", "b"};
static Pb__Vector vector[2], *vectors[] = {&vector[0], &vector[1]};
static float values[2][3];

static void setup(void)
{
	to = (struct vectors_about){
		.dimension = 3, .similarity = PB__SIMILARITY__SIMILARITY_COSINE};
	pb__upsert_vectors_request__init(&req);
	req.ids = (void *)ids;
	req.n_ids = 2;
	for (int i = 0; i < 2; i++) {
		pb__vector__init(&vector[i]);
		vector[i].values = values[i];
		vector[i].n_values = 3;
		for (int j = 0; j < 3; j++)
			values[i][j] = (float)(i + j) + 0.5f;
	}
}

static void by_vectors(void)
{
	req.vectors = vectors;
	req.n_vectors = 2;
}

static void by_data(const void *data, size_t n, Pb__Dtype dtype)
{
	req.has_data = true;
	req.data = (ProtobufCBinaryData){n, (uint8_t *)data};
	req.dtype = dtype;
}

static void check_refused(const char *reason, const char *field)
{
	ck_refused(upload_read(&req, &to, &got, &err), &err, INVALID_ARGUMENT, reason);
	ck_assert_str_eq(err.field, field);
}

static void check_values(void)
{
	ck_ok(upload_read(&req, &to, &got, &err), &err);
	ck_assert_uint_eq(got.n, 2);
	ck_assert_mem_eq(got.rows, values, sizeof values);
	upload_free(&got);
}

START_TEST(rows_come_as_json_as_floats_or_as_halves)
{
	uint16_t half[2][3];

	by_vectors();
	check_values();
	req.n_vectors = 0;
	by_data(values, sizeof values, PB__DTYPE__DTYPE_F32);
	check_values();
	for (int i = 0; i < 6; i++)
		half[i / 3][i % 3] = half_from_float(values[i / 3][i % 3]);
	by_data(half, sizeof half, PB__DTYPE__DTYPE_F16);
	check_values();
	to.dtype = PB__DTYPE__DTYPE_F16;
	ck_ok(upload_read(&req, &to, &got, &err), &err);
	ck_assert_mem_eq(got.rows, half, sizeof half);
	upload_free(&got);
}
END_TEST

START_TEST(rows_that_are_as_they_should_be_are_taken_where_they_are)
{
	uint16_t half[2][3] = {{0x3c00, 0x3c01, 1}, {0, 0x3c00, 0}};

	by_data(values, sizeof values, PB__DTYPE__DTYPE_F32);
	ck_ok(upload_read(&req, &to, &got, &err), &err);
	ck_assert_ptr_eq(got.rows, values);
	upload_free(&got);
	to.dtype = PB__DTYPE__DTYPE_F16;
	by_data(half, sizeof half, PB__DTYPE__DTYPE_F16);
	ck_ok(upload_read(&req, &to, &got, &err), &err);
	ck_assert_ptr_eq(got.rows, half);
	upload_free(&got);
	half[1][1] = 0;
	check_refused("ZERO_VECTOR", "data[1]");
	half[0][2] = 0x7c00;
	check_refused("NOT_FINITE", "data[0][2]");
}
END_TEST

START_TEST(bytes_may_stand_at_any_address)
{
	char bytes[sizeof values + 1];

	memcpy(bytes + 1, values, sizeof values);
	by_data(bytes + 1, sizeof values, PB__DTYPE__DTYPE_F32);
	check_values();
}
END_TEST

START_TEST(values_that_are_no_numbers_are_named)
{
	by_vectors();
	values[1][2] = NAN;
	check_refused("NOT_FINITE", "vectors[1][2]");
	values[1][2] = -INFINITY;
	check_refused("NOT_FINITE", "vectors[1][2]");
	req.n_vectors = 0;
	by_data(values, sizeof values, PB__DTYPE__DTYPE_F32);
	check_refused("NOT_FINITE", "data[1][2]");
}
END_TEST

START_TEST(rows_without_a_direction_or_too_long_are_named)
{
	by_vectors();
	memset(values[1], 0, sizeof values[1]);
	check_refused("ZERO_VECTOR", "vectors[1]");
	to.similarity = PB__SIMILARITY__SIMILARITY_DOT;
	check_values();
	values[0][1] = 1e6f;
	check_refused("NORM_TOO_LARGE", "vectors[0]");
	values[0][0] = values[0][2] = 0;
	check_values(); /* 1e6 itself is allowed */
	values[0][1] = 3e38f;
	check_refused("NORM_TOO_LARGE", "vectors[0]");
}
END_TEST

START_TEST(rounding_to_halves_may_not_lose_a_row)
{
	by_vectors();
	to.dtype = PB__DTYPE__DTYPE_F16;
	values[0][1] = 65520;
	check_refused("HALF_OVERFLOW", "vectors[0][1]");
	values[0][0] = values[0][1] = values[0][2] = 1e-9f;
	check_refused("ZERO_VECTOR", "vectors[0]");
	values[0][1] = 65519;
	ck_ok(upload_read(&req, &to, &got, &err), &err);
	upload_free(&got);
}
END_TEST

START_TEST(shapes_must_agree)
{
	by_vectors();
	vector[1].n_values = 2;
	check_refused("WRONG_DIMENSION", "vectors[1]");
	vector[1].n_values = 3;
	req.n_ids = 1;
	check_refused("WRONG_LENGTH", "vectors");
	req.n_ids = 2;
	by_data(values, sizeof values, PB__DTYPE__DTYPE_F32);
	check_refused("TWO_SOURCES", "data");
	req.n_vectors = 0;
	for (size_t n = 0; n < sizeof values; n++) {
		by_data(values, n, PB__DTYPE__DTYPE_F32);
		check_refused("WRONG_LENGTH", "data");
	}
	req.has_data = false;
	check_refused("WRONG_LENGTH", "vectors");
}
END_TEST

/* A .npy file of the format's own description: magic, version, little-endian length, dictionary. */
static size_t npy_make(
	char *out, int version, const char *head, const void *data, size_t data_bytes)
{
	size_t n = strlen(head), start = version == 1 ? 10 : 12;

	memcpy(out, "\x93NUMPY", 6);
	out[6] = (char)version;
	out[7] = 0;
	memset(out + 8, 0, 4);
	out[8] = (char)(n & 0xff);
	out[9] = (char)(n >> 8);
	memcpy(out + start, head, n);
	memcpy(out + start + n, data, data_bytes);
	return start + n + data_bytes;
}

START_TEST(npy_files_of_both_versions_are_read)
{
	static const char *const heads[] = {
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n",
		"{'shape':(2,3),'fortran_order':False,'descr':\"<f4\"}",
		"{ 'descr' : '<f4' , 'shape' : ( 2 , 3 , ) , 'fortran_order' : False , }\n"};
	char bytes[256];

	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		for (int version = 1; version <= 2; version++) {
			size_t n = npy_make(bytes, version, heads[i], values, sizeof values);
			by_data(bytes, n, PB__DTYPE__DTYPE_NPY);
			check_values();
		}
}
END_TEST

START_TEST(npy_files_that_are_something_else_are_refused)
{
	static const char *const heads[] = {"", "{", "{}", "{'descr': '<f4'}",
		"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }",
		"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }",
		"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }",
		"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3), }",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }",
		"{'descr': '<f4', 'fortran_order': False, 'shape': "
		"(4611686018427387904, 4611686018427387904), }",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 3), }",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } x",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
		"{'descr: '<f4', 'fortran_order': False, 'shape': (2, 3), }"};
	char bytes[512];

	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		size_t n = npy_make(bytes, 1, heads[i], values, sizeof values);
		by_data(bytes, n, PB__DTYPE__DTYPE_NPY);
		check_refused("BAD_NPY", "data");
	}
}
END_TEST

START_TEST(npy_files_cut_anywhere_are_refused_without_reading_past_them)
{
	static const char head[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
	char bytes[256];
	size_t n = npy_make(bytes, 1, head, values, sizeof values);

	for (size_t cut = 0; cut < n; cut++) {
		char *exact = malloc(cut + !cut);
		memcpy(exact, bytes, cut);
		by_data(exact, cut, PB__DTYPE__DTYPE_NPY);
		check_refused("BAD_NPY", "data");
		free(exact);
	}
}
END_TEST

START_TEST(an_npy_of_another_width_is_refused)
{
	char bytes[256];
	size_t n = npy_make(bytes, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}",
		values, sizeof values);

	req.n_ids = 3;
	by_data(bytes, n, PB__DTYPE__DTYPE_NPY);
	check_refused("WRONG_DIMENSION", "data");
}
END_TEST

START_TEST(every_allocation_may_fail)
{
	enum code rc;
	long n = 0;

	by_vectors();
	do {
		fault_arm(n++);
		rc = upload_read(&req, &to, &got, &err);
		ck_assert_int_eq(rc, fault_fired() ? RESOURCE_EXHAUSTED : OK);
	} while (rc);
	ck_assert_int_eq(n, 3);
	upload_free(&got);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("upload");
	TCase *t = tcase_create("upload");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, rows_come_as_json_as_floats_or_as_halves);
	tcase_add_test(t, rows_that_are_as_they_should_be_are_taken_where_they_are);
	tcase_add_test(t, bytes_may_stand_at_any_address);
	tcase_add_test(t, values_that_are_no_numbers_are_named);
	tcase_add_test(t, rows_without_a_direction_or_too_long_are_named);
	tcase_add_test(t, rounding_to_halves_may_not_lose_a_row);
	tcase_add_test(t, shapes_must_agree);
	tcase_add_test(t, npy_files_of_both_versions_are_read);
	tcase_add_test(t, npy_files_that_are_something_else_are_refused);
	tcase_add_test(t, npy_files_cut_anywhere_are_refused_without_reading_past_them);
	tcase_add_test(t, an_npy_of_another_width_is_refused);
	tcase_add_test(t, every_allocation_may_fail);
	suite_add_tcase(s, t);
	return s;
}
