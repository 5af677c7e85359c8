#include "tests/storage/rows/fixture.h"

#include <stdio.h>
#include <string.h>

#include "proto/limits.h"

static struct collection c;
static struct upsert_counts counts;

static void setup(void)
{
	fixture_setup();
	ck_ok(collection_create(db, "demo", &c, &err), &err);
}

START_TEST(a_document_comes_back_as_it_was_given)
{
	Pb__Document *d = document("d1", "A title", "Some t\xc3\xa9xt", "g"), got;

	d->metadata = "{\"a\": 1}";
	ck_counts(put_documents(c.id, DOCUMENTS(d, document("d2", NULL, NULL, NULL))), 2, 0, 0, 1);
	ck_ok(document_get(db, c.id, "d1", &arena, &got, &err), &err);
	ck_assert_str_eq(got.id, "d1");
	ck_assert_str_eq(got.title, d->title);
	ck_assert_str_eq(got.text, d->text);
	ck_assert_str_eq(got.group, "g");
	ck_assert_str_eq(got.metadata, d->metadata);
	ck_ok(document_get(db, c.id, "d2", &arena, &got, &err), &err);
	ck_assert_ptr_null(got.title);
	ck_assert_ptr_null(got.text);
	ck_assert_ptr_null(got.group);
	ck_assert_ptr_null(got.metadata);
	ck_assert_ptr_eq(got.base.descriptor, &pb__document__descriptor);
}
END_TEST

START_TEST(a_document_that_is_not_there_is_not_found)
{
	Pb__Document got;

	ck_refused_at(document_get(db, c.id, "d1", &arena, &got, &err), NOT_FOUND,
		"NO_SUCH_DOCUMENT", "id");
	ck_refused_at(document_get(db, c.id, NULL, &arena, &got, &err), INVALID_ARGUMENT,
		"MISSING_FIELD", "id");
	put_documents(c.id, DOCUMENTS(document("d1", NULL, "x", NULL)));
	ck_refused(document_get(db, c.id + 1, "d1", &arena, &got, &err), &err, NOT_FOUND,
		"NO_SUCH_DOCUMENT");
}
END_TEST

START_TEST(upserts_count_what_they_did_and_raise_the_revision_once)
{
	put_documents(c.id, DOCUMENTS(document("a", "t", "x", "g"), document("b", 0, "y", 0)));
	ck_counts(put_documents(c.id, DOCUMENTS(document("c", 0, "z", 0), document("b", 0, "Y", 0),
					      document("a", "t", "x", "g"))),
		1, 1, 1, 2);
	struct collection now = fixture_collection("demo");
	ck_assert_uint_eq(now.documents, 3);
	ck_assert_uint_eq(now.revision, 2);
	ck_assert_uint_eq(now.documents_revision, 2);
}
END_TEST

START_TEST(an_upsert_that_changes_nothing_leaves_the_revision)
{
	put_documents(c.id, DOCUMENTS(document("a", "t", "x", "")));
	ck_counts(put_documents(c.id, DOCUMENTS(document("a", "t", "x", NULL))), 0, 0, 1, 1);
	ck_counts(put_documents(c.id, NULL, 0), 0, 0, 0, 1);
	ck_assert_uint_eq(fixture_collection("demo").revision, 1);
	ck_assert_uint_eq(fixture_collection("demo").documents_revision, 1);
}
END_TEST

START_TEST(each_field_alone_makes_a_change)
{
	Pb__Document *d = document("a", "t", "x", "g");
	const char **fields[] = {&d->title, &d->text, &d->group, &d->metadata};

	put_documents(c.id, &d, 1);
	for (size_t i = 0; i < 4; i++) {
		*fields[i] = "other";
		ck_counts(put_documents(c.id, &d, 1), 0, 1, 0, 2 + 2 * i);
		*fields[i] = NULL;
		ck_counts(put_documents(c.id, &d, 1), 0, 1, 0, 3 + 2 * i);
	}
}
END_TEST

START_TEST(bad_documents_are_refused_by_path)
{
	static const struct {
		const char *id, *reason;
	} cases[] = {{NULL, "MISSING_FIELD"}, {"", "MISSING_FIELD"}, {"long", "TOO_LONG"}};

	for (size_t i = 0; i < 3; i++) {
		const char *id = i == 2 ? xs(LIMIT_ID_BYTES + 1) : cases[i].id;
		counts.created = 77;
		ck_refused_at(documents_upsert(db, c.id,
				      DOCUMENTS(document("a", 0, 0, 0), document(id, 0, 0, 0)),
				      &counts, &err),
			INVALID_ARGUMENT, cases[i].reason, "documents[1].id");
		ck_assert_uint_eq(counts.created, 77);
	}
	ck_assert_uint_eq(fixture_collection("demo").documents, 0);
}
END_TEST

START_TEST(every_text_has_its_limit_to_the_byte)
{
	Pb__Document *d = document(xs(LIMIT_ID_BYTES), NULL, NULL, NULL);
	const struct {
		const char **field, *path;
		size_t limit;
	} cases[] = {
		{&d->group, "documents[0].group", LIMIT_ID_BYTES},
		{&d->title, "documents[0].title", LIMIT_TEXT_BYTES},
		{&d->text, "documents[0].text", LIMIT_TEXT_BYTES},
		{&d->metadata, "documents[0].metadata", LIMIT_TEXT_BYTES},
	};

	for (size_t i = 0; i < 4; i++) {
		*cases[i].field = xs(cases[i].limit + 1);
		ck_refused_at(documents_upsert(db, c.id, &d, 1, &counts, &err), INVALID_ARGUMENT,
			"TOO_LONG", cases[i].path);
		*cases[i].field = xs(cases[i].limit);
		put_documents(c.id, &d, 1);
	}
}
END_TEST

START_TEST(an_id_twice_in_a_request_is_refused_at_the_later_one)
{
	ck_refused_at(documents_upsert(db, c.id,
			      DOCUMENTS(document("b", 0, 0, 0), document("a", 0, 0, 0),
				      document("c", 0, 0, 0), document("a", 0, 0, 0)),
			      &counts, &err),
		INVALID_ARGUMENT, "DUPLICATE_ID", "documents[3].id");
	ck_assert_ptr_nonnull(strstr(err.text, "documents[1]"));
	ck_assert_uint_eq(fixture_collection("demo").documents, 0);
}
END_TEST

START_TEST(too_many_at_once_are_refused_with_the_limit)
{
	Pb__Document **none = arena_array(&arena, LIMIT_ITEMS + 1, sizeof *none);

	ck_refused_at(documents_upsert(db, c.id, none, LIMIT_ITEMS + 1, &counts, &err),
		INVALID_ARGUMENT, "LIMIT_EXCEEDED", "documents");
	ck_assert_ptr_nonnull(strstr(err.text, "100000"));
}
END_TEST

START_TEST(documents_for_a_collection_that_is_gone_are_refused)
{
	int64_t id;

	ck_ok(collection_delete(db, "demo", &id, &err), &err);
	ck_refused_at(documents_upsert(db, c.id, DOCUMENTS(document("a", 0, 0, 0)), &counts, &err),
		NOT_FOUND, "NO_SUCH_COLLECTION", "collection");
}
END_TEST

struct seen {
	uint32_t numbers[8];
	char ids[8][8], texts[8][8], groups[8][8];
	struct content content[8];
	size_t n, stop_after;
};

static enum code see(void *arg, const struct document_row *row, struct error *e)
{
	struct seen *seen = arg;
	size_t i = seen->n++;

	seen->numbers[i] = row->number;
	snprintf(seen->ids[i], 8, "%s", row->id);
	snprintf(seen->texts[i], 8, "%s|%s", row->title ? row->title : "-",
		row->text ? row->text : "-");
	snprintf(seen->groups[i], 8, "%s", row->group ? row->group : "-");
	seen->content[i] = row->content;
	if (seen->n == seen->stop_after)
		return error_set(e, CANCELLED, "STOPPED", "Enough.");
	return OK;
}

static enum code each(uint32_t first, bool with_text, struct seen *seen)
{
	sqlite3 *reader;

	ck_ok(database_read(db, &reader, &err), &err);
	enum code rc = documents_each(reader, c.id, first, with_text, see, seen, &err);
	database_read_done(db, reader);
	return rc;
}

static void put_three(void)
{
	struct collection other;

	ck_ok(collection_create(db, "other", &other, &err), &err);
	put_documents(other.id, DOCUMENTS(document("z", 0, "other", 0)));
	put_documents(c.id, DOCUMENTS(document("z", "t", "x", "g"), document("a", 0, "y", "")));
	put_documents(c.id, DOCUMENTS(document("a", 0, "Y", 0), document("m", "T", 0, 0)));
}

START_TEST(documents_are_numbered_in_order_of_arrival)
{
	struct seen seen = {0};

	put_three();
	ck_ok(each(0, true, &seen), &err);
	ck_assert_uint_eq(seen.n, 3);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_uint_eq(seen.numbers[i], i);
	ck_assert_str_eq(seen.ids[0], "z");
	ck_assert_str_eq(seen.ids[1], "a");
	ck_assert_str_eq(seen.ids[2], "m");
	ck_assert_str_eq(seen.texts[0], "t|x");
	ck_assert_str_eq(seen.texts[1], "-|Y");
	ck_assert_str_eq(seen.texts[2], "T|-");
	ck_assert_str_eq(seen.groups[0], "g");
	ck_assert_str_eq(seen.groups[1], "-");
}
END_TEST

START_TEST(a_scan_brings_the_contents_hashes_with_and_without_text)
{
	struct seen with = {0}, without = {0};
	struct content want[] = {
		content_of("t", "x"), content_of(NULL, "Y"), content_of("T", NULL)};

	put_three();
	ck_ok(each(0, true, &with), &err);
	ck_ok(each(0, false, &without), &err);
	ck_assert_str_eq(without.texts[0], "-|-");
	ck_assert_int_eq(memcmp(with.content, want, sizeof want), 0);
	ck_assert_int_eq(memcmp(without.content, want, sizeof want), 0);
}
END_TEST

START_TEST(a_scan_begins_where_it_is_told_and_stops_when_it_is_told)
{
	struct seen seen = {0}, stopped = {.stop_after = 2};

	put_three();
	ck_ok(each(1, false, &seen), &err);
	ck_assert_uint_eq(seen.n, 2);
	ck_assert_uint_eq(seen.numbers[0], 1);
	ck_refused(each(0, true, &stopped), &err, CANCELLED, "STOPPED");
	ck_assert_uint_eq(stopped.n, 2);
	seen.n = 0;
	ck_ok(each(3, false, &seen), &err);
	ck_assert_uint_eq(seen.n, 0);
}
END_TEST

START_TEST(texts_are_title_blank_text)
{
	const uint32_t numbers[] = {2, 0, 1, 3, 0};
	const char *texts[5];
	sqlite3 *reader;

	put_three();
	put_documents(c.id, DOCUMENTS(document("n", 0, 0, 0), document("o", "", "only", 0),
				    document("p", "title", "", 0)));
	ck_ok(database_read(db, &reader, &err), &err);
	ck_ok(documents_texts(reader, c.id, numbers, 5, &arena, texts, &err), &err);
	ck_assert_str_eq(texts[0], "T");
	ck_assert_str_eq(texts[1], "t x");
	ck_assert_str_eq(texts[2], "Y");
	ck_assert_str_eq(texts[3], "");
	ck_assert_str_eq(texts[4], "t x");
	ck_ok(documents_texts(reader, c.id, (uint32_t[]){4, 5}, 2, &arena, texts, &err), &err);
	ck_assert_str_eq(texts[0], "only");
	ck_assert_str_eq(texts[1], "title");
	ck_refused(documents_texts(reader, c.id, (uint32_t[]){6}, 1, &arena, texts, &err), &err,
		NOT_FOUND, "NO_SUCH_COLLECTION");
	database_read_done(db, reader);
}
END_TEST

START_TEST(documents_are_there_after_a_restart)
{
	struct seen seen = {0};

	put_three();
	fixture_reopen();
	ck_ok(each(0, false, &seen), &err);
	ck_assert_uint_eq(seen.n, 3);
	ck_counts(put_documents(c.id, DOCUMENTS(document("new", 0, 0, 0))), 1, 0, 0, 3);
	seen.n = 0;
	ck_ok(each(3, false, &seen), &err);
	ck_assert_str_eq(seen.ids[0], "new");
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("documents");
	TCase *t = tcase_create("documents");

	tcase_add_checked_fixture(t, setup, fixture_teardown);
	tcase_add_test(t, a_document_comes_back_as_it_was_given);
	tcase_add_test(t, a_document_that_is_not_there_is_not_found);
	tcase_add_test(t, upserts_count_what_they_did_and_raise_the_revision_once);
	tcase_add_test(t, an_upsert_that_changes_nothing_leaves_the_revision);
	tcase_add_test(t, each_field_alone_makes_a_change);
	tcase_add_test(t, bad_documents_are_refused_by_path);
	tcase_add_test(t, every_text_has_its_limit_to_the_byte);
	tcase_add_test(t, an_id_twice_in_a_request_is_refused_at_the_later_one);
	tcase_add_test(t, too_many_at_once_are_refused_with_the_limit);
	tcase_add_test(t, documents_for_a_collection_that_is_gone_are_refused);
	tcase_add_test(t, documents_are_numbered_in_order_of_arrival);
	tcase_add_test(t, a_scan_brings_the_contents_hashes_with_and_without_text);
	tcase_add_test(t, a_scan_begins_where_it_is_told_and_stops_when_it_is_told);
	tcase_add_test(t, texts_are_title_blank_text);
	tcase_add_test(t, documents_are_there_after_a_restart);
	suite_add_tcase(s, t);
	return s;
}
