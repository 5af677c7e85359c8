#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/fault.h"
#include "storage/exact/codes_file.h"
#include "tests/runner.h"
#include "tests/storage/vectors/sample.h"

enum { ROWS = 70, DIMENSION = 40, TAIL = 32, SAMPLE = 3 };

static char vectors_path[PATH_MAX], path[PATH_MAX], aside[PATH_MAX];
static struct error err;
static struct vectors rows;
static struct codes *codes;

static struct vectors write_rows(uint64_t seed)
{
	struct sample s = sample_random(ROWS, DIMENSION, seed, 10);
	struct vectors_about about = {PB__SIDE__SIDE_DOCUMENT, PB__DTYPE__DTYPE_F32,
		PB__SIMILARITY__SIMILARITY_L2, DIMENSION, 1, 0, "test"};
	struct vectors v;

	sample_write(&s, &about, vectors_path);
	sample_free(&s);
	ck_ok(vectors_open(vectors_path, &v, &err), &err);
	return v;
}

static struct codes *make_codes(const struct vectors *v)
{
	struct codes_builder *b =
		codes_builder_new(v->about.dimension, v->about.dtype, v->about.similarity);
	struct codes *made;

	codes_builder_sample(b, SAMPLE); /* along three directions there is nothing in the tail */
	ck_ok(codes_builder_add(b, v->rows, v->count, &err), &err);
	ck_ok(codes_builder_drop(b, 7, &err), &err);
	ck_ok(codes_builder_finish(b, &made, &err), &err);
	ck_assert_uint_eq(made->tail, TAIL);
	return made;
}

static void setup(void)
{
	const char *dir = temporary_make();

	snprintf(vectors_path, sizeof vectors_path, "%s/v", dir);
	snprintf(path, sizeof path, "%s/codes", dir);
	snprintf(aside, sizeof aside, "%s/codes.tmp", dir);
	rows = write_rows(1);
	codes = make_codes(&rows);
	ck_ok(codes_save(codes, &rows, path, NULL, &err), &err);
}

static void teardown(void)
{
	codes_free(codes);
	vectors_close(&rows);
	temporary_remove();
}

START_TEST(what_is_saved_is_loaded)
{
	struct codes *c = codes_load(&rows, path);

	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(c->rows, codes->rows);
	ck_assert_uint_eq(c->blocks, codes->blocks);
	ck_assert_uint_eq(c->steps, codes->steps);
	ck_assert(c->longest == codes->longest && c->similarity == codes->similarity);
	ck_assert(c->rotation.basis.skew == codes->rotation.basis.skew);
	ck_assert_uint_eq(c->tail, TAIL);
	ck_assert_mem_eq(c->rotation.basis.row, codes->rotation.basis.row,
		basis_bytes(&c->rotation.basis, DIMENSION));
	ck_assert_mem_eq(c->block.at, codes->block.at, codes_bytes(c));
	ck_assert_mem_eq(c->tails.at, codes->tails.at, codes_tail_bytes(c));
	ck_assert_int_ne(access(aside, F_OK), 0);
	codes_free(c);
}
END_TEST

START_TEST(codes_of_other_vectors_are_not_believed)
{
	struct vectors others = write_rows(2);

	ck_assert_ptr_null(codes_load(&others, path));
	vectors_close(&others);
}
END_TEST

START_TEST(any_changed_byte_is_noticed)
{
	int fd = open(path, O_RDWR);
	off_t size = lseek(fd, 0, SEEK_END);

	for (off_t at = 0; at < size; at++) {
		unsigned char was, is;
		ck_assert_int_eq(pread(fd, &was, 1, at), 1);
		is = was ^ 0x10;
		ck_assert_int_eq(pwrite(fd, &is, 1, at), 1);
		ck_assert_ptr_null(codes_load(&rows, path));
		ck_assert_int_eq(pwrite(fd, &was, 1, at), 1);
	}
	close(fd);
	struct codes *c = codes_load(&rows, path);
	ck_assert_ptr_nonnull(c);
	codes_free(c);
}
END_TEST

START_TEST(any_other_length_is_noticed)
{
	int fd = open(path, O_RDWR);
	off_t size = lseek(fd, 0, SEEK_END);

	ck_assert_int_eq(pwrite(fd, "", 1, size), 1);
	ck_assert_ptr_null(codes_load(&rows, path));
	for (off_t n = size - 1; n >= 0; n -= 13) {
		ck_assert_int_eq(ftruncate(fd, n), 0);
		ck_assert_ptr_null(codes_load(&rows, path));
	}
	close(fd);
	unlink(path);
	ck_assert_ptr_null(codes_load(&rows, path));
}
END_TEST

/* Whether there is a file, which is whole then. */
static bool check_whole_or_none(void)
{
	struct codes *c = codes_load(&rows, path);
	bool there = c != NULL;

	ck_assert_int_eq(access(path, F_OK) == 0, there);
	ck_assert_int_ne(access(aside, F_OK), 0);
	codes_free(c);
	return there;
}

static bool asked_often_enough(void *asks)
{
	return (*(int *)asks)-- == 0;
}

START_TEST(saving_can_be_given_up_at_every_part)
{
	int parts = 0, asks;
	struct stop stop;

	do {
		unlink(path);
		asks = parts++;
		stop = (struct stop){.given_up = asked_often_enough, .arg = &asks};
		enum code rc = codes_save(codes, &rows, path, &stop, &err);
		ck_assert_int_eq(rc, stop.stopped ? CANCELLED : OK);
		ck_assert_int_eq(check_whole_or_none(), rc == OK);
	} while (stop.stopped);
	ck_assert_int_eq(parts, 5); /* header, basis, blocks, tails; and to the end */
}
END_TEST

START_TEST(any_step_may_fail_and_leaves_nothing_half_written)
{
	struct codes *c;
	enum code rc;
	long n = 0;

	unlink(path);
	do {
		fault_arm(n++);
		rc = codes_save(codes, &rows, path, NULL, &err);
		ck_assert_int_eq(rc != OK, fault_fired());
		fault_arm(-1);
		ck_assert_int_eq(check_whole_or_none() || rc, true);
		unlink(path);
	} while (rc);
	ck_assert_int_gt(n, 6);
	ck_ok(codes_save(codes, &rows, path, NULL, &err), &err);
	n = 0;
	do {
		fault_arm(n++);
		c = codes_load(&rows, path);
		ck_assert_int_eq(c == NULL, fault_fired());
		fault_arm(-1);
	} while (!c);
	ck_assert_int_gt(n, 3);
	codes_free(c);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("codes_file");
	TCase *t = tcase_create("codes_file");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_saved_is_loaded);
	tcase_add_test(t, codes_of_other_vectors_are_not_believed);
	tcase_add_test(t, any_changed_byte_is_noticed);
	tcase_add_test(t, any_other_length_is_noticed);
	tcase_add_test(t, saving_can_be_given_up_at_every_part);
	tcase_add_test(t, any_step_may_fail_and_leaves_nothing_half_written);
	suite_add_tcase(s, t);
	return s;
}
