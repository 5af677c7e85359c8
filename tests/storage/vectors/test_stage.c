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
#include "storage/exact/codes.h"
#include "tests/runner.h"

enum { DIMENSION = 3 };

static char path[3][PATH_MAX]; /* the log, the documents, the queries */
static const struct stage_paths paths = {path[0], {path[1], path[2]}};
static struct error err;
static const struct vectors_about about = {.dtype = PB__DTYPE__DTYPE_F32,
	.similarity = PB__SIMILARITY__SIMILARITY_DOT,
	.dimension = DIMENSION,
	.generation = 2};

static void setup(void)
{
	const char *dir = temporary_make();

	for (int i = 0; i < 3; i++)
		snprintf(path[i], sizeof path[i], "%s/%d", dir, i);
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

static struct stage *open_stage(void)
{
	struct stage *s;

	ck_ok(stage_open(&paths, &about, &s, &err), &err);
	return s;
}

static off_t size_of(const char *file)
{
	struct stat st;

	ck_assert_int_eq(stat(file, &st), 0);
	return st.st_size;
}

/* Seals a side and opens it as the vector file it is now; zeroed when it holds nothing. */
static struct vectors sealed(struct stage *s, Pb__Side side)
{
	struct vectors v = {0};
	uint32_t live;

	ck_ok(stage_seal(s, side, NULL, &live, &err), &err);
	if (!live)
		return v;
	ck_ok(vectors_open(paths.rows[side], &v, &err), &err);
	ck_ok(vectors_check(&v, NULL, NULL, &err), &err);
	ck_assert_int_eq(v.about.side, side);
	ck_assert_uint_eq(v.live, live);
	return v;
}

/* The numbers of a side are exactly 0 .. n-1, each with its own values. */
static void check_rows(struct stage *s, Pb__Side side, uint32_t n)
{
	struct vectors v = sealed(s, side);
	float row[DIMENSION];

	ck_assert_uint_eq(v.live, n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = vectors_find(&v, i);
		ck_assert_uint_lt(at, v.count);
		vectors_floats(&v, at, row);
		ck_assert(row[0] == (float)i && row[2] == (float)side);
	}
	vectors_close(&v);
}

START_TEST(rows_come_back_by_number_the_later_of_two)
{
	struct stage *s = open_stage();
	float row[DIMENSION];

	ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 4, 4, 1, &err), &err);
	ck_ok(append(s, PB__SIDE__SIDE_QUERY, 0, 2, 1, &err), &err);
	ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 0, 6, 2, &err), &err);
	for (int reopened = 0; reopened < 2; reopened++) {
		struct vectors v = sealed(s, PB__SIDE__SIDE_DOCUMENT);
		ck_assert_uint_eq(v.count, 10);
		ck_assert_uint_eq(v.live, 8);
		for (uint32_t i = 0; i < 8; i++) {
			vectors_floats(&v, vectors_find(&v, i), row);
			ck_assert(row[0] == (float)i && row[1] == (i < 6 ? 2 : 1));
		}
		vectors_close(&v);
		check_rows(s, PB__SIDE__SIDE_QUERY, 2);
		stage_close(s);
		s = open_stage();
	}
	ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 7, 3, 3, &err), &err);
	check_rows(s, PB__SIDE__SIDE_DOCUMENT, 10);
	stage_close(s);
}
END_TEST

START_TEST(what_is_learnt_while_rows_come_is_what_reading_them_tells)
{
	struct codes *here, *there;
	struct codes_builder *anew;
	struct vectors v;

	for (int reopened = 0; reopened < 2; reopened++) {
		struct stage *s = open_stage();
		for (uint32_t i = 0; !reopened && i < 200; i++)
			ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 13 * i, 13, 0, &err), &err);
		v = sealed(s, PB__SIDE__SIDE_DOCUMENT);
		ck_ok(codes_builder_finish(stage_take_codes(s), &here, &err), &err);
		ck_assert_uint_eq(here->rows, 2600);
		anew = codes_builder_new(v.about.dimension, v.about.dtype, v.about.similarity);
		ck_ok(vectors_check(&v, anew, NULL, &err), &err);
		ck_ok(codes_builder_finish(anew, &there, &err), &err);
		ck_assert_uint_eq(here->blocks, there->blocks);
		ck_assert_mem_eq(here->block.at, there->block.at, codes_bytes(here));
		ck_assert(here->longest == there->longest && here->longest >= 2599);
		codes_free(here);
		codes_free(there);
		vectors_close(&v);
		check_rows(s, PB__SIDE__SIDE_DOCUMENT, 2600); /* learnt anew */
		stage_close(s);
	}
}
END_TEST

struct contents {
	unsigned char bytes[8192];
	size_t n;
};

static struct contents read_file(const char *file)
{
	struct contents c;
	int fd = open(file, O_RDONLY);

	c.n = (size_t)size_of(file);
	ck_assert_uint_le(c.n, sizeof c.bytes);
	ck_assert_int_eq(read(fd, c.bytes, c.n), (ssize_t)c.n);
	close(fd);
	return c;
}

static void write_file(const char *file, const struct contents *c, size_t n)
{
	int fd = open(file, O_WRONLY | O_TRUNC);

	ck_assert_int_eq(write(fd, c->bytes, n), (ssize_t)n);
	close(fd);
}

/* What a crash may leave: either file shorter than it was, in the unsynced part. */
START_TEST(files_cut_anywhere_keep_their_whole_records)
{
	size_t ends[2][5];
	struct stage *s = open_stage();

	for (uint32_t i = 0; i < 5; i++) {
		ends[0][i] = (size_t)size_of(path[0]);
		ends[1][i] = (size_t)size_of(path[1]);
		if (i < 4)
			ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 2 * i, 2, 0, &err), &err);
	}
	stage_close(s);
	const struct contents whole[2] = {read_file(path[0]), read_file(path[1])};
	for (int file = 0; file < 2; file++)
		for (size_t cut = ends[file][4]; cut >= ends[file][file ? 3 : 0]; cut--) {
			uint32_t records = 4;
			while (ends[file][records] > cut)
				records--;
			write_file(path[!file], &whole[!file], whole[!file].n);
			write_file(path[file], &whole[file], cut);
			s = open_stage();
			ck_assert_int_eq(size_of(path[0]), (off_t)ends[0][records]);
			ck_assert_int_eq(size_of(path[1]), (off_t)ends[1][records]);
			check_rows(s, PB__SIDE__SIDE_DOCUMENT, 2 * records);
			ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 2 * records, 1, 0, &err), &err);
			check_rows(s, PB__SIDE__SIDE_DOCUMENT, 2 * records + 1);
			stage_close(s);
		}
}
END_TEST

/* The last record, or its rows, with any byte wrong: it may be torn, and is cut. One before it was
 * acknowledged: that is damage, and said. */
START_TEST(a_torn_record_is_cut_and_a_damaged_one_is_told)
{
	size_t ends[2][4];
	struct stage *s = open_stage();

	for (uint32_t i = 0; i < 4; i++) {
		ends[0][i] = (size_t)size_of(path[0]);
		ends[1][i] = (size_t)size_of(path[1]);
		if (i < 3)
			ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 2 * i, 2, 0, &err), &err);
	}
	stage_close(s);
	const struct contents whole[2] = {read_file(path[0]), read_file(path[1])};
	for (int file = 0; file < 2; file++)
		for (size_t at = ends[file][1]; at < ends[file][3]; at++) {
			struct contents wrong = whole[file];
			wrong.bytes[at] ^= 0x10;
			write_file(path[!file], &whole[!file], whole[!file].n);
			write_file(path[file], &wrong, wrong.n);
			if (at < ends[file][2]) {
				ck_refused(stage_open(&paths, &about, &s, &err), &err, DATA_LOSS,
					"CORRUPT_FILE");
				continue;
			}
			s = open_stage();
			ck_assert_int_eq(size_of(path[0]), (off_t)ends[0][2]);
			check_rows(s, PB__SIDE__SIDE_DOCUMENT, 4);
			stage_close(s);
		}
}
END_TEST

/* A seal torn at any byte: the rows are what they were. */
START_TEST(a_torn_seal_is_cut)
{
	struct stage *s = open_stage();

	ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 0, 5, 0, &err), &err);
	size_t rows = (size_t)size_of(path[1]);
	check_rows(s, PB__SIDE__SIDE_DOCUMENT, 5);
	stage_close(s);
	const struct contents whole = read_file(path[1]);
	for (size_t cut = rows; cut <= whole.n; cut++) {
		write_file(path[1], &whole, cut);
		s = open_stage();
		ck_assert_int_eq(size_of(path[1]), (off_t)rows);
		check_rows(s, PB__SIDE__SIDE_DOCUMENT, 5);
		stage_close(s);
	}
}
END_TEST

START_TEST(a_log_of_another_generation_is_refused)
{
	struct vectors_about other = about;
	struct stage *s = open_stage();

	stage_close(s);
	other.generation = 3;
	ck_refused(stage_open(&paths, &other, &s, &err), &err, DATA_LOSS, "CORRUPT_FILE");
	ck_assert_int_eq(unlink(path[2]), 0);
	ck_refused(stage_open(&paths, &about, &s, &err), &err, DATA_LOSS, "CORRUPT_FILE");
	ck_assert_int_ne(access(path[2], F_OK), 0);
	ck_assert_int_eq(truncate(path[0], 5), 0);
	ck_refused(stage_open(&paths, &about, &s, &err), &err, DATA_LOSS, "CORRUPT_FILE");
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
	bool fired;
	long n = 0, failed = 0;

	do {
		fault_arm(n++);
		enum code rc = append(s, PB__SIDE__SIDE_DOCUMENT, rows, 2, 0, &err);
		fired = fault_fired();
		fault_arm(-1);
		ck_assert(!rc || fired);
		failed += rc != OK;
		rows += rc ? 0 : 2;
		check_rows(s, PB__SIDE__SIDE_DOCUMENT, rows);
		ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, rows, 1, 0, &err), &err);
		check_rows(s, PB__SIDE__SIDE_DOCUMENT, ++rows);
	} while (fired);
	/* Breaking the seal, rows, head, numbers, zeros, the room for them, two syncs; that something
	 * was not learnt fails nobody. */
	ck_assert_int_ge(failed, 6);
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
		struct vectors v;
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
		ck_assert(all || fault_fired());
		fault_arm(-1);
		v = sealed(s, PB__SIDE__SIDE_DOCUMENT);
		ck_assert_int_eq(v.live == 160, all);
		uint32_t live = v.live;
		vectors_close(&v);
		stage_close(s);
		s = open_stage();
		v = sealed(s, PB__SIDE__SIDE_DOCUMENT);
		ck_assert_uint_eq(v.live, live);
		vectors_close(&v);
		stage_close(s);
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(unlink(path[i]), 0);
	}
}
END_TEST

START_TEST(every_step_of_opening_and_sealing_may_fail)
{
	struct stage *s = open_stage();
	uint32_t live;
	enum code rc;
	long n = 0;

	ck_ok(append(s, PB__SIDE__SIDE_DOCUMENT, 0, 8, 0, &err), &err);
	stage_close(s);
	do {
		fault_arm(n++);
		rc = stage_open(&paths, &about, &s, &err);
		if (!rc) {
			rc = stage_seal(s, PB__SIDE__SIDE_DOCUMENT, NULL, &live, &err);
			stage_close(s);
		}
		ck_assert_int_eq(rc != OK, fault_fired());
		fault_arm(-1);
		s = open_stage();
		check_rows(s, PB__SIDE__SIDE_DOCUMENT, 8);
		stage_close(s);
	} while (rc);
	ck_assert_int_gt(n, 20);
	ck_assert_int_eq(unlink(path[0]), 0);
	n = 0;
	do {
		fault_arm(n++);
		rc = stage_open(&paths, &about, &s, &err);
		fault_arm(-1);
		if (rc)
			unlink(path[0]);
	} while (rc);
	ck_assert_int_gt(n, 6);
	check_rows(s, PB__SIDE__SIDE_DOCUMENT, 0); /* without their log they are nobody's */
	stage_close(s);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("stage");
	TCase *t = tcase_create("stage");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, rows_come_back_by_number_the_later_of_two);
	tcase_add_test(t, what_is_learnt_while_rows_come_is_what_reading_them_tells);
	tcase_add_test(t, files_cut_anywhere_keep_their_whole_records);
	tcase_add_test(t, a_torn_record_is_cut_and_a_damaged_one_is_told);
	tcase_add_test(t, a_torn_seal_is_cut);
	tcase_add_test(t, a_log_of_another_generation_is_refused);
	tcase_add_test(t, uploads_that_arrive_together_are_all_there);
	tcase_add_test(t, an_append_that_fails_leaves_nothing_and_the_next_one_works);
	tcase_add_test(t, a_failing_sync_fails_those_who_waited_for_it_alone);
	tcase_add_test(t, every_step_of_opening_and_sealing_may_fail);
	suite_add_tcase(s, t);
	return s;
}
