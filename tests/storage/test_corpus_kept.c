/*
 * A corpus that begins with an index from a file is as one that is built at once of all texts, whatever the
 * file is of; and no text is read of which the file has the words.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/fault.h"
#include "tests/storage/corpus_same.h"
#include "tests/storage/patience.h"

static char path[PATH_MAX];

static void setup(void)
{
	struct collection c;

	fixture_setup();
	snprintf(path, sizeof path, "%s/kept", dir);
	ck_ok(collection_create(db, "other", &c, &err), &err);
	ck_ok(collection_create(db, "demo", &c, &err), &err);
}

static enum code build_of(
	const char *name, const struct corpus_from *from, struct stop *stop, struct corpus **out)
{
	struct collection row = fixture_collection(name);

	return corpus_build(db, row.id, row.documents_revision, from, stop, out, &err);
}

static struct corpus *built_from(struct corpus_from from)
{
	struct corpus *c = NULL;

	ck_ok(build_of("demo", &from, NULL, &c), &err);
	return c;
}

static struct corpus *whole(void)
{
	return built_from((struct corpus_from){.at_once = true});
}

static struct corpus *kept(void)
{
	return built_from((struct corpus_from){.kept = path});
}

static void keep(const struct corpus *c)
{
	ck_ok(corpus_keep(c, path, NULL, &err), &err);
}

/* How many documents say something else than they did, or did not say anything. */
static uint32_t changes(const struct corpus *was, const struct corpus *is)
{
	uint32_t n = is->n - was->n;

	for (uint32_t d = 0; d < was->n; d++)
		n += memcmp(&was->content[d].whole, &is->content[d].whole,
			     sizeof is->content[d].whole) != 0;
	return n;
}

/* Documents that come and change between files, and many of them between a file and its reading. */
START_TEST(random_uploads)
{
	struct corpus *written = NULL, *now = NULL;
	uint32_t followed = 0;

	upload_seed((uint64_t)_i);
	for (int step = 0; step < 25; step++) {
		upload(_i % 3 ? 6 : 60);
		struct corpus *want = whole();
		struct corpus *got = kept();
		ck_same_corpus(got, want);
		ck_assert_uint_eq(got->indexed, written ? changes(written, want) : want->n);
		ck_assert_int_eq(got->made_anew == NULL, written != NULL);
		followed += written && got->indexed;
		corpus_release(now);
		now = got;
		if (upload_below(3) == 0) { /* of an index that follows one, of a file too */
			keep(now);
			corpus_release(written);
			written = corpus_acquire(now);
		}
		corpus_release(want);
	}
	ck_assert_uint_gt(followed, 5);
	corpus_release(written);
	corpus_release(now);
}
END_TEST

static void put_two(void)
{
	put_documents(fixture_collection("demo").id,
		DOCUMENTS(document("p", "red fox", "ran", NULL), document("q", NULL, "hens", "g")));
}

static void keep_two(void)
{
	put_two();
	struct corpus *c = whole();
	keep(c);
	corpus_release(c);
}

static enum code poison(sqlite3 *writer, void *arg, struct error *e)
{
	(void)arg;
	(void)e;
	ck_assert_int_eq(sqlite3_exec(writer, "UPDATE documents SET title = NULL, text = 'poison'",
				 NULL, NULL, NULL),
		SQLITE_OK);
	return OK;
}

START_TEST(no_text_is_read_when_nothing_changed)
{
	keep_two();
	struct corpus *was = whole();
	ck_ok(database_write(db, poison, NULL, &err), &err);
	struct corpus *c = kept();
	ck_assert_uint_eq(c->indexed, 0);
	ck_assert_ptr_null(c->made_anew);
	ck_assert(bm25_at_once(c->bm25));
	ck_same_answers(c, was, "red hens poison");
	ck_same_corpus(c, was);
	corpus_release(c);
	corpus_release(was);
}
END_TEST

/* What only moved, or has another group, says the same. */
START_TEST(what_says_the_same_is_not_read)
{
	keep_two();
	put_documents(
		fixture_collection("demo").id, DOCUMENTS(document("p", "red", "fox  RAN", NULL),
						       document("q", NULL, "hens", "h")));
	struct corpus *c = kept(), *want = whole();
	ck_assert_uint_eq(c->indexed, 0);
	ck_same_corpus(c, want);
	ck_assert_uint_eq(c->group[1], corpus_group(c, "h"));
	corpus_release(c);
	corpus_release(want);
}
END_TEST

/* As a backup that was restored, or a crash, leaves it: the file is of what came after. */
START_TEST(a_file_of_more_documents_is_of_no_use)
{
	int64_t other = fixture_collection("other").id;
	struct corpus *c = NULL, *want;

	put_documents(other,
		DOCUMENTS(document("p", "red fox", "ran", NULL), document("q", NULL, "hens", NULL),
			document("r", NULL, "later", NULL)));
	ck_ok(build_of("other", NULL, NULL, &c), &err);
	keep(c);
	put_two();
	corpus_release(c);
	c = kept();
	want = whole();
	ck_same_corpus(c, want);
	ck_same_answers(c, want, "later");
	ck_assert_uint_eq(c->indexed, 2);
	ck_assert_str_eq(c->made_anew, "Its file is of documents that are not there.");
	corpus_release(c);
	corpus_release(want);
}
END_TEST

/* Also of another collection, or of a state that was taken back. */
START_TEST(a_file_of_other_documents_answers_for_none_of_them)
{
	int64_t other = fixture_collection("other").id;
	struct corpus *c = NULL, *want;

	put_documents(other,
		DOCUMENTS(document("x", "secret", NULL, NULL), document("y", NULL, "hens", NULL)));
	ck_ok(build_of("other", NULL, NULL, &c), &err);
	keep(c);
	corpus_release(c);
	put_two();
	c = kept();
	want = whole();
	ck_same_corpus(c, want);
	ck_same_answers(c, want, "secret red");
	ck_assert_uint_eq(c->indexed, 1); /* both say hens under that number */
	struct bm25_query *q = bm25_query(c->bm25, "secret");
	ck_assert(bm25_score(c->bm25, q, 0) == 0);
	bm25_query_free(q);
	corpus_release(c);
	corpus_release(want);
}
END_TEST

/* An encoder has the same bytes of it each time. */
START_TEST(at_once_it_is_taken_only_if_it_was_built_so_and_nothing_changed)
{
	const struct corpus_from from = {.kept = path, .at_once = true};
	struct corpus *c;

	keep_two();
	c = built_from(from);
	ck_assert(c->indexed == 0 && bm25_at_once(c->bm25));
	corpus_release(c);
	put_documents(fixture_collection("demo").id, DOCUMENTS(document("q", NULL, "cocks", NULL)));
	c = built_from(from);
	ck_assert(c->indexed == 2 && bm25_at_once(c->bm25) && !c->made_anew);
	corpus_release(c);
	put_documents(fixture_collection("demo").id,
		DOCUMENTS(document("q", NULL, "hens", NULL), document("r", NULL, "x", NULL)));
	c = built_from(from);
	ck_assert(c->indexed == 3 && bm25_at_once(c->bm25));
	corpus_release(c);
	c = kept();
	ck_assert(c->indexed == 1 && !bm25_at_once(c->bm25));
	keep(c);
	corpus_release(c);
	c = built_from(from);
	ck_assert(c->indexed == 3 && bm25_at_once(c->bm25));
	corpus_release(c);
}
END_TEST

START_TEST(what_is_damaged_or_missing_is_made_anew)
{
	struct corpus *c, *want;

	keep_two();
	want = whole();
	flip_byte(path, 200);
	c = kept();
	ck_assert_str_eq(
		c->made_anew, "Its file is damaged or of another version, or cannot be read.");
	ck_assert_uint_eq(c->indexed, 2);
	ck_same_corpus(c, want);
	corpus_release(c);
	unlink(path);
	c = kept();
	ck_assert_str_eq(c->made_anew, "It has no file yet.");
	ck_same_corpus(c, want);
	corpus_release(c);
	corpus_release(want);
}
END_TEST

START_TEST(an_empty_collection_is_kept_too)
{
	struct corpus *c = whole(), *next;

	keep(c);
	corpus_release(c);
	c = kept();
	ck_assert(c->n == 0 && !c->made_anew);
	corpus_release(c);
	put_two();
	c = kept();
	next = whole();
	ck_assert_uint_eq(c->indexed, 2);
	ck_same_corpus(c, next);
	corpus_release(c);
	corpus_release(next);
}
END_TEST

/* Some are in the file as they are, some have changed, some came. */
static void keep_some(void)
{
	for (int i = 0; i < 10; i++)
		upload(60);
	struct corpus *c = whole();
	keep(c);
	corpus_release(c);
	upload(40);
}

START_TEST(it_stops_wherever_it_is_told)
{
	const struct corpus_from from = {.kept = path};
	struct patience patience = {0, 0};
	struct corpus *c = NULL, *want;

	keep_some();
	for (;; patience.most++) {
		struct stop stop = {.given_up = patience_is_over, .arg = &patience};
		patience.asked = 0;
		if (!build_of("demo", &from, &stop, &c))
			break;
		ck_assert_int_eq(err.code, CANCELLED);
		ck_assert_ptr_null(c);
		ck_assert_uint_eq(patience.asked, patience.most + 1);
	}
	want = whole();
	ck_assert_uint_gt(patience.asked, want->n); /* each row, and each text */
	ck_same_corpus(c, want);
	corpus_release(c);
	corpus_release(want);
}
END_TEST

#ifdef HARDMINER_FAULTS
/* It fails, or all is made of the texts, which is told. */
START_TEST(any_step_may_fail)
{
	const struct corpus_from from = {.kept = path};
	struct corpus *c = NULL, *want;
	long steps = 0, failed = 0, anew = 0;
	bool fired;

	keep_some();
	want = whole();
	struct collection demo = fixture_collection("demo");
	do {
		fault_arm(steps++);
		enum code rc =
			corpus_build(db, demo.id, demo.documents_revision, &from, NULL, &c, &err);
		fired = fault_fired();
		fault_arm(-1);
		failed += rc != OK;
		if (rc) {
			ck_assert(fired);
			ck_assert_ptr_null(c);
			continue;
		}
		ck_same_corpus(c, want);
		ck_assert_int_eq(c->made_anew != NULL, fired);
		ck_assert_int_eq(c->indexed == c->n, fired);
		anew += fired;
		c = corpus_release(c);
	} while (fired);
	ck_assert_int_gt(failed, 40);
	ck_assert_int_gt(anew, 30);
	corpus_release(want);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("corpus_kept");
	TCase *t = tcase_create("corpus_kept");

	tcase_add_checked_fixture(t, setup, fixture_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, random_uploads, 0, 12);
	tcase_add_test(t, no_text_is_read_when_nothing_changed);
	tcase_add_test(t, what_says_the_same_is_not_read);
	tcase_add_test(t, a_file_of_more_documents_is_of_no_use);
	tcase_add_test(t, a_file_of_other_documents_answers_for_none_of_them);
	tcase_add_test(t, at_once_it_is_taken_only_if_it_was_built_so_and_nothing_changed);
	tcase_add_test(t, what_is_damaged_or_missing_is_made_anew);
	tcase_add_test(t, an_empty_collection_is_kept_too);
	tcase_add_test(t, it_stops_wherever_it_is_told);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, any_step_may_fail);
#endif
	suite_add_tcase(s, t);
	return s;
}
