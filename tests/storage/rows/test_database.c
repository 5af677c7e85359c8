#include "tests/storage/rows/fixture.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/rows/generations.h"
#include "storage/rows/migrations.h"

static struct collection c;

static const char *path_of(const char *name)
{
	return arena_printf(&arena, "%s/%s", dir, name);
}

static sqlite3 *plain(const char *path)
{
	sqlite3 *plain;

	ck_assert_int_eq(sqlite3_open(path, &plain), SQLITE_OK);
	return plain;
}

static void execute(sqlite3 *on, const char *sql)
{
	ck_assert_msg(!sqlite3_exec(on, sql, NULL, NULL, NULL), "%s: %s", sql, sqlite3_errmsg(on));
}

START_TEST(a_missing_directory_is_made_for_its_owner_alone)
{
	const char *fresh = path_of("fresh");
	struct database *other;
	struct stat st;

	ck_ok(database_open(fresh, &other, &err), &err);
	database_close(other);
	ck_assert_int_eq(stat(fresh, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
}
END_TEST

START_TEST(a_directory_that_cannot_be_is_refused)
{
	struct database *other = NULL;
	char *endless = arena_alloc(&arena, PATH_MAX + 100);

	ck_refused(database_open(path_of("a/b"), &other, &err), &err, INTERNAL, "IO_ERROR");
	ck_assert_ptr_nonnull(strstr(err.text, "a/b"));
	ck_refused(database_open(path_of("LOCK"), &other, &err), &err, INTERNAL, "IO_ERROR");
	memset(endless, 'x', PATH_MAX + 99);
	ck_refused(database_open(endless, &other, &err), &err, INTERNAL, "IO_ERROR");
	ck_assert_ptr_null(other);
}
END_TEST

START_TEST(a_second_daemon_is_refused_with_the_firsts_number)
{
	struct database *other = NULL;

	ck_refused(database_open(dir, &other, &err), &err, FAILED_PRECONDITION,
		"DATA_DIRECTORY_IN_USE");
	ck_assert_ptr_nonnull(strstr(err.text, dir));
	ck_assert_ptr_nonnull(strstr(err.text, arena_printf(&arena, "process %d;", getpid())));
	ck_assert_ptr_null(other);
	db = database_close(db);
	ck_ok(database_open(dir, &db, &err), &err);
}
END_TEST

START_TEST(the_file_is_as_durable_and_as_strict_as_promised)
{
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM pragma_journal_mode "
					"WHERE journal_mode = 'wal'"),
		1);
	ck_assert_int_eq(fixture_number("PRAGMA query_only"), 1);
	ck_assert_int_eq(fixture_number("PRAGMA wal_autocheckpoint"), 0);
	ck_assert_int_eq(fixture_number("PRAGMA user_version"), (int64_t)migrations_count);
}
END_TEST

static enum code see_pragmas(sqlite3 *writing, void *arg, struct error *e)
{
	static const struct {
		const char *sql;
		int want;
	} pragmas[] = {
		{"PRAGMA synchronous", 2},
		{"PRAGMA foreign_keys", 1},
		{"PRAGMA wal_autocheckpoint", 0},
		{"PRAGMA trusted_schema", 0},
		{"PRAGMA cell_size_check", 1},
		{"PRAGMA query_only", 0},
	};

	for (size_t i = 0; i < sizeof pragmas / sizeof *pragmas; i++) {
		sqlite3_stmt *s = database_statement(writing, pragmas[i].sql, e);
		ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
		ck_assert_msg(sqlite3_column_int(s, 0) == pragmas[i].want, "%s", pragmas[i].sql);
	}
	*(bool *)arg = true;
	return OK;
}

START_TEST(the_writer_syncs_every_commit)
{
	bool seen = false;

	ck_ok(database_write(db, see_pragmas, &seen, &err), &err);
	ck_assert(seen);
}
END_TEST

START_TEST(a_clean_stop_leaves_no_log)
{
	struct stat st;

	ck_ok(collection_create(db, "demo", &c, &err), &err);
	ck_assert_int_eq(stat(path_of("hardminer.db-wal"), &st), 0);
	ck_assert_int_gt(st.st_size, 0);
	db = database_close(db);
	ck_assert_int_ne(stat(path_of("hardminer.db-wal"), &st), 0);
	ck_ok(database_open(dir, &db, &err), &err);
	ck_assert_int_eq(fixture_collection("demo").id, c.id);
}
END_TEST

START_TEST(a_newer_schema_is_left_alone)
{
	db = database_close(db);
	sqlite3 *raw = plain(path_of("hardminer.db"));
	execute(raw, "PRAGMA user_version = 99");
	sqlite3_close(raw);
	ck_refused(database_open(dir, &db, &err), &err, FAILED_PRECONDITION, "SCHEMA_TOO_NEW");
	ck_assert_ptr_nonnull(strstr(err.text, "99"));
	ck_assert_ptr_null(db);
}
END_TEST

START_TEST(another_programs_file_is_left_alone)
{
	ck_assert_int_eq(mkdir(path_of("theirs"), 0700), 0);
	sqlite3 *raw = plain(path_of("theirs/hardminer.db"));
	execute(raw, "CREATE TABLE t (x)");
	sqlite3_close(raw);
	struct database *other = NULL;
	ck_refused(database_open(path_of("theirs"), &other, &err), &err, FAILED_PRECONDITION,
		"NOT_OUR_FILE");
	raw = plain(path_of("theirs/hardminer.db"));
	execute(raw, "PRAGMA application_id = 7; DROP TABLE t");
	sqlite3_close(raw);
	ck_refused(database_open(path_of("theirs"), &other, &err), &err, FAILED_PRECONDITION,
		"NOT_OUR_FILE");
}
END_TEST

static void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "wb");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static char *read_file(const char *path, size_t *len)
{
	struct stat st;
	FILE *f = fopen(path, "rb");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fstat(fileno(f), &st), 0);
	char *bytes = arena_alloc(&arena, (size_t)st.st_size + 1);
	*len = fread(bytes, 1, (size_t)st.st_size, f);
	fclose(f);
	return bytes;
}

START_TEST(what_is_no_database_is_called_damaged)
{
	struct database *other = NULL;

	ck_assert_int_eq(mkdir(path_of("bad"), 0700), 0);
	write_file(path_of("bad/hardminer.db"), xs(8192), 8192);
	ck_refused(
		database_open(path_of("bad"), &other, &err), &err, DATA_LOSS, "DATABASE_DAMAGED");
}
END_TEST

/* What the disk holds when the power goes now. */
static void copy_as_it_stands(const char *to, bool damage)
{
	static const char *const names[] = {"hardminer.db", "hardminer.db-wal"};

	ck_assert_int_eq(mkdir(path_of(to), 0700), 0);
	for (size_t i = 0; i < 2; i++) {
		size_t len;
		char *bytes = read_file(path_of(names[i]), &len);
		if (damage && i == 0)
			memset(bytes + len / 2, 0x5a, 4096);
		write_file(path_of(arena_printf(&arena, "%s/%s", to, names[i])), bytes, len);
	}
}

static void fill(void)
{
	Pb__Document **documents = arena_array(&arena, 500, sizeof *documents);

	for (int i = 0; i < 500; i++)
		documents[i] = document(arena_printf(&arena, "d%d", i), NULL, xs(300), NULL);
	ck_ok(collection_create(db, "demo", &c, &err), &err);
	put_documents(c.id, documents, 500);
}

START_TEST(an_unclean_stop_loses_nothing)
{
	struct database *other;

	fill();
	copy_as_it_stands("after", false);
	ck_ok(database_open(path_of("after"), &other, &err), &err);
	ck_ok(collection_get(other, "demo", &c, &err), &err);
	ck_assert_uint_eq(c.documents, 500);
	database_close(other);
}
END_TEST

START_TEST(an_unclean_stop_that_broke_the_file_is_found_out)
{
	struct database *other = NULL;

	fill();
	fixture_reopen(); /* moves the rows from the log into the file */
	put_queries(c.id, QUERIES(query("q", NULL)));
	copy_as_it_stands("after", true);
	ck_refused(
		database_open(path_of("after"), &other, &err), &err, DATA_LOSS, "DATABASE_DAMAGED");
	ck_assert_ptr_null(other);
}
END_TEST

START_TEST(a_reader_cannot_write)
{
	sqlite3 *reader;

	ck_ok(database_read(db, &reader, &err), &err);
	ck_assert_int_eq(
		sqlite3_exec(reader, "DELETE FROM collections", NULL, NULL, NULL), SQLITE_READONLY);
	ck_assert_int_eq(
		sqlite3_wal_checkpoint_v2(reader, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL),
		SQLITE_LOCKED);
	database_read_done(db, reader);
}
END_TEST

static atomic_bool given_back;

static void *borrow_one(void *arg)
{
	struct error e;
	sqlite3 *reader;

	(void)arg;
	ck_ok(database_read(db, &reader, &e), &e);
	ck_assert(given_back);
	database_read_done(db, reader);
	return NULL;
}

START_TEST(whoever_finds_all_readers_lent_waits_for_one)
{
	sqlite3 *lent[8];
	pthread_t thread;

	for (size_t i = 0; i < 8; i++) {
		ck_ok(database_read(db, &lent[i], &err), &err);
		for (size_t j = 0; j < i; j++)
			ck_assert_ptr_ne(lent[i], lent[j]);
	}
	ck_assert_int_eq(pthread_create(&thread, NULL, borrow_one, NULL), 0);
	given_back = true;
	database_read_done(db, lent[0]);
	pthread_join(thread, NULL);
	for (size_t i = 1; i < 8; i++)
		database_read_done(db, lent[i]);
}
END_TEST

START_TEST(a_statement_is_prepared_once_and_handed_out_reset)
{
	const char *sql = "SELECT ?1, count(*) FROM garbage";
	sqlite3 *reader;

	ck_ok(database_read(db, &reader, &err), &err);
	sqlite3_stmt *s = database_statement(reader, sql, &err);
	sqlite3_bind_int(s, 1, 7);
	ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
	ck_assert_int_eq(sqlite3_column_int(s, 0), 7);
	ck_assert_ptr_eq(database_statement(reader, sql, &err), s);
	ck_assert(!sqlite3_stmt_busy(s));
	ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
	ck_assert_int_eq(sqlite3_column_type(s, 0), SQLITE_NULL);
	ck_assert_ptr_ne(database_statement(reader, "SELECT count(*) FROM garbage", &err), s);
	ck_assert_ptr_null(database_statement(reader, "SELECT nonsense", &err));
	ck_assert_int_eq(err.code, INTERNAL);
	ck_assert_str_eq(err.reason, "DATABASE_ERROR");
	database_read_done(db, reader);
}
END_TEST

static const char *const steps[] = {
	"CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);",
	"ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1; -- the end",
	"CREATE TABLE b (x); CREATE TABLE a (x);",
};

static int64_t number(sqlite3 *on, const char *sql)
{
	sqlite3_stmt *s;

	ck_assert_msg(!sqlite3_prepare_v2(on, sql, -1, &s, NULL), "%s", sqlite3_errmsg(on));
	ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return value;
}

static void close_plain(sqlite3 *on)
{
	sqlite3_stmt *s;

	while ((s = sqlite3_next_stmt(on, NULL)))
		sqlite3_finalize(s);
	ck_assert_int_eq(sqlite3_close(on), SQLITE_OK);
}

START_TEST(an_older_schema_is_brought_up_to_date_with_its_rows)
{
	sqlite3 *raw = plain(path_of("old.db"));

	ck_ok(migrate(raw, steps, 1, &err), &err);
	ck_assert_int_eq(number(raw, "PRAGMA user_version"), 1);
	execute(raw, "INSERT INTO a VALUES (41)");
	ck_ok(migrate(raw, steps, 2, &err), &err);
	ck_assert_int_eq(number(raw, "PRAGMA user_version"), 2);
	ck_assert_int_eq(number(raw, "SELECT sum(y) FROM a"), 44);
	ck_ok(migrate(raw, steps, 2, &err), &err);
	ck_assert_int_eq(number(raw, "SELECT count(*) FROM a"), 2);
	ck_refused(migrate(raw, steps, 1, &err), &err, FAILED_PRECONDITION, "SCHEMA_TOO_NEW");
	close_plain(raw);
}
END_TEST

START_TEST(a_migration_that_fails_leaves_the_schema_before_it)
{
	sqlite3 *raw = plain(path_of("old.db"));

	ck_refused(migrate(raw, steps, 3, &err), &err, INTERNAL, "DATABASE_ERROR");
	ck_assert_ptr_nonnull(strstr(err.text, "Migration 3"));
	ck_assert_int_eq(number(raw, "PRAGMA user_version"), 2);
	ck_assert_int_eq(number(raw, "SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
	ck_assert(sqlite3_get_autocommit(raw));
	close_plain(raw);
}
END_TEST

START_TEST(generations_of_the_first_schema_are_read_by_this_one)
{
	Pb__Generation g;
	struct arena own;

	ck_assert_int_eq(mkdir(path_of("older"), 0700), 0);
	sqlite3 *raw = plain(path_of("older/hardminer.db"));
	ck_ok(migrate(raw, migrations, 1, &err), &err);
	execute(raw, "INSERT INTO collections (id, name, created_at_ms, documents, generation) "
		     "VALUES (7, 'demo', 1, 90, 3)");
	execute(raw,
		"INSERT INTO generations VALUES (7, 3, 'e', 5, 4, 0, 'IVF4,Flat', 0, 1, 80, 6, "
		"11, 12), (7, 4, 'e', 6, 4, 0, 'flat', 0, 0, 0, 0, 13, NULL)");
	close_plain(raw);
	db = database_close(db);
	ck_ok(database_open(path_of("older"), &db, &err), &err);
	ck_assert_int_eq(fixture_number("PRAGMA user_version"), (int64_t)migrations_count);
	c = fixture_collection("demo");
	arena_init(&own, 1 << 20);
	ck_ok(generation_get(db, &c, 3, &own, &g, &err), &err);
	ck_assert_str_eq(g.index, "IVF4,Flat");
	ck_assert_uint_eq(g.document_vectors, 80);
	ck_assert_int_eq(g.published_at_ms, 12);
	ck_assert(g.serving);
	ck_assert_ptr_null(g.recall);
	ck_ok(generation_get(db, &c, 4, &own, &g, &err), &err);
	ck_assert_str_eq(g.index, "exact");
	arena_free(&own);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("database");
	TCase *t = tcase_create("database");

	tcase_add_checked_fixture(t, fixture_setup, fixture_teardown);
	tcase_add_test(t, a_missing_directory_is_made_for_its_owner_alone);
	tcase_add_test(t, a_directory_that_cannot_be_is_refused);
	tcase_add_test(t, a_second_daemon_is_refused_with_the_firsts_number);
	tcase_add_test(t, the_file_is_as_durable_and_as_strict_as_promised);
	tcase_add_test(t, the_writer_syncs_every_commit);
	tcase_add_test(t, a_clean_stop_leaves_no_log);
	tcase_add_test(t, a_newer_schema_is_left_alone);
	tcase_add_test(t, another_programs_file_is_left_alone);
	tcase_add_test(t, what_is_no_database_is_called_damaged);
	tcase_add_test(t, an_unclean_stop_loses_nothing);
	tcase_add_test(t, an_unclean_stop_that_broke_the_file_is_found_out);
	tcase_add_test(t, a_reader_cannot_write);
	tcase_add_test(t, whoever_finds_all_readers_lent_waits_for_one);
	tcase_add_test(t, a_statement_is_prepared_once_and_handed_out_reset);
	tcase_add_test(t, an_older_schema_is_brought_up_to_date_with_its_rows);
	tcase_add_test(t, a_migration_that_fails_leaves_the_schema_before_it);
	tcase_add_test(t, generations_of_the_first_schema_are_read_by_this_one);
	suite_add_tcase(s, t);
	return s;
}
