/* A file of parts is there whole or not at all, also when a part takes more than one write. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/fault.h"
#include "storage/durable.h"
#include "tests/runner.h"
#include "tests/storage/patience.h"

enum {
	PIECE = 1 << 24, /* what is synced at a time */
	BYTES = 2 * PIECE + 5,
	SMALL = 3
};

static struct error err;
static char path[PATH_MAX - 8], aside[PATH_MAX];
static unsigned char *bytes; /* SMALL, BYTES and SMALL of them */

/* No two pieces of it are alike: 251 does not divide them. */
static void setup(void)
{
	snprintf(path, sizeof path, "%s/file", temporary_make());
	snprintf(aside, sizeof aside, "%s.tmp", path);
	bytes = malloc(BYTES + 2 * SMALL);
	for (size_t i = 0; i < BYTES + 2 * SMALL; i++)
		bytes[i] = (unsigned char)(i % 251);
}

static void teardown(void)
{
	free(bytes);
	temporary_remove();
}

static enum code save(size_t large, struct stop *stop)
{
	const struct durable_part parts[] = {
		{bytes, SMALL}, {bytes + SMALL, large}, {bytes, 0}, {bytes + SMALL + large, SMALL}};

	return durable_file(path, parts, 4, stop, "write a file", &err);
}

static void check_holds(size_t n)
{
	unsigned char *got = malloc(n + 1);
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(read(fd, got, n + 1), (ssize_t)n);
	ck_assert_mem_eq(got, bytes, n);
	close(fd);
	free(got);
}

static bool is_there(const char *name)
{
	return access(name, F_OK) == 0;
}

START_TEST(a_part_of_many_pieces_is_whole)
{
	static const size_t large[] = {0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, BYTES};

	for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
		ck_ok(save(large[i], NULL), &err);
		check_holds(large[i] + 2 * SMALL);
		ck_assert(!is_there(aside));
	}
}
END_TEST

/* Only what comes after the renaming may fail with the new file in its place. */
START_TEST(any_step_may_fail_and_leaves_the_old_file_or_the_new_one)
{
	long failed = 0, in_place = 0;

	for (bool fired = true; fired; failed += fired) {
		ck_ok(save(1, NULL), &err);
		fault_arm(failed);
		enum code rc = save(BYTES, NULL);
		fired = fault_fired();
		fault_arm(-1);
		ck_assert_int_eq(rc != OK, fired);
		ck_assert(!is_there(aside));
		struct stat st;
		ck_assert_int_eq(stat(path, &st), 0);
		bool old = st.st_size == 1 + 2 * SMALL;
		in_place += fired && !old;
		check_holds(old ? 1 + 2 * SMALL : BYTES + 2 * SMALL);
	}
	/* Open; five writes; two syncs of pieces, and one of all; rename, directory. */
	ck_assert_int_eq(failed, 11);
	ck_assert_int_eq(in_place, 1);
}
END_TEST

/* Asked before each piece: two of the small parts and three of the large one. */
START_TEST(it_is_given_up_before_any_piece)
{
	for (unsigned after = 0; after < 5; after++) {
		struct patience patience = {0, after};
		struct stop stop = {.given_up = patience_is_over, .arg = &patience};
		ck_refused(save(BYTES, &stop), &err, CANCELLED, "CANCELLED");
		ck_assert_uint_eq(patience.asked, after + 1);
		ck_assert(!is_there(path) && !is_there(aside));
	}
	struct patience patience = {0, 5};
	struct stop stop = {.given_up = patience_is_over, .arg = &patience};
	ck_ok(save(BYTES, &stop), &err);
	ck_assert_uint_eq(patience.asked, 5);
	check_holds(BYTES + 2 * SMALL);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("durable");
	TCase *t = tcase_create("durable");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_part_of_many_pieces_is_whole);
	tcase_add_test(t, any_step_may_fail_and_leaves_the_old_file_or_the_new_one);
	tcase_add_test(t, it_is_given_up_before_any_piece);
	suite_add_tcase(s, t);
	return s;
}
