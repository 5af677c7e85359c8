/*
 * Codes of an uploaded generation are on disk soon after it is published: written by a crew while
 * readers search, whole or not at all, and read back by the next start, which makes none anew.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/fault.h"
#include "storage/catalog_files.h"
#include "tests/storage/catalog_fixture.h"
#include "tests/storage/hand.h"
#include "workers/pool.h"

enum { DOCUMENTS_EACH = 40 };

static struct path codes_path(uint64_t generation)
{
	return generation_path(catalog, fixture_collection("demo").id, generation, FILE_CACHE);
}

static size_t files(const char *ending)
{
	return files_ending(fixture_collection("demo").id, ending);
}

static uint64_t uploaded(void)
{
	uint64_t g = begin("demo", "exact");

	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 0, DOCUMENTS_EACH, &err), &err);
	return g;
}

static uint64_t published_by(struct hand *h)
{
	uint64_t g = uploaded();

	ck_ok(publish_by("demo", g, &h->crew, &err), &err);
	return g;
}

/* Restarts; how many generations had to be made anew. */
static unsigned restart(void)
{
	unsigned before = told_made_anew;

	catalog_reopen();
	ck_assert_uint_eq(files(".tmp"), 0);
	return told_made_anew - before;
}

START_TEST(publishing_is_done_before_codes_are_written)
{
	struct hand h;

	hand_open(&h);
	put("demo", DOCUMENTS_EACH, 0);
	uint64_t g = published_by(&h);
	ck_assert_uint_eq(files("index"), 0);
	check_serves("demo", g, DOCUMENTS_EACH);
	do_it(&h);
	ck_assert(h.left == 1 && h.back == 1);
	ck_assert_uint_eq(files("index"), 1);
	ck_assert_uint_eq(restart(), 0);
	check_serves("demo", g, DOCUMENTS_EACH);
	ck_assert_uint_eq(told_not_kept, 0);
}
END_TEST

/* A generation whose codes were written. */
static uint64_t kept(void)
{
	struct hand h;

	hand_open(&h);
	put("demo", DOCUMENTS_EACH, 0);
	uint64_t g = published_by(&h);
	do_it(&h);
	return g;
}

START_TEST(what_was_not_written_is_made_anew_once)
{
	uint64_t g = kept();
	struct path file = codes_path(g);
	unlink(file.text);
	ck_assert_uint_eq(restart(), 1);
	check_serves("demo", g, DOCUMENTS_EACH);
	ck_assert_uint_eq(restart(), 0);
}
END_TEST

START_TEST(a_damaged_file_is_made_anew_and_told_of)
{
	struct stat st;

	uint64_t g = kept();
	struct path file = codes_path(g);
	ck_assert_int_eq(stat(file.text, &st), 0);
	for (off_t at = 0; at < st.st_size; at += st.st_size / 7) {
		flip_byte(file.text, at);
		ck_assert_uint_eq(restart(), 1);
		check_serves("demo", g, DOCUMENTS_EACH);
		ck_assert_uint_eq(restart(), 0);
	}
}
END_TEST

START_TEST(codes_of_a_generation_that_is_superseded_are_not_written)
{
	struct hand first, second;

	hand_open(&first);
	hand_open(&second);
	put("demo", DOCUMENTS_EACH, 0);
	published_by(&first);
	uint64_t g = published_by(&second);
	do_it(&first);
	ck_assert_uint_eq(files("index"), 0);
	do_it(&second);
	struct path file = codes_path(g);
	ck_assert(path_exists(&file));
	ck_assert_uint_eq(files("index"), 1);
	ck_assert_uint_eq(told_not_kept, 0);
}
END_TEST

/* Publishes when the header is about to be written, which is the second step. */
struct overtaking {
	struct hand *by;
	unsigned steps;
};

static void overtake(void *arg)
{
	struct overtaking *o = arg;

	if (o->steps++ != 1)
		return;
	fault_watch(NULL, NULL);
	published_by(o->by);
}

START_TEST(codes_are_given_up_while_they_are_written)
{
	struct hand first, second;
	struct overtaking o = {&second, 0};

	hand_open(&first);
	hand_open(&second);
	put("demo", DOCUMENTS_EACH, 0);
	published_by(&first);
	fault_watch(overtake, &o);
	do_it(&first);
	ck_assert_ptr_nonnull(second.job);
	ck_assert_uint_eq(files("index"), 0);
	ck_assert_uint_eq(files(".tmp"), 0);
	ck_assert_uint_eq(told_not_kept, 0);
	do_it(&second);
	ck_assert_uint_eq(files("index"), 1);
}
END_TEST

START_TEST(codes_of_a_collection_that_is_deleted_are_not_written)
{
	struct hand h;

	hand_open(&h);
	put("demo", DOCUMENTS_EACH, 0);
	struct path file = codes_path(published_by(&h));
	ck_ok(catalog_delete(catalog, "demo", &err), &err);
	do_it(&h);
	ck_assert(!path_exists(&file));
	ck_assert_uint_eq(told_not_kept, 0);
}
END_TEST

/* Written or not, it is served; and whoever waits for the log hears of it. */
START_TEST(any_step_of_keeping_codes_may_fail)
{
	struct hand h;
	bool fired;
	long n = 0, failed = 0;

	put("demo", DOCUMENTS_EACH, 0);
	do {
		hand_open(&h);
		uint64_t g = published_by(&h);
		unsigned before = told_not_kept;
		fault_arm(n++);
		do_it(&h);
		fired = fault_fired();
		fault_arm(-1);
		ck_assert_uint_eq(told_not_kept - before, fired);
		ck_assert_uint_eq(files(".tmp"), 0);
		bool there = files("index") == 1;
		ck_assert(there || fired);
		failed += fired;
		ck_assert_uint_eq(restart(), !there);
		check_serves("demo", g, DOCUMENTS_EACH);
		struct path file = codes_path(g);
		unlink(file.text);
	} while (fired);
	ck_assert_int_ge(failed, 6); /* open, header, blocks, sync, rename, directory */
}
END_TEST

/* What is half-written when a process ends goes when the next one starts. */
START_TEST(half_a_file_is_swept)
{
	put("demo", DOCUMENTS_EACH, 0);
	struct path aside = codes_path(uploaded());

	ck_ok(publish_generation("demo", 1, &err), &err);
	strcat(aside.text, ".tmp");
	int fd = open(aside.text, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "half", 4), 4);
	close(fd);
	ck_assert_uint_eq(files(".tmp"), 1);
	ck_assert_uint_eq(restart(), 0);
}
END_TEST

static struct pool *two_lanes(void)
{
	struct pool_options options = {.threads = {2, 2}, .queue = {4, 4}};
	struct pool *pool = pool_start(&options);

	ck_assert_ptr_nonnull(pool);
	return pool;
}

/* Publishes with a pool and says so, with the pool stopped or not. */
static void publish_and_say(int acks, bool stop)
{
	catalog_reopen();
	struct pool *pool = two_lanes();
	struct crew crew = pool_crew(pool);
	uint64_t g = uploaded();

	if (publish_by("demo", g, &crew, &err))
		_exit(1);
	if (stop)
		pool_stop(pool);
	if (write(acks, &g, sizeof g) != sizeof g)
		_exit(2);
	pause();
}

/* A process that is killed right after that; the generation. */
static uint64_t killed_after_publishing(bool stop)
{
	int pipes[2], status;
	uint64_t g;

	ck_assert_int_eq(pipe(pipes), 0);
	catalog = catalog_close(catalog);
	db = database_close(db);
	pid_t child = fork();
	if (child == 0)
		publish_and_say(pipes[1], stop);
	close(pipes[1]);
	ck_assert_int_eq(read(pipes[0], &g, sizeof g), sizeof g);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(pipes[0]);
	return g;
}

/* Every other time the pool was stopped: then they are written, and nothing is made anew. */
START_TEST(a_killed_process_leaves_its_codes_whole_or_not_at_all)
{
	put("demo", DOCUMENTS_EACH, 0);
	struct collection row = fixture_collection("demo");
	for (int round = 0; round < 12; round++) {
		bool stopped = round % 2;
		uint64_t g = killed_after_publishing(stopped);
		char file[PATH_MAX];
		snprintf(file, sizeof file, "%s/collections/%lld/generation-%llu.index", dir,
			(long long)row.id, (unsigned long long)g);
		bool there = access(file, F_OK) == 0;
		ck_assert(there || !stopped);
		ck_assert_uint_eq(restart(), !there);
		check_serves("demo", g, DOCUMENTS_EACH);
		ck_assert_uint_eq(restart(), 0);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("catalog keep");
	TCase *t = tcase_create("catalog keep");

	tcase_add_checked_fixture(t, catalog_setup, catalog_teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, publishing_is_done_before_codes_are_written);
	tcase_add_test(t, what_was_not_written_is_made_anew_once);
	tcase_add_test(t, a_damaged_file_is_made_anew_and_told_of);
	tcase_add_test(t, codes_of_a_generation_that_is_superseded_are_not_written);
	tcase_add_test(t, codes_are_given_up_while_they_are_written);
	tcase_add_test(t, codes_of_a_collection_that_is_deleted_are_not_written);
	tcase_add_test(t, any_step_of_keeping_codes_may_fail);
	tcase_add_test(t, half_a_file_is_swept);
	tcase_add_test(t, a_killed_process_leaves_its_codes_whole_or_not_at_all);
	suite_add_tcase(s, t);
	return s;
}
