#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "proto/fault.h"
#include "storage/exact/codes.h"
#include "storage/vectors/format.h"
#include "storage/vectors/writer.h"
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
	uint32_t *order = sample_order(n, 5);
	struct vectors_about is = about;
	struct vectors v;
	float *row = malloc(dimension * sizeof *row);

	for (uint32_t i = 0; i < n; i++)
		s.numbers[i] = 3 * order[i] + 1;
	is.dimension = dimension;
	is.dtype = dtype;
	sample_write(&s, &is, path);
	ck_ok(vectors_open(path, &v, &err), &err);
	ck_ok(vectors_check(&v, NULL, NULL, &err), &err);
	ck_assert_uint_eq(v.count, n);
	ck_assert_uint_eq(v.live, n);
	ck_assert_uint_eq(v.last, n ? 3 * n - 2 : 0);
	ck_assert_int_eq(v.about.side, PB__SIDE__SIDE_QUERY);
	ck_assert_int_eq(v.about.similarity, PB__SIMILARITY__SIMILARITY_DOT);
	ck_assert_int_eq(v.about.generation, 7);
	ck_assert_int_eq(v.about.step, -5);
	ck_assert_str_eq(v.about.encoder, "minilm");
	for (uint32_t i = 0; i < n; i++) {
		ck_assert_uint_eq(vectors_find(&v, 3 * order[i] + 1), i);
		ck_assert_uint_eq(vectors_find(&v, 3 * i + 2), UINT32_MAX);
		vectors_floats(&v, i, row);
		ck_assert_mem_eq(row, s.values + (size_t)i * dimension, dimension * sizeof *row);
	}
	ck_assert_uint_eq(vectors_find(&v, 0), UINT32_MAX);
	vectors_close(&v);
	free(row);
	free(order);
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

START_TEST(a_row_sent_again_takes_the_place_of_the_first)
{
	struct sample s = sample_random(7, 3, 1, 8);
	static const uint32_t numbers[] = {4, 2, 4, 9, 2, 4, 0};
	static const uint32_t want[] = {DEAD_ROW, DEAD_ROW, DEAD_ROW, 9, 2, 4, 0};
	struct vectors v;

	memcpy(s.numbers, numbers, sizeof numbers);
	sample_write(&s, &about, path);
	ck_ok(vectors_open(path, &v, &err), &err);
	ck_ok(vectors_check(&v, NULL, NULL, &err), &err);
	ck_assert_uint_eq(v.count, 7);
	ck_assert_uint_eq(v.live, 4);
	ck_assert_uint_eq(v.last, 9);
	ck_assert_mem_eq(v.numbers, want, sizeof want);
	ck_assert_uint_eq(vectors_find(&v, 4), 5);
	ck_assert_uint_eq(vectors_find(&v, 2), 4);
	ck_assert_uint_eq(vectors_find(&v, 0), 6);
	ck_assert_uint_eq(vectors_find(&v, 1), UINT32_MAX);
	ck_assert_uint_eq(vectors_find(&v, 10), UINT32_MAX);
	ck_assert_uint_eq(vectors_find(&v, DEAD_ROW), UINT32_MAX);
	ck_assert_mem_eq(vectors_row(&v, 5), s.values + 15, 3 * sizeof(float));
	vectors_close(&v);
	sample_free(&s);
}
END_TEST

static enum code open_bytes(const unsigned char *bytes, size_t n)
{
	struct vectors v;

	if (vectors_parse(bytes, n, &v, &err))
		return err.code;
	enum code rc = vectors_check(&v, NULL, NULL, &err);
	vectors_close(&v);
	return rc;
}

START_TEST(any_changed_byte_is_noticed)
{
	struct sample s = sample_random(5, 3, 1, 8);
	size_t n;

	s.numbers[3] = 1; /* one is dead */
	sample_write(&s, &about, path);
	unsigned char *bytes = slurp(&n);
	ck_ok(open_bytes(bytes, n), &err);
	for (size_t i = 0; i < n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			bytes[i] ^= (unsigned char)(1u << bit);
			ck_refused(open_bytes(bytes, n), &err, DATA_LOSS, "CORRUPT_FILE");
			bytes[i] ^= (unsigned char)(1u << bit);
		}
	ck_ok(open_bytes(bytes, n), &err);
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
	for (int lie = 0; lie < 14; lie++) {
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
			h.version = 1;
			break;
		case 12:
			h.live = 4;
			break;
		case 13:
			h.live = 6;
			break;
		}
		h.hash = XXH3_64bits(&h, offsetof(struct format_header, hash));
		memcpy(bytes, &h, sizeof h);
		ck_refused(vectors_parse(bytes, n, &v, &err), &err, DATA_LOSS, "CORRUPT_FILE");
	}
	memcpy(bytes, &good, sizeof good);
	ck_ok(open_bytes(bytes, n), &err);
	free(bytes);
	sample_free(&s);
}
END_TEST

/* Numbers that cannot be, with checksums that are right. */
START_TEST(numbers_that_lie_are_refused)
{
	static const uint32_t lies[] = {1, DEAD_ROW, 1u << 31, DEAD_ROW - 1};
	struct sample s = sample_random(5, 3, 1, 8);
	struct format_layout l;
	size_t n;

	sample_write(&s, &about, path);
	unsigned char *bytes = slurp(&n);
	struct format_header *h = (struct format_header *)bytes;
	ck_assert(format_layout(5, 3, sizeof(float), &l));
	uint32_t *numbers = (uint32_t *)(bytes + l.numbers);
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		numbers[3] = lies[i];
		h->tail_hash = XXH3_64bits(bytes + l.tail, l.tail_bytes);
		h->hash = XXH3_64bits(h, offsetof(struct format_header, hash));
		ck_refused(open_bytes(bytes, n), &err, DATA_LOSS, "CORRUPT_FILE");
	}
	free(bytes);
	sample_free(&s);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_told_from_a_damaged_one)
{
	struct vectors v;

	ck_refused(vectors_open(path, &v, &err), &err, NOT_FOUND, "NO_SUCH_FILE");
}
END_TEST

/* 1500 rows of 1400 numbers, sealed; then the first again, sealed. */
static enum code write_twice(const struct sample *s, struct writer **w)
{
	uint32_t live;

	if (writer_open(path, &about, false, w, &err) ||
		writer_append(*w, s->numbers, s->values, 1500, &err) ||
		writer_seal(*w, NULL, &live, &err) ||
		writer_append(*w, s->numbers, s->values, 1, &err))
		return err.code;
	return writer_seal(*w, NULL, &live, &err);
}

/* Whatever fails, what was appended can be sealed after it. */
START_TEST(any_step_of_writing_may_fail)
{
	struct sample s = sample_random(1500, 3, 1, 8);
	struct vectors v;
	uint32_t live;
	enum code rc;
	long n = 0;

	for (uint32_t i = 0; i < 1500; i++)
		s.numbers[i] = i % 1400;
	do {
		struct writer *w = NULL;
		fault_arm(n++);
		rc = write_twice(&s, &w);
		ck_assert_int_eq(rc != OK, fault_fired());
		fault_arm(-1);
		if (!w)
			continue;
		ck_ok(writer_seal(w, NULL, &live, &err), &err);
		ck_ok(vectors_open(path, &v, &err), &err);
		ck_ok(vectors_check(&v, NULL, NULL, &err), &err);
		ck_assert(v.count == 0 || v.count == 1500 || v.count == 1501);
		ck_assert_uint_eq(v.live, v.count ? 1400 : 0);
		ck_assert_uint_eq(v.live, live);
		vectors_close(&v);
		writer_close(w);
	} while (rc);
	ck_assert_int_gt(n, 20);
	sample_free(&s);
}
END_TEST

START_TEST(every_step_of_reading_may_fail)
{
	struct sample s = sample_random(5, 3, 1, 8);
	struct codes_builder *codes = NULL;
	struct vectors v = {0};
	enum code rc;
	long n = 0;

	s.numbers[4] = 2;
	sample_write(&s, &about, path);
	do {
		fault_arm(n++);
		rc = vectors_open(path, &v, &err);
		if (!rc)
			rc = (codes = codes_builder_new(3, about.dtype, about.similarity))
				     ? OK
				     : error_memory(&err);
		if (!rc)
			rc = vectors_check(&v, codes, NULL, &err);
		ck_assert_int_eq(rc != OK, fault_fired());
		codes_builder_free(codes);
		codes = NULL;
		vectors_close(&v);
	} while (rc);
	fault_arm(-1);
	ck_assert_int_eq(n, 8);
	sample_free(&s);
}
END_TEST

START_TEST(codes_refuse_what_no_upload_lets_in)
{
	float rows[][3] = {{2e6f, 0, 0}, {NAN, 0, 0}, {0, 0, 0}, {3, 4, 0}};
	struct codes *codes;

	for (int i = 0; i < 4; i++) {
		struct codes_builder *b = codes_builder_new(
			3, PB__DTYPE__DTYPE_F32, PB__SIMILARITY__SIMILARITY_COSINE);
		ck_ok(codes_builder_add(b, rows[3], 1, &err), &err);
		ck_ok(codes_builder_add(b, rows[i], 1, &err), &err);
		enum code rc = codes_builder_finish(b, &codes, &err);
		if (i == 3) {
			ck_ok(rc, &err);
			ck_assert_uint_eq(codes->rows, 2);
			codes_free(codes);
		} else {
			ck_refused(rc, &err, DATA_LOSS, "CORRUPT_FILE");
		}
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file");
	TCase *t = tcase_create("file");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_written_is_read);
	tcase_add_test(t, a_row_sent_again_takes_the_place_of_the_first);
	tcase_add_test(t, any_changed_byte_is_noticed);
	tcase_add_test(t, any_other_length_is_noticed);
	tcase_add_test(t, a_header_that_lies_is_refused);
	tcase_add_test(t, numbers_that_lie_are_refused);
	tcase_add_test(t, a_file_that_is_not_there_is_told_from_a_damaged_one);
	tcase_add_test(t, any_step_of_writing_may_fail);
	tcase_add_test(t, every_step_of_reading_may_fail);
	tcase_add_test(t, codes_refuse_what_no_upload_lets_in);
	suite_add_tcase(s, t);
	return s;
}
