/* A corpus that follows another is as one that is built at once, whatever was uploaded in between. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/corpus.h"
#include "tests/storage/corpus_same.h"
#include "tests/storage/patience.h"

static void setup(void)
{
	struct collection c;

	fixture_setup();
	ck_ok(collection_create(db, "other", &c, &err), &err);
	ck_ok(collection_create(db, "demo", &c, &err), &err);
	put_documents(fixture_collection("other").id, DOCUMENTS(document("x", NULL, "a b", "g")));
}

static enum code build(const struct corpus *before, struct stop *stop, struct corpus **out)
{
	struct collection demo = fixture_collection("demo");

	struct corpus_from from = {.before = before};

	return corpus_build(db, demo.id, demo.documents_revision, &from, stop, out, &err);
}

static struct corpus *built(const struct corpus *before)
{
	struct corpus *c = NULL;

	ck_ok(build(before, NULL, &c), &err);
	return c;
}

START_TEST(random_uploads)
{
	struct corpus *now = NULL, *first = NULL, *copy = NULL;

	upload_seed((uint64_t)_i);
	for (int step = 0; step < 30; step++) {
		upload(_i % 3 ? 6 : 60);
		if (upload_below(3) == 0)
			continue; /* two at once, the next time */
		struct corpus *next = built(now), *whole = built(NULL);
		ck_same_corpus(next, whole);
		ck_assert(bm25_at_once(whole->bm25));
		if (!first) {
			first = corpus_acquire(next);
			copy = corpus_acquire(whole);
		}
		corpus_release(now);
		corpus_release(whole);
		now = next;
	}
	/* who holds the first sees what it was */
	ck_same_corpus(first, copy);
	corpus_release(now);
	corpus_release(first);
	corpus_release(copy);
}
END_TEST

START_TEST(words_that_only_moved_or_stayed_leave_the_index_as_it_was)
{
	int64_t demo = fixture_collection("demo").id;
	struct corpus *first, *next, *last;

	put_documents(
		demo, DOCUMENTS(document("p", "red fox", "ran", NULL),
			      document("q", NULL, "hens", "g"), document("r", NULL, "x", NULL)));
	first = built(NULL);
	put_documents(demo, DOCUMENTS(document("p", "red", "fox  RAN", NULL),
				    document("q", NULL, "hens", "h")));
	next = built(first);
	ck_assert(bm25_at_once(next->bm25));
	uint32_t found;
	ck_assert_uint_eq(
		corpus_same_content(next, content_of(NULL, "fox ran").text, &found, 1), 1);
	ck_assert_uint_eq(corpus_same_content(next, content_of(NULL, "ran").text, &found, 1), 0);
	ck_assert_uint_eq(next->group[1], corpus_group(next, "h"));
	put_documents(demo, DOCUMENTS(document("q", NULL, "cocks", "h")));
	last = built(next);
	ck_assert(!bm25_at_once(last->bm25));
	ck_same_answers(last, last, "cocks");
	corpus_release(first);
	corpus_release(next);
	corpus_release(last);
}
END_TEST

static enum code note(void *arg, const struct document_row *row, struct error *e)
{
	char *list = arg;

	(void)e;
	sprintf(list + strlen(list), "%u:%s ", row->number, row->text);
	return OK;
}

/* Numbers and texts of what was replaced after a revision, below a number. */
static const char *replaced(int64_t collection, uint32_t end, uint64_t since)
{
	static char list[256];
	sqlite3 *reader;

	list[0] = 0;
	ck_ok(database_read(db, &reader, &err), &err);
	ck_ok(documents_replaced(reader, collection, end, since, note, list, &err), &err);
	database_read_done(db, reader);
	return list;
}

START_TEST(what_was_replaced_is_read_and_nothing_else)
{
	int64_t demo = fixture_collection("demo").id, other = fixture_collection("other").id;

	put_documents(
		demo, DOCUMENTS(document("p", NULL, "1", NULL), document("q", NULL, "1", NULL),
			      document("r", NULL, "1", NULL), document("s", NULL, "1", NULL)));
	ck_assert_uint_eq(fixture_collection("demo").documents_revision, 1);
	ck_assert_str_eq(replaced(demo, 4, 0), "");
	put_documents(
		demo, DOCUMENTS(document("r", NULL, "2", NULL), document("q", NULL, "1", NULL),
			      document("p", NULL, "2", NULL), document("t", NULL, "2", NULL)));
	ck_assert_str_eq(replaced(demo, 4, 1), "0:2 2:2 ");
	ck_assert_str_eq(replaced(demo, 2, 1), "0:2 ");
	put_documents(
		demo, DOCUMENTS(document("r", NULL, "3", NULL), document("t", NULL, "3", NULL)));
	ck_assert_str_eq(replaced(demo, 5, 1), "0:2 2:3 4:3 ");
	ck_assert_str_eq(replaced(demo, 5, 2), "2:3 4:3 ");
	ck_assert_str_eq(replaced(demo, 5, 3), "");
	ck_assert_str_eq(replaced(other, 5, 0), "");
	fixture_reopen();
	ck_assert_str_eq(replaced(demo, 5, 2), "2:3 4:3 ");
	ck_ok(collection_delete(db, "demo", &demo, &err), &err);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM document_changes"), 0);
}
END_TEST

static Pb__Document *with_metadata(Pb__Document *d, const char *metadata)
{
	d->metadata = (char *)metadata;
	return d;
}

/* What no corpus holds is written, and no corpus is made anew for it. */
START_TEST(metadata_and_white_space_change_no_corpus)
{
	int64_t demo = fixture_collection("demo").id;
	Pb__Document *p = document("p", "Red", "fox", "g"), *q = document("q", NULL, NULL, NULL);
	struct upsert_counts counts;
	Pb__Document stored;

	put_documents(demo, DOCUMENTS(p, q));
	uint64_t revision = fixture_collection("demo").documents_revision;
	Pb__Document *again[] = {with_metadata(document("p", "red", " FOX", "g"), "{}"),
		with_metadata(document("q", NULL, NULL, NULL), "[1]")};
	ck_ok(documents_upsert(db, demo, again, 2, &counts, &err), &err);
	ck_assert_uint_eq(counts.updated, 2);
	ck_ok(document_get(db, demo, "p", &arena, &stored, &err), &err);
	ck_assert_str_eq(stored.metadata, "{}");
	ck_assert_str_eq(stored.text, " FOX");
	ck_assert_uint_eq(fixture_collection("demo").documents_revision, revision);
	ck_assert_str_eq(replaced(demo, 2, 0), "");
	/* what a corpus does hold */
	again[0]->group = "h";
	ck_ok(documents_upsert(db, demo, again, 2, &counts, &err), &err);
	ck_assert_uint_eq(counts.updated, 1);
	ck_assert_uint_eq(fixture_collection("demo").documents_revision, revision + 1);
	again[0]->title = "";
	again[0]->text = "red fox";
	ck_ok(documents_upsert(db, demo, again, 2, &counts, &err), &err);
	ck_assert_uint_eq(fixture_collection("demo").documents_revision, revision + 2);
	ck_assert_str_eq(replaced(demo, 2, revision + 1), "0:red fox ");
}
END_TEST

START_TEST(following_stops_when_told)
{
	struct corpus *first, *c = NULL;
	struct patience none = {0, 0};
	struct stop stop = {.given_up = patience_is_over, .arg = &none};

	upload(20);
	first = built(NULL);
	upload(20);
	ck_refused(build(first, &stop, &c), &err, CANCELLED, "CANCELLED");
	ck_assert_ptr_null(c);
	corpus_release(first);
}
END_TEST

/* At every row, and then while all is sorted and indexed. */
START_TEST(following_stops_wherever_it_is_told)
{
	struct corpus *first, *c = NULL, *whole;
	struct patience patience = {0, 0};

	for (int i = 0; i < 20; i++)
		upload(60);
	first = built(NULL);
	upload(60);
	for (;; patience.most++) {
		struct stop stop = {.given_up = patience_is_over, .arg = &patience};
		patience.asked = 0;
		if (!build(first, &stop, &c))
			break;
		ck_assert_int_eq(err.code, CANCELLED);
		ck_assert_ptr_null(c);
		ck_assert_uint_eq(patience.asked, patience.most + 1);
	}
	ck_assert_uint_ge(patience.asked, 1);
	whole = built(NULL);
	ck_same_corpus(c, whole);
	corpus_release(first);
	corpus_release(whole);
	corpus_release(c);
}
END_TEST

/* Lists as long as the collection are gone through by steps as well: ids and their order once, hashes and
 * numbers twice, of documents that all say something. */
START_TEST(following_a_large_corpus_asks_on_the_way)
{
	enum { MANY = 25000, TOGETHER = 1000 };
	int64_t demo = fixture_collection("demo").id;
	struct patience forever = {0, SIZE_MAX};
	struct stop stop = {.given_up = patience_is_over, .arg = &forever};
	struct corpus *first, *next = NULL;

	for (int i = 0; i < MANY / TOGETHER; i++) {
		Pb__Document *documents[TOGETHER];
		for (int d = 0; d < TOGETHER; d++)
			documents[d] = document(arena_printf(&arena, "%d", i * TOGETHER + d),
				"title", "text", NULL);
		put_documents(demo, documents, TOGETHER);
	}
	first = built(NULL);
	put_documents(demo, DOCUMENTS(document("new", NULL, "x", NULL)));
	ck_ok(build(first, &stop, &next), &err);
	ck_assert_uint_eq(next->n, MANY + 1);
	ck_assert_uint_ge(forever.asked, 5 * MANY / STOP_EVERY);
	corpus_release(first);
	corpus_release(next);
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(every_failing_step_of_following_is_an_error)
{
	struct corpus *first, *c = NULL, *whole;
	struct collection demo;
	long steps = 0;

	upload(40);
	first = built(NULL);
	upload(40);
	demo = fixture_collection("demo");
	for (;; steps++) {
		fault_arm(steps);
		struct corpus_from from = {.before = first};
		enum code code =
			corpus_build(db, demo.id, demo.documents_revision, &from, NULL, &c, &err);
		if (!fault_fired())
			break;
		ck_assert_int_ne(code, OK);
		ck_assert_ptr_null(c);
	}
	fault_arm(-1);
	ck_assert_int_gt(steps, 40);
	whole = built(NULL);
	ck_same_corpus(c, whole);
	corpus_release(first);
	corpus_release(whole);
	corpus_release(c);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("corpus_updates");
	TCase *t = tcase_create("corpus_updates");

	tcase_add_checked_fixture(t, setup, fixture_teardown);
	tcase_add_loop_test(t, random_uploads, 0, 12);
	tcase_add_test(t, words_that_only_moved_or_stayed_leave_the_index_as_it_was);
	tcase_add_test(t, what_was_replaced_is_read_and_nothing_else);
	tcase_add_test(t, metadata_and_white_space_change_no_corpus);
	tcase_add_test(t, following_stops_when_told);
	tcase_add_test(t, following_stops_wherever_it_is_told);
	tcase_add_test(t, following_a_large_corpus_asks_on_the_way);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, every_failing_step_of_following_is_an_error);
#endif
	suite_add_tcase(s, t);
	return s;
}
