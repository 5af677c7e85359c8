#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/fault.h"
#include "storage/vectors/stage.h"
#include "tests/runner.h"

enum { DIMENSION = 3 };

static char path[PATH_MAX];
static struct error err;
static const struct vectors_about about = {
	.dtype = PB__DTYPE__DTYPE_F32, .dimension = DIMENSION, .generation = 2};

static void setup(void)
{
	snprintf(path, sizeof path, "%s/stage", temporary_make());
}

static void teardown(void)
{
	temporary_remove();
}

/* Appends rows first .. first + n - 1; each row's values tell its number and `version`. */
static enum code append(
	struct stage *s, Pb__Side side, uint32_t first, uint32_t n, float version, struct error *e)
{
	uint32_t numbers[16];
	float rows[16][DIMENSION];

	for (uint32_t i = 0; i < n; i++) {
		numbers[i] = first + i;
		rows[i][0] = (float)(first + i);
		rows[i][1] = version;
		rows[i][2] = (float)side;
	}
	return stage_append(s, side, numbers, rows, n, e);
}

static const float *row_of(const struct staged *t, uint32_t i, float *row)
{
	memcpy(row, t->map + t->at[i], DIMENSION * sizeof *row);
	return row;
}

static struct stage *open_stage(void)
{
	struct stage *s;

	ck_ok(stage_open(path, &about, &s, &err), &err);
	return s;
}

static off_t size_of(void)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

/* The numbers of a side are exactly 0 .. n-1, each at its own value. */
static void check_rows(struct stage *s, Pb__Side side, uint32_t n)
{
	struct staged t;
	float row[DIMENSION];

	ck_ok(stage_collect(s, side, &t, &err), &err);
	ck_assert_uint_eq(t.count, n);
	for (uint32_t i = 0; i < n; i++) {
		ck_assert_uint_eq(t.numbers[i], i);
		ck_assert(row_of(&t, i, row)[0] == (float)i && row[2] == (float)side);
	}
	staged_free(&t);
}

START_TEST(rows_come_back_by_number_the_later_of_two)
{
	struct stage *s = open_stage();
	struct staged t;
	float row[DIMENSION];

	ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 4, 4, 1, &err), &err);
	ck_ok(append(s, PB__SIDE__SIDE_QUERY, 0, 2, 1, &err), &err);
	ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 0, 6, 2, &err), &err);
	for (int reopened = 0; reopened < 2; reopened++) {
		ck_ok(stage_collect(s, PB__SIDE__SIDE_DOCUMENT, &t, &err), &err);
		ck_assert_uint_eq(t.count, 8);
		for (uint32_t i = 0; i < 8; i++) {
			ck_assert_uint_eq(t.numbers[i], i);
			ck_assert(row_of(&t, i, row)[0] == (float)i);
			ck_assert(row[1] == (i < 6 ? 2 : 1));
		}
		staged_free(&t);
		check_rows(s, PB__SIDE__SIDE_QUERY, 2);
		stage_close(s);
		s = open_stage();
	}
	stage_close(s);
}
END_TEST

START_TEST(a_log_cut_anywhere_keeps_its_whole_records)
{
	off_t ends[5];
	struct stage *s = open_stage();

	ends[0] = size_of();
	for (uint32_t i = 0; i < 4; i++) {
		ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 2 * i, 2, 0, &err), &err);
		ends[i + 1] = size_of();
	}
	stage_close(s);
	int fd = open(path, O_RDONLY);
	char whole[4096];
	ck_assert_int_eq(read(fd, whole, sizeof whole), ends[4]);
	close(fd);
	for (off_t cut = ends[4]; cut >= ends[0]; cut--) {
		uint32_t records = 4;
		while (ends[records] > cut)
			records--;
		fd = open(path, O_WRONLY | O_TRUNC);
		ck_assert_int_eq(write(fd, whole, (size_t)cut), cut);
		close(fd);
		s = open_stage();
		check_rows(s, PB__SIDE__SIDE_DOCUMENT, 2 * records);
		ck_assert_int_eq(size_of(), ends[records]);
		ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 2 * records, 1, 0, &err), &err);
		check_rows(s, PB__SIDE__SIDE_DOCUMENT, 2 * records + 1);
		stage_close(s);
	}
}
END_TEST

START_TEST(a_torn_record_is_cut_whatever_byte_is_wrong)
{
	struct stage *s = open_stage();
	ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 0, 2, 0, &err), &err);
	off_t good = size_of();
	ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 2, 2, 0, &err), &err);
	off_t end = size_of();
	stage_close(s);
	char tail[256];
	int fd = open(path, O_RDWR);
	ck_assert_int_eq(pread(fd, tail, sizeof tail, good), end - good);
	for (off_t i = 0; i < end - good; i++) {
		tail[i] ^= 0x10;
		ck_assert_int_eq(pwrite(fd, tail, (size_t)(end - good), good), end - good);
		s = open_stage();
		check_rows(s, PB__SIDE__SIDE_DOCUMENT, 2);
		ck_assert_int_eq(size_of(), good);
		stage_close(s);
		tail[i] ^= 0x10;
	}
	close(fd);
}
END_TEST

START_TEST(a_log_of_another_generation_is_refused)
{
	struct vectors_about other = about;
	struct stage *s = open_stage();

	stage_close(s);
	other.generation = 3;
	ck_refused(stage_open(path, &other, &s, &err), &err, DATA_LOSS, "CORRUPT_FILE");
	ck_assert_int_eq(truncate(path, 5), 0);
	ck_refused(stage_open(path, &about, &s, &err), &err, DATA_LOSS, "CORRUPT_FILE");
}
END_TEST

struct uploader {
	struct stage *stage;
	uint32_t first;
	pthread_t thread;
};

static void *upload(void *arg)
{
	struct uploader *u = arg;
	struct error e;

	for (uint32_t i = 0; i < 40; i++)
		if (append(u->stage, PB__SIDE__SIDE_DOCUMENT, u->first + i, 1, 0, &e))
			return u;
	return NULL;
}

START_TEST(uploads_that_arrive_together_are_all_there)
{
	struct stage *s = open_stage();
	struct uploader u[6];
	void *failed;

	for (uint32_t i = 0; i < 6; i++) {
		u[i] = (struct uploader){.stage = s, .first = 40 * i};
		pthread_create(&u[i].thread, NULL, upload, &u[i]);
	}
	for (int i = 0; i < 6; i++) {
		pthread_join(u[i].thread, &failed);
		ck_assert_ptr_null(failed);
	}
	check_rows(s, PB__SIDE__SIDE_DOCUMENT, 240);
	stage_close(s);
	s = open_stage();
	check_rows(s, PB__SIDE__SIDE_DOCUMENT, 240);
	stage_close(s);
}
END_TEST

START_TEST(an_append_that_fails_leaves_nothing_and_the_next_one_works)
{
	struct stage *s = open_stage();
	uint32_t rows = 0;
	enum code rc;
	long n = 0;

	do {
		fault_arm(n++);
		rc = append(s, PB__SIDE__SIDE_DOCUMENT, rows, 2, 0, &err);
		ck_assert_int_eq(rc != OK, fault_fired());
		fault_arm(-1);
		rows += rc ? 0 : 2;
		check_rows(s, PB__SIDE__SIDE_DOCUMENT, rows);
		ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, rows, 1, 0, &err), &err);
		check_rows(s, PB__SIDE__SIDE_DOCUMENT, ++rows);
	} while (rc);
	ck_assert_int_eq(n, 5); /* head, numbers, rows, sync, and the one that passed */
	stage_close(s);
	s = open_stage();
	check_rows(s, PB__SIDE__SIDE_DOCUMENT, rows);
	stage_close(s);
}
END_TEST

/* Six threads, and any one step of all they do fails: acknowledged rows are there, and no others. */
START_TEST(a_failing_sync_fails_those_who_waited_for_it_alone)
{
	for (long n = 0; n < 40; n += 3) {
		struct stage *s = open_stage();
		struct uploader u[4];
		struct staged t;
		void *failed;
		bool all = true;

		fault_arm(n);
		for (uint32_t i = 0; i < 4; i++) {
			u[i] = (struct uploader){.stage = s, .first = 40 * i};
			pthread_create(&u[i].thread, NULL, upload, &u[i]);
		}
		for (int i = 0; i < 4; i++) {
			pthread_join(u[i].thread, &failed);
			all = all && !failed;
		}
		ck_assert_int_eq(all, !fault_fired());
		fault_arm(-1);
		stage_close(s);
		s = open_stage();
		ck_ok(stage_collect(s, PB__SIDE__SIDE_DOCUMENT, &t, &err), &err);
		ck_assert_int_eq(t.count == 160, all);
		staged_free(&t);
		stage_close(s);
		ck_assert_int_eq(unlink(path), 0);
	}
}
END_TEST

START_TEST(every_step_of_opening_and_collecting_may_fail)
{
	struct stage *s = open_stage();
	struct staged t;
	enum code rc;
	long n = 0;

	ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 0, 8, 0, &err), &err);
	stage_close(s);
	do {
		fault_arm(n++);
		rc = stage_open(path, &about, &s, &err);
		if (!rc) {
			rc = stage_collect(s, PB__SIDE__SIDE_DOCUMENT, &t, &err);
			if (!rc)
				staged_free(&t);
			stage_close(s);
		}
		ck_assert_int_eq(rc != OK, fault_fired());
	} while (rc);
	fault_arm(-1);
	ck_assert_int_eq(unlink(path), 0);
	n = 0;
	do {
		fault_arm(n++);
		rc = stage_open(path, &about, &s, &err);
		fault_arm(-1);
		if (rc)
			unlink(path);
	} while (rc);
	ck_assert_int_gt(n, 6);
	stage_close(s);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("stage");
	TCase *t = tcase_create("stage");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, rows_come_back_by_number_the_later_of_two);
	tcase_add_test(t, a_log_cut_anywhere_keeps_its_whole_records);
	tcase_add_test(t, a_torn_record_is_cut_whatever_byte_is_wrong);
	tcase_add_test(t, a_log_of_another_generation_is_refused);
	tcase_add_test(t, uploads_that_arrive_together_are_all_there);
	tcase_add_test(t, an_append_that_fails_leaves_nothing_and_the_next_one_works);
	tcase_add_test(t, a_failing_sync_fails_those_who_waited_for_it_alone);
	tcase_add_test(t, every_step_of_opening_and_collecting_may_fail);
	suite_add_tcase(s, t);
	return s;
}
