#include "tests/storage/rows/fixture.h"

#include <string.h>

#include "storage/rows/now.h"

static struct collection c;

START_TEST(a_new_collection_is_empty_and_found_by_name)
{
	int64_t before = now_ms();

	ck_ok(collection_create(db, "demo", &c, &err), &err);
	struct collection got = fixture_collection("demo");
	ck_assert_str_eq(got.name, "demo");
	ck_assert_int_eq(got.id, c.id);
	ck_assert_int_ge(got.created_at_ms, before);
	ck_assert_int_le(got.created_at_ms, now_ms());
	ck_assert_uint_eq(got.documents + got.queries + got.positives, 0);
	ck_assert_uint_eq(got.generation + got.revision + got.documents_revision, 0);
}
END_TEST

START_TEST(names_are_short_lower_case_and_plain)
{
	static const char *const good[] = {"a", "0", "a-b_c", "9-", "z__"};
	static const char *const bad[] = {
		"", "-a", "_a", "A", "a b", "a.b", "a/b", "\xc3\xa4", "..", "a\n"};
	char name[65] = {0};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_ok(collection_name_check(good[i], &err), &err);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_refused_at(collection_name_check(bad[i], &err), INVALID_ARGUMENT, "INVALID_NAME",
			"collection");
	ck_refused_at(
		collection_name_check(NULL, &err), INVALID_ARGUMENT, "INVALID_NAME", "collection");
	memset(name, 'a', 63);
	ck_ok(collection_create(db, name, &c, &err), &err);
	ck_assert_str_eq(fixture_collection(name).name, name);
	name[63] = 'a';
	ck_refused_at(collection_create(db, name, &c, &err), INVALID_ARGUMENT, "INVALID_NAME",
		"collection");
}
END_TEST

START_TEST(a_name_can_be_had_once)
{
	ck_ok(collection_create(db, "demo", &c, &err), &err);
	struct collection again = {.id = -7};
	ck_refused_at(collection_create(db, "demo", &again, &err), ALREADY_EXISTS,
		"COLLECTION_EXISTS", "collection");
	ck_assert_int_eq(again.id, -7);
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
	int64_t id = -7;

	ck_refused_at(collection_get(db, "demo", &c, &err), NOT_FOUND, "NO_SUCH_COLLECTION",
		"collection");
	ck_refused_at(collection_delete(db, "demo", &id, &err), NOT_FOUND, "NO_SUCH_COLLECTION",
		"collection");
	ck_assert_int_eq(id, -7);
	ck_refused_at(
		collection_get(db, "A", &c, &err), INVALID_ARGUMENT, "INVALID_NAME", "collection");
	ck_refused_at(collection_delete(db, NULL, &id, &err), INVALID_ARGUMENT, "INVALID_NAME",
		"collection");
}
END_TEST

START_TEST(collections_are_listed_by_name_a_page_at_a_time)
{
	static const char *const names[] = {"b", "a-", "a", "c", "a0"}; /* '-' < '0' < 'b' */
	struct collection *page;
	size_t n;

	for (size_t i = 0; i < 5; i++)
		ck_ok(collection_create(db, names[i], &c, &err), &err);
	ck_ok(collection_list(db, NULL, 3, &arena, &page, &n, &err), &err);
	ck_assert_uint_eq(n, 3);
	ck_assert_str_eq(page[0].name, "a");
	ck_assert_str_eq(page[1].name, "a-");
	ck_assert_str_eq(page[2].name, "a0");
	ck_ok(collection_list(db, "a0", 3, &arena, &page, &n, &err), &err);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(page[0].name, "b");
	ck_assert_str_eq(page[1].name, "c");
	ck_ok(collection_list(db, "c", 3, &arena, &page, &n, &err), &err);
	ck_assert_uint_eq(n, 0);
}
END_TEST

static void fill(const char *name)
{
	ck_ok(collection_create(db, name, &c, &err), &err);
	put_documents(c.id, DOCUMENTS(document("d", "t", "x", "g"), document("e", 0, 0, 0)));
	put_queries(c.id, QUERIES(query("q", "?")));
	put_positives(c.id, POSITIVES(positive("q", "d", 1)));
}

START_TEST(deleting_takes_every_row_and_leaves_the_neighbours)
{
	int64_t id;

	fill("gone");
	struct collection gone = c;
	fill("stays");
	ck_ok(collection_delete(db, "gone", &id, &err), &err);
	ck_assert_int_eq(id, gone.id);
	ck_refused(collection_get(db, "gone", &c, &err), &err, NOT_FOUND, "NO_SUCH_COLLECTION");
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM documents"), 2);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM queries"), 1);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM positives"), 1);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM garbage"), 0);
	Pb__Document d;
	ck_ok(document_get(db, fixture_collection("stays").id, "d", &arena, &d, &err), &err);
}
END_TEST

START_TEST(a_name_that_was_deleted_begins_anew_under_another_id)
{
	int64_t id;

	fill("demo");
	ck_ok(collection_delete(db, "demo", &id, &err), &err);
	ck_ok(collection_create(db, "demo", &c, &err), &err);
	ck_assert_int_ne(c.id, id);
	ck_assert_uint_eq(c.documents + c.queries + c.positives + c.revision, 0);
	ck_counts(put_documents(c.id, DOCUMENTS(document("d", 0, "other", 0))), 1, 0, 0, 1);
}
END_TEST

START_TEST(more_rows_than_a_slice_are_swept)
{
	enum { MANY = 9001 };
	Pb__Document **many = arena_array(&arena, MANY, sizeof *many);
	int64_t id;

	for (int i = 0; i < MANY; i++)
		many[i] = document(arena_printf(&arena, "%d", i), NULL, "x", NULL);
	ck_ok(collection_create(db, "large", &c, &err), &err);
	put_documents(c.id, many, MANY);
	ck_ok(collection_delete(db, "large", &id, &err), &err);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM documents"), 0);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM garbage"), 0);
}
END_TEST

static enum code leave_garbage(sqlite3 *writing, void *arg, struct error *e)
{
	(void)arg, (void)e;
	ck_assert_int_eq(sqlite3_exec(writing,
				 "INSERT INTO garbage (of, owner) VALUES ('documents', 1), "
				 "('queries', 1), ('positives', 1);"
				 "DELETE FROM collections WHERE id = 1",
				 NULL, NULL, NULL),
		SQLITE_OK);
	return OK;
}

START_TEST(what_a_crash_left_unswept_is_swept_at_the_next_open)
{
	fill("demo");
	ck_assert_int_eq(c.id, 1);
	ck_ok(database_write(db, leave_garbage, NULL, &err), &err);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM documents"), 2);
	fixture_reopen();
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM documents"), 0);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM queries"), 0);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM positives"), 0);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM garbage"), 0);
}
END_TEST

static enum code fill_up(sqlite3 *writing, void *arg, struct error *e)
{
	(void)arg, (void)e;
	ck_assert_int_eq(sqlite3_exec(writing,
				 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
				 "LIMIT 10000) INSERT INTO collections (name, created_at_ms) "
				 "SELECT 'c' || i, 0 FROM n",
				 NULL, NULL, NULL),
		SQLITE_OK);
	return OK;
}

START_TEST(past_the_limit_no_collection_is_created)
{
	ck_ok(database_write(db, fill_up, NULL, &err), &err);
	ck_refused_at(collection_create(db, "demo", &c, &err), RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED",
		"collection");
	ck_assert_ptr_nonnull(strstr(err.text, "10000"));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("collections");
	TCase *t = tcase_create("collections");

	tcase_add_checked_fixture(t, fixture_setup, fixture_teardown);
	tcase_add_test(t, a_new_collection_is_empty_and_found_by_name);
	tcase_add_test(t, names_are_short_lower_case_and_plain);
	tcase_add_test(t, a_name_can_be_had_once);
	tcase_add_test(t, what_is_not_there_is_not_found);
	tcase_add_test(t, collections_are_listed_by_name_a_page_at_a_time);
	tcase_add_test(t, deleting_takes_every_row_and_leaves_the_neighbours);
	tcase_add_test(t, a_name_that_was_deleted_begins_anew_under_another_id);
	tcase_add_test(t, more_rows_than_a_slice_are_swept);
	tcase_add_test(t, what_a_crash_left_unswept_is_swept_at_the_next_open);
	tcase_add_test(t, past_the_limit_no_collection_is_created);
	suite_add_tcase(s, t);
	return s;
}
