#include "tests/storage/rows/fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "tests/storage/rows/disk.h"

static struct collection c;

static void setup(void)
{
	disk_install();
	fixture_setup();
	ck_ok(collection_create(db, "demo", &c, &err), &err);
}

static bool there(const char *id)
{
	Pb__Document d;
	struct error e;
	struct arena mine;

	arena_init(&mine, 16 << 20);
	enum code rc = document_get(db, c.id, id, &mine, &d, &e);
	arena_free(&mine);
	ck_assert(rc == OK || rc == NOT_FOUND);
	return rc == OK;
}

static enum code put(const char *id, const char *text, struct error *e)
{
	Pb__Document d = PB__DOCUMENT__INIT, *list = &d;
	struct upsert_counts counts;

	d.id = id;
	d.text = text;
	return documents_upsert(db, c.id, &list, 1, &counts, e);
}

START_TEST(every_write_is_synced_before_it_is_acknowledged)
{
	for (int i = 0; i < 10; i++) {
		long before = disk.syncs;
		ck_ok(put(arena_printf(&arena, "d%d", i), NULL, &err), &err);
		ck_assert_int_gt(disk.syncs, before);
	}
}
END_TEST

enum { THREADS = 16, WRITES = 25 };

struct client {
	pthread_t thread;
	int number;
	const char *text;
	database_apply bad; /* every fifth write */
	enum code outcome[WRITES];
};

static void name(char id[static 32], const struct client *client, int i)
{
	snprintf(id, 32, "c%d-%d", client->number, i);
}

/* A bad write, which finds that out after it has changed something. */
static enum code refuse(sqlite3 *writing, void *arg, struct error *e)
{
	char sql[128];

	snprintf(sql, sizeof sql, "INSERT INTO garbage (of, owner) VALUES ('nothing', %d)",
		*(int *)arg);
	ck_assert_int_eq(sqlite3_exec(writing, sql, NULL, NULL, NULL), SQLITE_OK);
	return error_set(e, INVALID_ARGUMENT, "REFUSED", "No.");
}

/* What SQLite may do by itself when memory or the disk runs out: all of the group is undone. */
static enum code undo_everything(sqlite3 *writing, void *arg, struct error *e)
{
	(void)arg;
	ck_assert_int_eq(sqlite3_exec(writing, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	return error_memory(e);
}

static void *write_some(void *arg)
{
	struct client *client = arg;

	for (int i = 0; i < WRITES; i++) {
		struct error e = {0};
		char id[32];
		name(id, client, i);
		client->outcome[i] = i % 5 == 4 ? database_write(db, client->bad, &i, &e)
						: put(id, client->text, &e);
	}
	return NULL;
}

static void run_clients(struct client clients[static THREADS], const char *text, database_apply bad)
{
	for (int i = 0; i < THREADS; i++) {
		clients[i] = (struct client){.number = i, .text = text, .bad = bad};
		ck_assert_int_eq(
			pthread_create(&clients[i].thread, NULL, write_some, &clients[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(clients[i].thread, NULL);
}

START_TEST(writes_that_wait_together_share_a_sync)
{
	struct client clients[THREADS];
	long before = disk.syncs;

	disk.sync_us = 1000; /* a disk that takes its time */
	run_clients(clients, "x", refuse);
	ck_assert_int_lt(disk.syncs - before, THREADS * WRITES / 3);
	ck_assert_uint_eq(fixture_collection("demo").documents, THREADS * WRITES * 4 / 5);
}
END_TEST

START_TEST(a_bad_write_in_a_group_is_undone_alone)
{
	struct client clients[THREADS];

	run_clients(clients, "x", refuse);
	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < WRITES; j++)
			ck_assert_int_eq(clients[i].outcome[j], j % 5 == 4 ? INVALID_ARGUMENT : OK);
	ck_assert_uint_eq(fixture_collection("demo").documents, THREADS * WRITES * 4 / 5);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM garbage"), 0);
}
END_TEST

static void ck_outcomes_are_true(const struct client clients[static THREADS])
{
	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < WRITES; j++) {
			char id[32];
			name(id, &clients[i], j);
			if (j % 5 != 4)
				ck_assert_int_eq(there(id), clients[i].outcome[j] == OK);
		}
}

START_TEST(when_everything_is_undone_everyone_in_it_is_told)
{
	struct client clients[THREADS];
	int failed = 0;

	disk.sync_us = 1000;
	run_clients(clients, "x", undo_everything);
	ck_outcomes_are_true(clients);
	for (int i = 0; i < THREADS * WRITES; i++) {
		enum code outcome = clients[i / WRITES].outcome[i % WRITES];
		ck_assert(outcome == OK || outcome == RESOURCE_EXHAUSTED);
		failed += outcome != OK;
	}
	ck_assert_int_gt(failed, THREADS * WRITES / 5); /* some had neighbours */
	ck_ok(put("after", "x", &err), &err);
}
END_TEST

static enum code bound_size(sqlite3 *writing, void *pages, struct error *e)
{
	char sql[64];

	(void)e;
	snprintf(sql, sizeof sql, "PRAGMA max_page_count = %d", *(int *)pages);
	ck_assert_int_eq(sqlite3_exec(writing, sql, NULL, NULL, NULL), SQLITE_OK);
	return OK;
}

START_TEST(when_the_file_is_full_each_caller_is_told_the_truth)
{
	struct client clients[THREADS];
	int pages = 150, many = 1 << 20, full = 0;

	ck_ok(database_write(db, bound_size, &pages, &err), &err);
	run_clients(clients, xs(3000), refuse);
	for (int i = 0; i < THREADS * WRITES; i++)
		full += clients[i / WRITES].outcome[i % WRITES] == RESOURCE_EXHAUSTED;
	ck_assert_int_gt(full, THREADS);
	ck_outcomes_are_true(clients);
	ck_refused(put("one more", xs(100000), &err), &err, RESOURCE_EXHAUSTED, "DISK_FULL");
	ck_ok(database_write(db, bound_size, &many, &err), &err);
	ck_ok(put("one more", xs(100000), &err), &err);
}
END_TEST

START_TEST(a_full_disk_refuses_writes_reads_go_on_and_room_heals)
{
	ck_ok(put("before", "x", &err), &err);
	disk.full = true;
	ck_refused(put("during", "x", &err), &err, RESOURCE_EXHAUSTED, "DISK_FULL");
	ck_assert_ptr_nonnull(strstr(err.text, "no space"));
	ck_refused(put("during", "x", &err), &err, RESOURCE_EXHAUSTED, "DISK_FULL");
	ck_assert(there("before") && !there("during"));
	disk.full = false;
	ck_ok(put("after", "x", &err), &err);
	ck_assert(!there("during") && there("after"));
	fixture_reopen();
	ck_assert(there("before") && !there("during") && there("after"));
	ck_assert_uint_eq(fixture_collection("demo").documents, 2);
}
END_TEST

START_TEST(a_restart_on_a_full_disk_can_still_be_read_from)
{
	ck_ok(put("before", "x", &err), &err);
	disk.full = true;
	fixture_reopen();
	ck_assert(there("before"));
	ck_refused(put("during", "x", &err), &err, RESOURCE_EXHAUSTED, "DISK_FULL");
	disk.full = false;
	ck_ok(put("after", "x", &err), &err);
	ck_assert(there("before") && !there("during"));
}
END_TEST

static void ck_refuses_for_good(void)
{
	long before = disk.syncs;

	ck_refused(put("later", "x", &err), &err, UNAVAILABLE, "STORAGE_FAILED");
	ck_assert_int_eq(disk.syncs, before);
	ck_assert(there("before") && !there("later"));
	fixture_reopen();
	ck_assert(there("before") && !there("later"));
	ck_ok(put("later", "x", &err), &err);
}

START_TEST(after_a_failed_sync_nothing_is_tried_again)
{
	ck_ok(put("before", "x", &err), &err);
	disk.sync_fails = true;
	ck_refused(put("during", "x", &err), &err, UNAVAILABLE, "STORAGE_FAILED");
	disk.sync_fails = false;
	ck_refuses_for_good();
}
END_TEST

START_TEST(after_a_failed_write_nothing_is_tried_again)
{
	ck_ok(put("before", "x", &err), &err);
	disk.write_fails = true;
	ck_refused(put("during", "x", &err), &err, UNAVAILABLE, "STORAGE_FAILED");
	disk.write_fails = false;
	ck_refuses_for_good();
	ck_assert(!there("during"));
}
END_TEST

START_TEST(a_failed_sync_fails_everyone_who_shared_it)
{
	struct client clients[THREADS];

	ck_ok(put("before", "x", &err), &err);
	disk.sync_fails = true;
	run_clients(clients, "x", refuse);
	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < WRITES; j++)
			ck_assert(clients[i].outcome[j] == UNAVAILABLE ||
				  (j % 5 == 4 && clients[i].outcome[j] == INVALID_ARGUMENT));
	disk.sync_fails = false;
	ck_refuses_for_good();
}
END_TEST

/* A mount of this test's process alone. */
static bool mount_small(const char *at)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", at, "tmpfs", 0, "size=2m") == 0;
}

START_TEST(a_disk_that_really_fills_up_loses_nothing_acknowledged)
{
	struct client clients[THREADS];

	db = database_close(db);
	if (!mount_small(dir)) { /* not root, or not allowed to: the tests above stand alone */
		ck_ok(database_open(dir, &db, &err), &err);
		return;
	}
	ck_ok(database_open(dir, &db, &err), &err);
	ck_ok(collection_create(db, "demo", &c, &err), &err);
	run_clients(clients, xs(20000), refuse);
	ck_outcomes_are_true(clients);
	ck_refused(put("one more", xs(1 << 20), &err), &err, RESOURCE_EXHAUSTED, "DISK_FULL");
	db = database_close(db);
	ck_ok(database_open(dir, &db, &err), &err);
	ck_outcomes_are_true(clients);
	db = database_close(db);
	ck_assert_int_eq(umount(dir), 0);
}
END_TEST

START_TEST(a_log_that_has_grown_is_emptied_into_the_file)
{
	const char *text = xs(1 << 20);
	int64_t before = fixture_number("PRAGMA page_count");

	for (int i = 0; i < 40; i++)
		ck_ok(put(arena_printf(&arena, "d%d", i), text, &err), &err);
	ck_assert_int_ge(fixture_number("PRAGMA page_count"), before + 40 * 256);
	sqlite3 *reader;
	ck_ok(database_read(db, &reader, &err), &err);
	sqlite3_file *file;
	sqlite3_int64 size;
	ck_assert_int_eq(
		sqlite3_file_control(reader, "main", SQLITE_FCNTL_FILE_POINTER, &file), SQLITE_OK);
	ck_assert_int_eq(file->pMethods->xFileSize(file, &size), SQLITE_OK);
	ck_assert_int_gt(size, 16 << 20);
	database_read_done(db, reader);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("writer");
	TCase *t = tcase_create("writer");

	tcase_add_checked_fixture(t, setup, fixture_teardown);
	tcase_add_test(t, every_write_is_synced_before_it_is_acknowledged);
	tcase_add_test(t, writes_that_wait_together_share_a_sync);
	tcase_add_test(t, a_bad_write_in_a_group_is_undone_alone);
	tcase_add_test(t, when_everything_is_undone_everyone_in_it_is_told);
	tcase_add_test(t, when_the_file_is_full_each_caller_is_told_the_truth);
	tcase_add_test(t, a_full_disk_refuses_writes_reads_go_on_and_room_heals);
	tcase_add_test(t, a_restart_on_a_full_disk_can_still_be_read_from);
	tcase_add_test(t, after_a_failed_sync_nothing_is_tried_again);
	tcase_add_test(t, after_a_failed_write_nothing_is_tried_again);
	tcase_add_test(t, a_failed_sync_fails_everyone_who_shared_it);
	tcase_add_test(t, a_disk_that_really_fills_up_loses_nothing_acknowledged);
	tcase_add_test(t, a_log_that_has_grown_is_emptied_into_the_file);
	suite_add_tcase(s, t);
	return s;
}
