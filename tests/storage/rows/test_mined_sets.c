#include "storage/rows/mined_sets.h"

#include <string.h>

#include "storage/rows/jobs.h"
#include "tests/storage/rows/fixture.h"

static struct collection c;
static Pb__Job job;
static Pb__MineCollectionRequest request = PB__MINE_COLLECTION_REQUEST__INIT;

static void create(const char *name)
{
	ck_ok(mined_set_create(db, &c, name, &request.base, &arena, &job, &err), &err);
}

static void take(void)
{
	struct job_work work;
	bool found;

	ck_ok(job_take(db, &arena, &work, &found, &err), &err);
	ck_assert(found);
	job = work.job;
}

static void setup(void)
{
	fixture_setup();
	ck_ok(collection_create(db, "demo", &c, &err), &err);
}

static Pb__MineResult *result(const char *query_id, double score)
{
	Pb__MineResult *r = arena_alloc(&arena, sizeof *r);

	pb__mine_result__init(r);
	r->query_id = query_id;
	r->has_anchor_score = 1;
	r->anchor_score = score;
	return r;
}

static enum code append(const char *name, uint64_t first, Pb__MineResult **results, size_t n)
{
	ProtobufCBinaryData checkpoint = {2, (uint8_t *)"ck"};

	return mined_set_append(
		db, &c, name, first, results, n, job.id, &checkpoint, first + n, 10, &err);
}

#define RESULTS(...) LIST(Pb__MineResult, __VA_ARGS__)

START_TEST(a_set_begins_empty_together_with_its_job)
{
	Pb__MinedSet set;

	request.name = "hard";
	create("hard");
	ck_assert_str_eq(job.kind, "mine");
	ck_assert_str_eq(job.collection, "demo");
	ck_ok(mined_set_get(db, &c, "hard", &arena, &set, &err), &err);
	ck_assert_str_eq(set.collection, "demo");
	ck_assert_str_eq(set.name, "hard");
	ck_assert_str_eq(set.job_id, job.id);
	ck_assert(set.has_queries && set.queries == 0);
	ck_assert(set.has_complete && !set.complete);
	ck_assert(set.has_created_at_ms && set.created_at_ms > 0);
	ck_assert_ptr_null(set.summary);
	struct job_work work;
	bool found;
	ck_ok(job_take(db, &arena, &work, &found, &err), &err);
	ck_assert_str_eq(work.job.id, job.id);
	ck_assert_uint_eq(work.request.len, protobuf_c_message_get_packed_size(&request.base));
}
END_TEST

START_TEST(a_name_is_checked_and_had_once_a_collection)
{
	struct collection other;

	create("hard");
	ck_refused_at(mined_set_create(db, &c, "hard", &request.base, &arena, &job, &err),
		ALREADY_EXISTS, "MINED_SET_EXISTS", "name");
	ck_refused_at(mined_set_create(db, &c, "No", &request.base, &arena, &job, &err),
		INVALID_ARGUMENT, "INVALID_NAME", "name");
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM jobs"), 1);
	ck_ok(collection_create(db, "other", &other, &err), &err);
	ck_ok(mined_set_create(db, &other, "hard", &request.base, &arena, &job, &err), &err);
	int64_t id;
	ck_ok(collection_delete(db, "other", &id, &err), &err);
	ck_refused_at(mined_set_create(db, &other, "new", &request.base, &arena, &job, &err),
		NOT_FOUND, "NO_SUCH_COLLECTION", "collection");
}
END_TEST

START_TEST(a_set_made_anew_is_not_for_the_old_ones_job)
{
	Pb__MineSummary summary = PB__MINE_SUMMARY__INIT;

	create("hard");
	take();
	Pb__Job old = job;
	ck_ok(mined_set_delete(db, &c, "hard", &err), &err);
	create("hard");
	job = old;
	ck_refused_at(
		append("hard", 0, RESULTS(result("q1", 1))), ABORTED, "MINED_SET_MOVED", "name");
	ck_refused_at(mined_set_complete(db, &c, "hard", job.id, &summary, &err), ABORTED,
		"MINED_SET_MOVED", "name");
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM mined_results"), 0);
	ck_assert_int_eq(
		fixture_number("SELECT count(*) FROM mined_sets WHERE summary NOT NULL"), 0);
}
END_TEST

START_TEST(results_come_back_in_order_by_page)
{
	Pb__MineResult *out[8];
	size_t n;

	create("hard");
	take();
	ck_ok(append("hard", 0, RESULTS(result("q1", 1), result("q2", 2))), &err);
	ck_ok(append("hard", 2, RESULTS(result("q3", -0.125))), &err);
	ck_ok(mined_set_page(db, &c, "hard", 0, 2, &arena, out, &n, &err), &err);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(out[0]->query_id, "q1");
	ck_assert_str_eq(out[1]->query_id, "q2");
	ck_ok(mined_set_page(db, &c, "hard", 2, 8, &arena, out, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(out[0]->query_id, "q3");
	ck_assert(out[0]->anchor_score == -0.125);
	static const uint64_t past[] = {3, UINT32_MAX, (uint64_t)UINT32_MAX + 1, UINT64_MAX};
	for (size_t i = 0; i < 4; i++) {
		ck_ok(mined_set_page(db, &c, "hard", past[i], 8, &arena, out, &n, &err), &err);
		ck_assert_uint_eq(n, 0);
	}
}
END_TEST

START_TEST(results_and_the_jobs_checkpoint_are_kept_together)
{
	create("hard");
	take();
	ck_ok(append("hard", 0, RESULTS(result("q1", 1), result("q2", 2))), &err);
	fixture_reopen();
	struct job_work work;
	bool found;
	ck_ok(job_take(db, &arena, &work, &found, &err), &err);
	ck_assert_uint_eq(work.checkpoint.len, 2);
	ck_assert_uint_eq(work.job.done, 2);
	ck_assert_uint_eq(work.job.total, 10);
	Pb__MinedSet set;
	ck_ok(mined_set_get(db, &c, "hard", &arena, &set, &err), &err);
	ck_assert_uint_eq(set.queries, 2);
}
END_TEST

START_TEST(a_gap_or_an_overlap_is_refused_whole)
{
	create("hard");
	take();
	ck_ok(append("hard", 0, RESULTS(result("q1", 1), result("q2", 2))), &err);
	ck_refused_at(
		append("hard", 1, RESULTS(result("q2", 2))), ABORTED, "MINED_SET_MOVED", "name");
	ck_refused_at(
		append("hard", 3, RESULTS(result("q4", 2))), ABORTED, "MINED_SET_MOVED", "name");
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM mined_results"), 2);
}
END_TEST

START_TEST(results_of_a_job_that_has_ended_are_refused_whole)
{
	create("hard");
	take();
	ck_ok(job_finish(db, job.id, PB__JOB_STATE__JOB_STATE_CANCELLED, NULL, NULL, &err), &err);
	ck_refused(append("hard", 0, RESULTS(result("q1", 1))), &err, FAILED_PRECONDITION,
		"JOB_NOT_RUNNING");
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM mined_results"), 0);
	Pb__MinedSet set;
	ck_ok(mined_set_get(db, &c, "hard", &arena, &set, &err), &err);
	ck_assert_uint_eq(set.queries, 0);
}
END_TEST

START_TEST(a_complete_set_has_its_summary_and_takes_no_more)
{
	Pb__MineSummary summary = PB__MINE_SUMMARY__INIT;
	Pb__MinedSet set;

	summary.has_queries = 1;
	summary.queries = 1;
	summary.encoder = "lsa";
	create("hard");
	take();
	ck_ok(append("hard", 0, RESULTS(result("q1", 1))), &err);
	ck_ok(mined_set_complete(db, &c, "hard", job.id, &summary, &err), &err);
	ck_ok(mined_set_get(db, &c, "hard", &arena, &set, &err), &err);
	ck_assert(set.complete);
	ck_assert_uint_eq(set.summary->queries, 1);
	ck_assert_str_eq(set.summary->encoder, "lsa");
	ck_refused_at(append("hard", 1, RESULTS(result("q2", 1))), FAILED_PRECONDITION,
		"MINED_SET_COMPLETE", "name");
	ck_refused_at(mined_set_complete(db, &c, "hard", job.id, &summary, &err),
		FAILED_PRECONDITION, "MINED_SET_COMPLETE", "name");
}
END_TEST

START_TEST(an_empty_summary_completes_too)
{
	Pb__MineSummary summary = PB__MINE_SUMMARY__INIT;
	Pb__MinedSet set;

	create("hard");
	ck_ok(mined_set_complete(db, &c, "hard", job.id, &summary, &err), &err);
	ck_ok(mined_set_get(db, &c, "hard", &arena, &set, &err), &err);
	ck_assert(set.complete && set.summary);
}
END_TEST

START_TEST(sets_are_listed_by_name)
{
	Pb__MinedSet **rows;
	size_t n;

	create("b");
	create("c");
	create("a");
	ck_ok(mined_set_list(db, &c, NULL, 2, &arena, &rows, &n, &err), &err);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(rows[0]->name, "a");
	ck_assert_str_eq(rows[1]->name, "b");
	ck_ok(mined_set_list(db, &c, "b", 2, &arena, &rows, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(rows[0]->name, "c");
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
	Pb__MineSummary summary = PB__MINE_SUMMARY__INIT;
	Pb__MineResult *out[1];
	Pb__MinedSet set;
	size_t n;

	ck_refused_at(mined_set_get(db, &c, "no", &arena, &set, &err), NOT_FOUND,
		"NO_SUCH_MINED_SET", "name");
	ck_refused_at(mined_set_get(db, &c, NULL, &arena, &set, &err), NOT_FOUND,
		"NO_SUCH_MINED_SET", "name");
	ck_refused_at(mined_set_page(db, &c, "no", 0, 1, &arena, out, &n, &err), NOT_FOUND,
		"NO_SUCH_MINED_SET", "name");
	ck_refused_at(mined_set_delete(db, &c, "no", &err), NOT_FOUND, "NO_SUCH_MINED_SET", "name");
	ck_refused_at(append("no", 0, NULL, 0), NOT_FOUND, "NO_SUCH_MINED_SET", "name");
	ck_refused_at(mined_set_complete(db, &c, "no", job.id, &summary, &err), NOT_FOUND,
		"NO_SUCH_MINED_SET", "name");
}
END_TEST

START_TEST(deleting_a_set_takes_its_results_and_cancels_its_queued_job)
{
	Pb__Job now;

	create("hard");
	take();
	ck_ok(append("hard", 0, RESULTS(result("q1", 1))), &err);
	create("other");
	const char *waiting = job.id;
	ck_ok(mined_set_delete(db, &c, "hard", &err), &err);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM mined_results"), 0);
	ck_ok(mined_set_delete(db, &c, "other", &err), &err);
	ck_ok(job_get(db, waiting, &arena, &now, &err), &err);
	ck_assert_int_eq(now.state, PB__JOB_STATE__JOB_STATE_CANCELLED);
	create("hard");
	Pb__MineResult *out[1];
	size_t n;
	ck_ok(mined_set_page(db, &c, "hard", 0, 1, &arena, out, &n, &err), &err);
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(deleting_the_collection_takes_its_sets)
{
	int64_t id;

	create("hard");
	take();
	ck_ok(append("hard", 0, RESULTS(result("q1", 1))), &err);
	ck_ok(collection_delete(db, "demo", &id, &err), &err);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM mined_sets"), 0);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM mined_results"), 0);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM garbage"), 0);
	ck_refused(
		append("hard", 1, RESULTS(result("q2", 1))), &err, NOT_FOUND, "NO_SUCH_MINED_SET");
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("mined_sets");
	TCase *t = tcase_create("mined_sets");

	tcase_add_checked_fixture(t, setup, fixture_teardown);
	tcase_add_test(t, a_set_begins_empty_together_with_its_job);
	tcase_add_test(t, a_name_is_checked_and_had_once_a_collection);
	tcase_add_test(t, a_set_made_anew_is_not_for_the_old_ones_job);
	tcase_add_test(t, results_come_back_in_order_by_page);
	tcase_add_test(t, results_and_the_jobs_checkpoint_are_kept_together);
	tcase_add_test(t, a_gap_or_an_overlap_is_refused_whole);
	tcase_add_test(t, results_of_a_job_that_has_ended_are_refused_whole);
	tcase_add_test(t, a_complete_set_has_its_summary_and_takes_no_more);
	tcase_add_test(t, an_empty_summary_completes_too);
	tcase_add_test(t, sets_are_listed_by_name);
	tcase_add_test(t, what_is_not_there_is_not_found);
	tcase_add_test(t, deleting_a_set_takes_its_results_and_cancels_its_queued_job);
	tcase_add_test(t, deleting_the_collection_takes_its_sets);
	suite_add_tcase(s, t);
	return s;
}
