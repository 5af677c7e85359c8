/* Lists on disk: what is kept is what was there, tails and their basis too, and nothing else is believed. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/fault.h"
#include "storage/vectors/lists_file.h"
#include "tests/runner.h"
#include "tests/storage/exact/world.h"

enum { LISTS = 5, ROWS = 90, DIMENSION = 70 };

static char path[PATH_MAX];
static struct error err;
static struct world w;
static struct lists *lists;
static struct cache cache = {path, {"a key of 16 byte"}, 7, "lists5"};

static void setup(void)
{
	struct shape shape = {.similarity = PB__SIMILARITY__SIMILARITY_COSINE,
		.dtype = PB__DTYPE__DTYPE_F32,
		.kind = KIND_FALLING,
		.n = ROWS,
		.dimension = DIMENSION,
		.sample = ROWS / 2};
	uint64_t seed = 1;

	snprintf(path, sizeof path, "%s/lists", temporary_make());
	world_make(&w, &shape, &seed);
	w.rows.live = ROWS;
	ck_ok(lists_new(
		      &w.rows.about, &w.exact.codes->rotation.basis, w.value, LISTS, &lists, &err),
		&err);
	ck_ok(lists_fill(lists, &w.rows, w.exact.codes, NULL, &err), &err);
	ck_assert_uint_gt(lists->codes->tail, 0);
	ck_ok(lists_save(&cache, lists, &err), &err);
}

static void teardown(void)
{
	lists_free(lists);
	world_free(&w);
	temporary_remove();
}

START_TEST(what_is_saved_is_loaded)
{
	struct lists *l = lists_load(&cache, &w.rows);
	const struct codes *a = lists->codes, *b = l->codes;

	ck_assert_ptr_nonnull(l);
	ck_assert_uint_eq(l->n, LISTS);
	ck_assert_mem_eq(l->start, lists->start, (LISTS + 1) * sizeof *l->start);
	ck_assert_mem_eq(l->row, lists->row, ROWS * sizeof *l->row);
	ck_assert_uint_eq(b->tail, a->tail);
	ck_assert(b->rotation.basis.skew == a->rotation.basis.skew && b->longest == a->longest);
	ck_assert_mem_eq(b->rotation.basis.row, a->rotation.basis.row,
		basis_bytes(&a->rotation.basis, DIMENSION));
	ck_assert_mem_eq(b->block.at, a->block.at, codes_bytes(a));
	ck_assert_mem_eq(b->tails.at, a->tails.at, codes_tail_bytes(a));
	lists_free(l);
}
END_TEST

START_TEST(any_changed_byte_is_noticed)
{
	int fd = open(path, O_RDWR);
	off_t size = lseek(fd, 0, SEEK_END);

	ck_assert_int_gt(size, ROWS * DIMENSION);
	for (off_t at = 0; at < size; at += at < 300 ? 1 : 41) {
		unsigned char was, is;
		ck_assert_int_eq(pread(fd, &was, 1, at), 1);
		is = was ^ 0x10;
		ck_assert_int_eq(pwrite(fd, &is, 1, at), 1);
		ck_assert_ptr_null(lists_load(&cache, &w.rows));
		ck_assert_int_eq(pwrite(fd, &was, 1, at), 1);
	}
	for (off_t n = size - 1; n >= 0; n -= 211) {
		ck_assert_int_eq(ftruncate(fd, n), 0);
		ck_assert_ptr_null(lists_load(&cache, &w.rows));
	}
	close(fd);
}
END_TEST

START_TEST(another_key_or_other_vectors_are_not_believed)
{
	struct cache other = cache;

	other.key.bytes[3] ^= 1;
	ck_assert_ptr_null(lists_load(&other, &w.rows));
	other = cache;
	other.fingerprint++;
	ck_assert_ptr_null(lists_load(&other, &w.rows));
	other = cache;
	other.index = "lists6";
	ck_assert_ptr_null(lists_load(&other, &w.rows));
}
END_TEST

START_TEST(without_memory_there_are_none)
{
	struct lists *l;
	long n = 0;

	do {
		fault_arm(n++);
		l = lists_load(&cache, &w.rows);
		ck_assert_int_eq(l == NULL, fault_fired());
		fault_arm(-1);
	} while (!l);
	ck_assert_int_gt(n, 8);
	lists_free(l);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("lists_file");
	TCase *t = tcase_create("lists_file");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_saved_is_loaded);
	tcase_add_test(t, any_changed_byte_is_noticed);
	tcase_add_test(t, another_key_or_other_vectors_are_not_believed);
	tcase_add_test(t, without_memory_there_are_none);
	suite_add_tcase(s, t);
	return s;
}
