#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "proto/fault.h"
#include "storage/vectors/format.h"
#include "storage/vectors/half.h"
#include "tests/runner.h"
#include "tests/storage/vectors/sample.h"

static char path[PATH_MAX];
static struct error err;
static const struct vectors_about about = {PB__SIDE__SIDE_QUERY, PB__DTYPE__DTYPE_F32,
	PB__SIMILARITY__SIMILARITY_DOT, 3, 7, -5, "minilm"};

static void setup(void)
{
	snprintf(path, sizeof path, "%s/v", temporary_make());
}

static void teardown(void)
{
	temporary_remove();
}

/* The whole file, aligned as a map would be. */
static unsigned char *slurp(size_t *n)
{
	FILE *f = fopen(path, "rb");
	struct stat st;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fstat(fileno(f), &st), 0);
	*n = (size_t)st.st_size;
	unsigned char *bytes = aligned_alloc(64, (*n + 127) / 64 * 64);
	ck_assert_uint_eq(fread(bytes, 1, *n, f), *n);
	fclose(f);
	return bytes;
}

static void check_round_trip(uint32_t n, uint32_t dimension, Pb__Dtype dtype)
{
	struct sample s = sample_random(n, dimension, n, 8);
	struct vectors_about is = about;
	struct vectors v;
	float *row = malloc(dimension * sizeof *row);

	for (uint32_t i = 0; i < n; i++)
		s.numbers[i] = 3 * i + 1;
	is.dimension = dimension;
	is.dtype = dtype;
	sample_write(&s, &is, path);
	ck_ok(vectors_open(path, &v, &err), &err);
	ck_assert_uint_eq(v.count, n);
	ck_assert_int_eq(v.about.side, PB__SIDE__SIDE_QUERY);
	ck_assert_int_eq(v.about.similarity, PB__SIMILARITY__SIMILARITY_DOT);
	ck_assert_int_eq(v.about.generation, 7);
	ck_assert_int_eq(v.about.step, -5);
	ck_assert_str_eq(v.about.encoder, "minilm");
	for (uint32_t i = 0; i < n; i++) {
		ck_assert_uint_eq(vectors_find(&v, 3 * i + 1), i);
		ck_assert_uint_eq(vectors_find(&v, 3 * i + 2), UINT32_MAX);
		vectors_floats(&v, i, row);
		ck_assert_mem_eq(row, s.values + (size_t)i * dimension, dimension * sizeof *row);
	}
	ck_assert_uint_eq(vectors_find(&v, 0), UINT32_MAX);
	vectors_close(&v);
	free(row);
	sample_free(&s);
}

START_TEST(what_is_written_is_read)
{
	static const uint32_t counts[] = {0, 1, 2, 1023, 1024, 1025, 2500};

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		check_round_trip(counts[i], 3, PB__DTYPE__DTYPE_F32);
		check_round_trip(counts[i], 5, PB__DTYPE__DTYPE_F16);
	}
}
END_TEST

START_TEST(any_changed_byte_is_noticed)
{
	struct sample s = sample_random(5, 3, 1, 8);
	struct vectors v;
	size_t n;

	sample_write(&s, &about, path);
	unsigned char *bytes = slurp(&n);
	ck_ok(vectors_parse(bytes, n, &v, &err), &err);
	for (size_t i = 0; i < n; i++)
		for (unsigned change = 1; change < 256; change++) {
			bytes[i] ^= (unsigned char)change;
			ck_refused(
				vectors_parse(bytes, n, &v, &err), &err, DATA_LOSS, "CORRUPT_FILE");
			bytes[i] ^= (unsigned char)change;
		}
	ck_ok(vectors_parse(bytes, n, &v, &err), &err);
	free(bytes);
	sample_free(&s);
}
END_TEST

START_TEST(any_other_length_is_noticed)
{
	struct sample s = sample_random(5, 3, 1, 8);
	struct vectors v;
	size_t n;

	sample_write(&s, &about, path);
	unsigned char *bytes = slurp(&n);
	bytes[n] = 0;
	for (size_t cut = 0; cut <= n + 1; cut++)
		if (cut != n)
			ck_refused(vectors_parse(bytes, cut, &v, &err), &err, DATA_LOSS,
				"CORRUPT_FILE");
	for (size_t cut = n; cut-- > 0;) {
		ck_assert_int_eq(truncate(path, (off_t)cut), 0);
		ck_refused(vectors_open(path, &v, &err), &err, DATA_LOSS, "CORRUPT_FILE");
	}
	free(bytes);
	sample_free(&s);
}
END_TEST

/* Headers that lie, with checksums that are right. */
START_TEST(a_header_that_lies_is_refused)
{
	struct sample s = sample_random(5, 3, 1, 8);
	struct vectors v;
	size_t n;

	sample_write(&s, &about, path);
	unsigned char *bytes = slurp(&n);
	struct format_header good, h;
	memcpy(&good, bytes, sizeof good);
	for (int lie = 0; lie < 12; lie++) {
		h = good;
		switch (lie) {
		case 0:
			h.count = UINT64_MAX;
			break;
		case 1:
			h.count = UINT64_MAX / 12;
			break;
		case 2:
			h.count = (uint64_t)1 << 62;
			break;
		case 3:
			h.count = 4;
			break;
		case 4:
			h.count = 6;
			break;
		case 5:
			h.dimension = 0;
			break;
		case 6:
			h.dimension = UINT32_MAX;
			break;
		case 7:
			h.dtype = PB__DTYPE__DTYPE_NPY;
			break;
		case 8:
			h.side = 2;
			break;
		case 9:
			h.similarity = 3;
			break;
		case 10:
			h.encoder_bytes = 513;
			break;
		case 11:
			h.version = 2;
			break;
		}
		h.hash = XXH3_64bits(&h, offsetof(struct format_header, hash));
		memcpy(bytes, &h, sizeof h);
		ck_refused(vectors_parse(bytes, n, &v, &err), &err, DATA_LOSS, "CORRUPT_FILE");
	}
	memcpy(bytes, &good, sizeof good);
	ck_ok(vectors_parse(bytes, n, &v, &err), &err);
	free(bytes);
	sample_free(&s);
}
END_TEST

START_TEST(numbers_must_rise)
{
	struct sample s = sample_random(5, 3, 1, 8);
	struct vectors v;

	s.numbers[3] = s.numbers[2];
	sample_write(&s, &about, path);
	ck_refused(vectors_open(path, &v, &err), &err, DATA_LOSS, "CORRUPT_FILE");
	sample_free(&s);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_told_from_a_damaged_one)
{
	struct vectors v;

	ck_refused(vectors_open(path, &v, &err), &err, NOT_FOUND, "NO_SUCH_FILE");
}
END_TEST

static enum code write_sample(const struct sample *s)
{
	struct vectors_writer *w;

	if (vectors_create(path, &about, s->numbers, s->n, &w, &err))
		return err.code;
	if (vectors_append(w, s->values, s->n, &err)) {
		vectors_abandon(w);
		return err.code;
	}
	return vectors_commit(w, &err);
}

START_TEST(a_write_that_fails_leaves_the_old_file_or_the_new_one)
{
	struct sample before = sample_random(4, 3, 1, 8), after = sample_random(9, 3, 2, 8);
	char aside[PATH_MAX + 4];
	struct vectors v;
	enum code rc;
	long n = 0;

	snprintf(aside, sizeof aside, "%s.tmp", path);
	do {
		ck_ok(write_sample(&before), &err);
		fault_arm(n++);
		rc = write_sample(&after);
		ck_assert_int_eq(rc != OK, fault_fired());
		fault_arm(-1);
		ck_ok(vectors_open(path, &v, &err), &err);
		ck_assert(v.count == after.n || (rc && v.count == before.n));
		vectors_close(&v);
		ck_assert_int_ne(access(aside, F_OK), 0);
	} while (rc);
	ck_assert_int_gt(n, 8);
	sample_free(&before);
	sample_free(&after);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file");
	TCase *t = tcase_create("file");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_is_written_is_read);
	tcase_add_test(t, any_changed_byte_is_noticed);
	tcase_add_test(t, any_other_length_is_noticed);
	tcase_add_test(t, a_header_that_lies_is_refused);
	tcase_add_test(t, numbers_must_rise);
	tcase_add_test(t, a_file_that_is_not_there_is_told_from_a_damaged_one);
	tcase_add_test(t, a_write_that_fails_leaves_the_old_file_or_the_new_one);
	suite_add_tcase(s, t);
	return s;
}
