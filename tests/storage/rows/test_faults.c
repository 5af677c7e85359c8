/*
 * Every operation with its n-th step failing, for n = 0, 1, 2 ... until it no longer gets there: it
 * fails with an error and nothing of it is there, or it is done and all of it is there.
 */
#include "tests/storage/rows/fixture.h"

#include <string.h>

#include "proto/fault.h"
#include "storage/rows/generations.h"
#include "storage/rows/jobs.h"
#include "storage/rows/mined_sets.h"
#include "tests/storage/rows/disk.h"

static struct collection c;
static struct arena scratch;
static Pb__MineCollectionRequest mine = PB__MINE_COLLECTION_REQUEST__INIT;
static const char *job;

static void setup(void)
{
	Pb__Job made;
	struct job_work work;
	bool found;

	disk_install();
	disk.sync_skipped = true;
	fixture_setup();
	arena_init(&scratch, 64 << 20);
	ck_ok(collection_create(db, "demo", &c, &err), &err);
	put_documents(c.id, DOCUMENTS(document("d1", "t", "x", "g"), document("d2", 0, "y", 0)));
	put_queries(c.id, QUERIES(query("q1", "?"), query("q2", "??")));
	put_positives(c.id, POSITIVES(positive("q1", "d1", 1)));
	ck_ok(mined_set_create(db, &c, "set", &mine.base, &arena, &made, &err), &err);
	ck_ok(job_take(db, &arena, &work, &found, &err), &err);
	job = made.id;
}

static void teardown(void)
{
	arena_free(&scratch);
	fixture_teardown();
}

/* Everything the file holds, as one number: rows of every table in order of their keys. */
static int64_t state(void)
{
	static const char *const tables[] = {
		"SELECT id, name, documents, queries, positives, generation, revision, "
		"documents_revision FROM collections ORDER BY id",
		"SELECT key, id, group_name, content, title, text, metadata FROM documents ORDER "
		"BY key",
		"SELECT key, id, group_name, text FROM queries ORDER BY key",
		"SELECT collection, query, document, grade FROM positives ORDER BY 1, 2, 3",
		"SELECT collection, generation, state, document_vectors FROM generations "
		"ORDER BY 1, 2",
		"SELECT id, state, phase, done, total, unit, error, result, request, "
		"checkpoint "
		"FROM jobs ORDER BY id",
		"SELECT id, collection, name, job, results, summary FROM mined_sets ORDER BY id",
		"SELECT key, result FROM mined_results ORDER BY key",
		"SELECT id, of, owner FROM garbage ORDER BY id",
	};
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	sqlite3 *reader;
	sqlite3_stmt *s;

	ck_ok(database_read(db, &reader, &err), &err);
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
		ck_assert_int_eq(sqlite3_prepare_v2(reader, tables[t], -1, &s, NULL), SQLITE_OK);
		while (sqlite3_step(s) == SQLITE_ROW)
			for (int i = 0; i < sqlite3_column_count(s); i++) {
				const unsigned char *bytes = sqlite3_column_blob(s, i);
				int len = sqlite3_column_bytes(s, i);
				hash = (hash ^ (uint64_t)sqlite3_column_type(s, i)) *
				       1099511628211u;
				for (int b = 0; b < len; b++)
					hash = (hash ^ bytes[b]) * 1099511628211u;
			}
		sqlite3_finalize(s);
	}
	database_read_done(db, reader);
	return (int64_t)hash;
}

typedef enum code (*operation)(void);

/* Returns how many steps there were to fail. */
static long loop(operation run)
{
	int64_t before = state();

	for (long n = 0;; n++) {
		ck_assert_int_lt(n, 1000);
		err.code = OK;
		fault_arm(n);
		enum code rc = run();
		bool fired = fault_fired();
		fault_arm(-1);
		arena_free(&scratch);
		if (!fired) {
			ck_ok(rc, &err);
			return n;
		}
		ck_refused(rc, &err, RESOURCE_EXHAUSTED, "OUT_OF_MEMORY");
		ck_assert_str_eq(err.field, "");
		ck_assert_int_eq(state(), before);
	}
}

static void ck_writes(operation run)
{
	int64_t before = state();

	ck_assert_int_gt(loop(run), 4); /* BEGIN, SAVEPOINT, RELEASE, COMMIT and some of its own */
	ck_assert_int_ne(state(), before);
}

static void ck_reads(operation run)
{
	int64_t before = state();

	ck_assert_int_gt(loop(run), 2);
	ck_assert_int_eq(state(), before);
}

/* One of each that is there, one that changes, one that is new. */
static Pb__Document *documents[3];
static Pb__Query *queries[3];
static Pb__Positive *positives[2];

static void make_messages(void)
{
	documents[0] = document("d1", "t", "x", "g");
	documents[1] = document("d2", NULL, "Y", NULL);
	documents[2] = document("d3", NULL, "z", NULL);
	queries[0] = query("q1", "?");
	queries[1] = query("q2", "changed");
	queries[2] = query("q3", "new");
	positives[0] = positive("q1", "d1", 2);
	positives[1] = positive("q2", "d2", 1);
}

static enum code upsert_documents(void)
{
	struct upsert_counts counts;

	return documents_upsert(db, c.id, documents, 3, &counts, &err);
}

static enum code upsert_queries(void)
{
	struct upsert_counts counts;

	return queries_upsert(db, c.id, queries, 3, &counts, &err);
}

static enum code upsert_positives(void)
{
	struct upsert_counts counts;

	return positives_upsert(db, c.id, positives, 2, &counts, &err);
}

START_TEST(an_upsert_is_whole_or_not_at_all)
{
	make_messages();
	ck_writes(upsert_documents);
	ck_writes(upsert_queries);
	ck_writes(upsert_positives);
}
END_TEST

static enum code create_collection(void)
{
	struct collection made;

	return collection_create(db, "other", &made, &err);
}

START_TEST(a_collection_is_made_whole_or_not_at_all)
{
	ck_writes(create_collection);
}
END_TEST

/* It is gone once that is on disk; its rows may take longer. */
START_TEST(a_collection_is_deleted_or_it_is_not)
{
	int64_t before = state(), id;

	for (long n = 0;; n++) {
		ck_assert_int_lt(n, 1000);
		fault_arm(n);
		enum code rc = collection_delete(db, "demo", &id, &err);
		bool fired = fault_fired();
		fault_arm(-1);
		if (!rc)
			break;
		ck_assert(fired);
		ck_assert_int_eq(state(), before);
	}
	struct collection gone;
	ck_refused(collection_get(db, "demo", &gone, &err), &err, NOT_FOUND, "NO_SUCH_COLLECTION");
	fixture_reopen();
	ck_assert_int_eq(fixture_number("SELECT (SELECT count(*) FROM documents) + "
					"(SELECT count(*) FROM queries) + (SELECT count(*) FROM "
					"positives) + (SELECT count(*) FROM garbage)"),
		0);
}
END_TEST

static enum code begin_generation(void)
{
	Pb__BeginGenerationRequest req = PB__BEGIN_GENERATION_REQUEST__INIT;
	Pb__Generation g;

	req.encoder = "e";
	req.has_dimension = 1;
	req.dimension = 4;
	return generation_begin(db, &c, &req, &scratch, &g, &err);
}

static enum code publish(void)
{
	Pb__Recall recall = PB__RECALL__INIT;

	recall.has_recall = 1;
	recall.recall = .5;
	return generation_mark_published(db, &c, 1, 2, 2, &recall, 2, &err);
}

START_TEST(a_generation_begins_and_is_published_whole_or_not_at_all)
{
	ck_writes(begin_generation);
	ck_writes(publish);
}
END_TEST

static enum code create_job(void)
{
	Pb__EncodeCollectionRequest req = PB__ENCODE_COLLECTION_REQUEST__INIT;
	Pb__Job made;

	req.encoder = "lsa";
	return job_create(db, "encode", &c, &req.base, &scratch, &made, &err);
}

static enum code take_job(void)
{
	struct job_work work;
	bool found = true;
	enum code rc = job_take(db, &scratch, &work, &found, &err);

	ck_assert(found);
	return rc;
}

static enum code note_progress(void)
{
	ProtobufCBinaryData checkpoint = {1, (uint8_t *)"x"};

	return job_progress(db, job, "p", 1, 2, "u", &checkpoint, &err);
}

static enum code finish_job(void)
{
	struct error why;

	error_set(&why, INTERNAL, "X", "Why.");
	return job_finish(db, job, PB__JOB_STATE__JOB_STATE_FAILED, NULL, &why, &err);
}

START_TEST(a_job_moves_whole_or_not_at_all)
{
	ck_writes(create_job);
	ck_writes(take_job);
	ck_writes(note_progress);
	ck_writes(finish_job);
}
END_TEST

static enum code create_set(void)
{
	Pb__Job made;

	return mined_set_create(db, &c, "another", &mine.base, &scratch, &made, &err);
}

static enum code append(void)
{
	Pb__MineResult r[2] = {PB__MINE_RESULT__INIT, PB__MINE_RESULT__INIT}, *list[] = {r, r + 1};
	ProtobufCBinaryData checkpoint = {1, (uint8_t *)"y"};

	r[0].query_id = "q1";
	r[1].query_id = "q2";
	return mined_set_append(db, &c, "set", 0, list, 2, job, &checkpoint, 2, 2, &err);
}

static enum code complete(void)
{
	Pb__MineSummary summary = PB__MINE_SUMMARY__INIT;

	summary.encoder = "lsa";
	return mined_set_complete(db, &c, "set", job, &summary, &err);
}

START_TEST(a_mined_set_moves_whole_or_not_at_all)
{
	ck_writes(create_set);
	ck_writes(append);
	ck_writes(complete);
}
END_TEST

static enum code read_everything(void)
{
	const char *const ids[] = {"q1", "q2"};
	const uint32_t numbers[] = {0, 1};
	struct query_row rows[2];
	const char *texts[2];
	size_t found;
	sqlite3 *reader;

	if (database_read(db, &reader, &err))
		return err.code;
	enum code rc = queries_load(reader, c.id, ids, 2, &scratch, rows, &err);
	if (!rc)
		rc = queries_page(reader, c.id, 0, 2, &scratch, rows, &found, &err);
	if (!rc)
		rc = documents_texts(reader, c.id, numbers, 2, &scratch, texts, &err);
	database_read_done(db, reader);
	return rc;
}

static enum code get_everything(void)
{
	struct collection one, *collections;
	Pb__Document d;
	Pb__Generation **generations;
	Pb__Job j, **jobs;
	Pb__MinedSet set, **sets;
	Pb__MineResult *results[4];
	size_t n;

	if (collection_get(db, "demo", &one, &err) ||
		collection_list(db, NULL, 9, &scratch, &collections, &n, &err) ||
		document_get(db, c.id, "d1", &scratch, &d, &err) ||
		generation_list(db, &c, 0, 9, &scratch, &generations, &n, &err) ||
		job_get(db, job, &scratch, &j, &err) ||
		job_list(db, NULL, NULL, 9, &scratch, &jobs, &n, &err) ||
		mined_set_get(db, &c, "set", &scratch, &set, &err) ||
		mined_set_list(db, &c, NULL, 9, &scratch, &sets, &n, &err) ||
		mined_set_page(db, &c, "set", 0, 4, &scratch, results, &n, &err))
		return err.code;
	return OK;
}

START_TEST(a_read_that_fails_gives_its_reader_back)
{
	ck_ok(begin_generation(), &err);
	ck_ok(append(), &err);
	ck_ok(complete(), &err);
	ck_reads(read_everything);
	ck_reads(get_everything);
}
END_TEST

START_TEST(an_open_that_fails_can_be_tried_again)
{
	int64_t before = state();

	for (long n = 0;; n++) {
		ck_assert_int_lt(n, 1000);
		db = database_close(db);
		fault_arm(n);
		enum code rc = database_open(dir, &db, &err);
		bool fired = fault_fired();
		fault_arm(-1);
		if (rc) {
			ck_assert(fired);
			ck_ok(database_open(dir, &db, &err), &err);
		}
		ck_assert_int_eq(state(), before);
		if (!fired)
			break;
	}
}
END_TEST

START_TEST(a_first_open_that_fails_can_be_tried_again)
{
	for (long n = 0;; n++) {
		struct database *fresh = NULL;
		const char *at = arena_printf(&arena, "%s/fresh%ld", dir, n);
		ck_assert_int_lt(n, 1000);
		fault_arm(n);
		enum code rc = database_open(at, &fresh, &err);
		bool fired = fault_fired();
		fault_arm(-1);
		ck_assert(fired || rc == OK);
		if (rc)
			ck_ok(database_open(at, &fresh, &err), &err);
		database_close(fresh);
		if (!fired)
			break;
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("faults");
	TCase *t = tcase_create("faults");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_upsert_is_whole_or_not_at_all);
	tcase_add_test(t, a_collection_is_made_whole_or_not_at_all);
	tcase_add_test(t, a_collection_is_deleted_or_it_is_not);
	tcase_add_test(t, a_generation_begins_and_is_published_whole_or_not_at_all);
	tcase_add_test(t, a_job_moves_whole_or_not_at_all);
	tcase_add_test(t, a_mined_set_moves_whole_or_not_at_all);
	tcase_add_test(t, a_read_that_fails_gives_its_reader_back);
	tcase_add_test(t, an_open_that_fails_can_be_tried_again);
	tcase_add_test(t, a_first_open_that_fails_can_be_tried_again);
	suite_add_tcase(s, t);
	return s;
}
