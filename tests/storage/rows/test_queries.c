#include "tests/storage/rows/fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "proto/limits.h"

static struct collection c;
static struct upsert_counts counts;

static void setup(void)
{
	fixture_setup();
	ck_ok(collection_create(db, "demo", &c, &err), &err);
}

static void load(const char *const *ids, size_t n, struct query_row *out)
{
	sqlite3 *reader;

	ck_ok(database_read(db, &reader, &err), &err);
	ck_ok(queries_load(reader, c.id, ids, n, &arena, out, &err), &err);
	database_read_done(db, reader);
}

static void put_some(void)
{
	put_documents(c.id, DOCUMENTS(document("z", 0, 0, 0), document("a", 0, 0, 0),
				    document("M", 0, 0, 0), document("\xc3\xa4", 0, 0, 0)));
	put_queries(c.id, QUERIES(query("q2", "two"), query("q1", NULL), query("q3", "three")));
	put_positives(c.id,
		POSITIVES(positive("q2", "z", 3), positive("q2", "\xc3\xa4", 1),
			positive("q2", "a", 1), positive("q2", "M", 2), positive("q3", "z", 1)));
}

START_TEST(queries_come_back_with_their_positives_by_document_id)
{
	const char *const ids[] = {"q3", "absent", "q2", "q1", "q2"};
	static const struct positive_row want[] = {{2, 2}, {1, 1}, {0, 3}, {3, 1}}; /* M a z ä */
	struct query_row rows[5];

	put_some();
	load(ids, 5, rows);
	ck_assert_str_eq(rows[0].id, "q3");
	ck_assert_str_eq(rows[0].text, "three");
	ck_assert_uint_eq(rows[0].number, 2);
	ck_assert_uint_eq(rows[0].n_positives, 1);
	ck_assert_ptr_null(rows[1].id);
	ck_assert_uint_eq(rows[2].number, 0);
	ck_assert_uint_eq(rows[2].n_positives, 4);
	ck_assert_int_eq(memcmp(rows[2].positives, want, sizeof want), 0);
	ck_assert_str_eq(rows[3].id, "q1");
	ck_assert_ptr_null(rows[3].text);
	ck_assert_ptr_null(rows[3].group);
	ck_assert_uint_eq(rows[3].n_positives, 0);
	ck_assert_uint_eq(rows[4].n_positives, 4);
}
END_TEST

START_TEST(queries_are_paged_by_number)
{
	struct query_row rows[2];
	struct collection other;
	sqlite3 *reader;
	size_t found;

	put_some();
	ck_ok(collection_create(db, "other", &other, &err), &err);
	put_queries(other.id, QUERIES(query("theirs", 0)));
	ck_ok(database_read(db, &reader, &err), &err);
	ck_ok(queries_page(reader, c.id, 0, 2, &arena, rows, &found, &err), &err);
	ck_assert_uint_eq(found, 2);
	ck_assert_str_eq(rows[0].id, "q2");
	ck_assert_uint_eq(rows[0].n_positives, 4);
	ck_assert_str_eq(rows[1].id, "q1");
	ck_ok(queries_page(reader, c.id, rows[1].number + 1, 2, &arena, rows, &found, &err), &err);
	ck_assert_uint_eq(found, 1);
	ck_assert_str_eq(rows[0].id, "q3");
	ck_ok(queries_page(reader, c.id, 3, 2, &arena, rows, &found, &err), &err);
	ck_assert_uint_eq(found, 0);
	database_read_done(db, reader);
}
END_TEST

START_TEST(upserted_queries_are_counted_and_raise_only_the_revision)
{
	Pb__Query *q = query("q1", "one");

	ck_counts(put_queries(c.id, QUERIES(q, query("q2", "two"))), 2, 0, 0, 1);
	ck_counts(put_queries(c.id, QUERIES(q)), 0, 0, 1, 1);
	q->group = "g";
	ck_counts(put_queries(c.id, QUERIES(q, query("q2", "two"))), 0, 1, 1, 2);
	q->text = NULL;
	ck_counts(put_queries(c.id, QUERIES(q, query("q3", 0))), 1, 1, 0, 3);
	struct collection now = fixture_collection("demo");
	ck_assert_uint_eq(now.queries, 3);
	ck_assert_uint_eq(now.revision, 3);
	ck_assert_uint_eq(now.documents_revision, 0);
	struct query_row row;
	load((const char *[]){"q1"}, 1, &row);
	ck_assert_str_eq(row.group, "g");
	ck_assert_ptr_null(row.text);
}
END_TEST

START_TEST(bad_queries_are_refused_by_path)
{
	Pb__Query *q = query("q", NULL),
		  **many = arena_array(&arena, LIMIT_ITEMS + 1, sizeof *many);

	ck_refused_at(queries_upsert(db, c.id, QUERIES(q, query(NULL, "x")), &counts, &err),
		INVALID_ARGUMENT, "MISSING_FIELD", "queries[1].id");
	ck_refused_at(queries_upsert(db, c.id, QUERIES(query("", "x")), &counts, &err),
		INVALID_ARGUMENT, "MISSING_FIELD", "queries[0].id");
	ck_refused_at(
		queries_upsert(db, c.id, QUERIES(query(xs(LIMIT_ID_BYTES + 1), 0)), &counts, &err),
		INVALID_ARGUMENT, "TOO_LONG", "queries[0].id");
	ck_refused_at(queries_upsert(db, c.id, QUERIES(query("q", xs(LIMIT_TEXT_BYTES + 1))),
			      &counts, &err),
		INVALID_ARGUMENT, "TOO_LONG", "queries[0].text");
	q->group = xs(LIMIT_ID_BYTES + 1);
	ck_refused_at(queries_upsert(db, c.id, QUERIES(q), &counts, &err), INVALID_ARGUMENT,
		"TOO_LONG", "queries[0].group");
	ck_refused_at(
		queries_upsert(db, c.id, QUERIES(query("q", 0), query("q", 0)), &counts, &err),
		INVALID_ARGUMENT, "DUPLICATE_ID", "queries[1].id");
	ck_refused_at(queries_upsert(db, c.id, many, LIMIT_ITEMS + 1, &counts, &err),
		INVALID_ARGUMENT, "LIMIT_EXCEEDED", "queries");
	ck_refused_at(queries_upsert(db, 99, QUERIES(query("q", 0)), &counts, &err), NOT_FOUND,
		"NO_SUCH_COLLECTION", "collection");
	ck_assert_uint_eq(fixture_collection("demo").queries, 0);
}
END_TEST

START_TEST(positives_are_counted_and_regraded)
{
	put_some();
	ck_counts(put_positives(c.id, POSITIVES(positive("q2", "z", 3), positive("q2", "a", 9),
					      positive("q1", "a", 1))),
		1, 1, 1, 4);
	struct query_row row;
	load((const char *[]){"q2"}, 1, &row);
	ck_assert_uint_eq(row.n_positives, 4);
	ck_assert_uint_eq(row.positives[1].grade, 9);
	struct collection now = fixture_collection("demo");
	ck_assert_uint_eq(now.positives, 6);
	ck_assert_uint_eq(now.revision, 4);
	ck_assert_uint_eq(now.documents_revision, 1);
}
END_TEST

START_TEST(the_largest_grade_is_kept_and_an_absent_one_is_one)
{
	Pb__Positive p = PB__POSITIVE__INIT;
	struct query_row row;

	put_some();
	p.query_id = "q1";
	p.document_id = "a";
	put_positives(c.id, POSITIVES(&p, positive("q1", "z", UINT32_MAX)));
	load((const char *[]){"q1"}, 1, &row);
	ck_assert_uint_eq(row.positives[0].grade, 1);
	ck_assert_uint_eq(row.positives[1].grade, UINT32_MAX);
}
END_TEST

#define REFUSED(code, reason, field, ...) \
	ck_refused_at(positives_upsert(db, c.id, POSITIVES(__VA_ARGS__), &counts, &err), code, \
		reason, field)

START_TEST(bad_positives_are_refused_by_path_and_whole)
{
	put_some();
	Pb__Positive *good = positive("q1", "a", 1);
	REFUSED(NOT_FOUND, "NO_SUCH_QUERY", "positives[1].query_id", good, positive("no", "a", 1));
	REFUSED(NOT_FOUND, "NO_SUCH_DOCUMENT", "positives[1].document_id", good,
		positive("q1", "no", 1));
	REFUSED(INVALID_ARGUMENT, "OUT_OF_RANGE", "positives[1].grade", good,
		positive("q1", "z", 0));
	REFUSED(INVALID_ARGUMENT, "MISSING_FIELD", "positives[0].query_id", positive(NULL, "z", 1));
	REFUSED(INVALID_ARGUMENT, "MISSING_FIELD", "positives[0].document_id",
		positive("q", "", 1));
	REFUSED(INVALID_ARGUMENT, "TOO_LONG", "positives[0].document_id",
		positive("q", xs(LIMIT_ID_BYTES + 1), 1));
	REFUSED(INVALID_ARGUMENT, "DUPLICATE_ID", "positives[2]", good, positive("q1", "z", 1),
		positive("q1", "a", 2));
	ck_refused_at(positives_upsert(db, c.id, NULL, LIMIT_ITEMS + 1, &counts, &err),
		INVALID_ARGUMENT, "LIMIT_EXCEEDED", "positives");
	ck_refused_at(positives_upsert(db, 99, &good, 1, &counts, &err), NOT_FOUND,
		"NO_SUCH_COLLECTION", "collection");
	ck_assert_uint_eq(fixture_collection("demo").positives, 5);
	ck_assert_uint_eq(fixture_collection("demo").revision, 3);
}
END_TEST

START_TEST(what_is_read_together_is_of_one_moment)
{
	const char *const ids[] = {"q1"};
	struct query_row before, after;
	sqlite3 *reader;

	put_some();
	ck_ok(database_read(db, &reader, &err), &err);
	put_positives(c.id, POSITIVES(positive("q1", "a", 1)));
	put_queries(c.id, QUERIES(query("q1", "changed")));
	ck_ok(queries_load(reader, c.id, ids, 1, &arena, &before, &err), &err);
	ck_assert_uint_eq(before.n_positives, 0);
	ck_assert_ptr_null(before.text);
	database_read_done(db, reader);
	load(ids, 1, &after);
	ck_assert_uint_eq(after.n_positives, 1);
	ck_assert_str_eq(after.text, "changed");
}
END_TEST

enum { READERS = 12, ROUNDS = 60 }; /* more readers than connections */

static atomic_bool written;

/* Both queries say the same at any one moment. */
static void *compare(void *arg)
{
	const char *const ids[] = {"q1", "q2"};
	struct query_row rows[2];
	struct arena mine;
	struct error e;
	sqlite3 *reader;

	(void)arg;
	while (!written) {
		arena_init(&mine, 1 << 20);
		ck_ok(database_read(db, &reader, &e), &e);
		ck_ok(queries_load(reader, c.id, &ids[0], 1, &mine, &rows[0], &e), &e);
		ck_ok(queries_load(reader, c.id, &ids[1], 1, &mine, &rows[1], &e), &e);
		database_read_done(db, reader);
		ck_assert_str_eq(rows[0].text, rows[1].text);
		ck_assert_uint_eq(rows[0].n_positives, rows[1].n_positives);
		arena_free(&mine);
	}
	return NULL;
}

START_TEST(readers_see_whole_writes_while_a_writer_writes)
{
	pthread_t threads[READERS];

	put_queries(c.id, QUERIES(query("q1", "0"), query("q2", "0")));
	for (int i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, compare, NULL), 0);
	for (int i = 1; i < ROUNDS; i++) {
		const char *text = arena_printf(&arena, "%d", i);
		put_documents(c.id, DOCUMENTS(document(text, NULL, NULL, NULL)));
		put_queries(c.id, QUERIES(query("q1", text), query("q2", text)));
		put_positives(c.id, POSITIVES(positive("q1", text, 1), positive("q2", text, 1)));
	}
	written = true;
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(fixture_collection("demo").positives, 2 * (ROUNDS - 1));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("queries");
	TCase *t = tcase_create("queries");

	tcase_add_checked_fixture(t, setup, fixture_teardown);
	tcase_add_test(t, queries_come_back_with_their_positives_by_document_id);
	tcase_add_test(t, queries_are_paged_by_number);
	tcase_add_test(t, upserted_queries_are_counted_and_raise_only_the_revision);
	tcase_add_test(t, bad_queries_are_refused_by_path);
	tcase_add_test(t, positives_are_counted_and_regraded);
	tcase_add_test(t, the_largest_grade_is_kept_and_an_absent_one_is_one);
	tcase_add_test(t, bad_positives_are_refused_by_path_and_whole);
	tcase_add_test(t, what_is_read_together_is_of_one_moment);
	tcase_add_test(t, readers_see_whole_writes_while_a_writer_writes);
	suite_add_tcase(s, t);
	return s;
}
