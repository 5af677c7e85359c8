#include "storage/rows/jobs.h"

#include <string.h>

#include "tests/storage/rows/fixture.h"

enum {
	QUEUED = PB__JOB_STATE__JOB_STATE_QUEUED,
	RUNNING = PB__JOB_STATE__JOB_STATE_RUNNING,
	SUCCEEDED = PB__JOB_STATE__JOB_STATE_SUCCEEDED,
};

static const Pb__JobState failed = PB__JOB_STATE__JOB_STATE_FAILED;
static const Pb__JobState cancelled = PB__JOB_STATE__JOB_STATE_CANCELLED;
static const Pb__JobState succeeded = PB__JOB_STATE__JOB_STATE_SUCCEEDED;

static struct collection c;

static void setup(void)
{
	fixture_setup();
	ck_ok(collection_create(db, "demo", &c, &err), &err);
}

static const char *create_in(const struct collection *in, const char *encoder)
{
	Pb__EncodeCollectionRequest req = PB__ENCODE_COLLECTION_REQUEST__INIT;
	Pb__Job job;

	req.encoder = encoder;
	ck_ok(job_create(db, "encode", in, &req.base, &arena, &job, &err), &err);
	return job.id;
}

static const char *create(void)
{
	return create_in(&c, "lsa");
}

static Pb__Job get(const char *id)
{
	Pb__Job job;

	ck_ok(job_get(db, id, &arena, &job, &err), &err);
	return job;
}

static struct job_work take(void)
{
	struct job_work work = {0};
	bool found;

	ck_ok(job_take(db, &arena, &work, &found, &err), &err);
	ck_assert(found == (work.job.id != NULL));
	return work;
}

START_TEST(a_new_job_is_queued)
{
	Pb__Job job = get(create());

	ck_assert_str_eq(job.id, "job-000000000001");
	ck_assert_str_eq(job.kind, "encode");
	ck_assert_str_eq(job.collection, "demo");
	ck_assert_int_eq(job.state, QUEUED);
	ck_assert(job.has_created_at_ms && job.created_at_ms > 0);
	ck_assert(!job.has_started_at_ms && !job.has_finished_at_ms);
	ck_assert(!job.has_done && !job.has_total && !job.has_rate_per_s && !job.has_eta_s);
	ck_assert(!job.phase && !job.unit && !job.error && !job.result);
}
END_TEST

START_TEST(ids_that_we_never_wrote_are_not_found)
{
	static const char *const ids[] = {NULL, "", "job-", "job-1", "job-000000000002", "x",
		"job-00000000001x", "job- 00000000001", "job-+00000000001", "JOB-000000000001",
		"job-0000000000001", "job--00000000001", "job-99999999999999999999999999999999999"};
	Pb__Job job;

	create();
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		ck_refused_at(
			job_get(db, ids[i], &arena, &job, &err), NOT_FOUND, "NO_SUCH_JOB", "id");
		ck_refused_at(job_progress(db, ids[i], "p", 1, 2, "u", NULL, &err), NOT_FOUND,
			"NO_SUCH_JOB", "id");
		ck_refused_at(job_finish(db, ids[i], succeeded, NULL, NULL, &err), NOT_FOUND,
			"NO_SUCH_JOB", "id");
	}
}
END_TEST

START_TEST(a_job_for_a_collection_that_is_gone_is_refused)
{
	Pb__EncodeCollectionRequest req = PB__ENCODE_COLLECTION_REQUEST__INIT;
	Pb__Job job;
	int64_t id;

	ck_ok(collection_delete(db, "demo", &id, &err), &err);
	ck_refused_at(job_create(db, "encode", &c, &req.base, &arena, &job, &err), NOT_FOUND,
		"NO_SUCH_COLLECTION", "collection");
}
END_TEST

START_TEST(jobs_are_taken_oldest_first_with_their_request)
{
	const char *first = create_in(&c, "first"), *second = create_in(&c, "second");
	struct job_work work = take();

	ck_assert_str_eq(work.job.id, first);
	ck_assert_int_eq(work.job.state, RUNNING);
	ck_assert(work.job.has_started_at_ms);
	ck_assert_int_eq(work.collection, c.id);
	ck_assert_uint_eq(work.checkpoint.len, 0);
	Pb__EncodeCollectionRequest *req = (Pb__EncodeCollectionRequest *)protobuf_c_message_unpack(
		&pb__encode_collection_request__descriptor, &arena.pb, work.request.len,
		work.request.data);
	ck_assert_str_eq(req->encoder, "first");
	ck_assert_str_eq(take().job.id, second);
	ck_assert_ptr_null(take().job.id);
	ck_assert_int_eq(get(first).state, RUNNING);
}
END_TEST

START_TEST(a_running_job_is_taken_again_only_after_a_restart_and_first)
{
	const char *first = create(), *second = create(), *third = create();

	take();
	ck_assert_str_eq(take().job.id, second);
	ck_ok(job_progress(db, second, "p", 1, 2, "u", &(ProtobufCBinaryData){3, (uint8_t *)"a\0b"},
		      &err),
		&err);
	int64_t started = get(second).started_at_ms;
	ck_ok(job_finish(db, first, succeeded, NULL, NULL, &err), &err);
	fixture_reopen();
	struct job_work work = take();
	ck_assert_str_eq(work.job.id, second);
	ck_assert_int_eq(work.job.started_at_ms, started);
	ck_assert_uint_eq(work.checkpoint.len, 3);
	ck_assert_int_eq(memcmp(work.checkpoint.data, "a\0b", 3), 0);
	ck_assert_str_eq(take().job.id, third);
	ck_assert_ptr_null(take().job.id);
}
END_TEST

START_TEST(progress_is_kept_and_a_checkpoint_until_the_next)
{
	const char *id = create();

	ck_refused_at(job_progress(db, id, "p", 1, 2, "u", NULL, &err), FAILED_PRECONDITION,
		"JOB_NOT_RUNNING", "id");
	take();
	ck_ok(job_progress(db, id, "encoding", 5, 10, "documents",
		      &(ProtobufCBinaryData){1, (uint8_t *)"x"}, &err),
		&err);
	ck_ok(job_progress(db, id, NULL, 6, 10, NULL, NULL, &err), &err);
	Pb__Job job = get(id);
	ck_assert_str_eq(job.phase, "encoding");
	ck_assert_str_eq(job.unit, "documents");
	ck_assert_uint_eq(job.done, 6);
	ck_assert_uint_eq(job.total, 10);
	fixture_reopen();
	struct job_work work = take();
	ck_assert_uint_eq(work.checkpoint.len, 1);
	ck_assert_int_eq(work.checkpoint.data[0], 'x');
	ck_assert_uint_eq(work.job.done, 6);
}
END_TEST

START_TEST(a_job_ends_once)
{
	const char *id = create();

	take();
	ck_ok(job_finish(db, id, succeeded, "7", NULL, &err), &err);
	Pb__Job job = get(id);
	ck_assert_int_eq(job.state, SUCCEEDED);
	ck_assert_str_eq(job.result, "7");
	ck_assert(job.has_finished_at_ms && job.finished_at_ms >= job.created_at_ms);
	ck_refused_at(job_finish(db, id, cancelled, NULL, NULL, &err), FAILED_PRECONDITION,
		"JOB_NOT_RUNNING", "id");
	ck_refused_at(job_progress(db, id, "p", 1, 2, "u", NULL, &err), FAILED_PRECONDITION,
		"JOB_NOT_RUNNING", "id");
	ck_assert_int_eq(get(id).state, SUCCEEDED);
	fixture_reopen();
	ck_assert_ptr_null(take().job.id);
}
END_TEST

START_TEST(a_failed_job_says_why)
{
	const char *id = create();
	struct error why;

	take();
	error_set(&why, INVALID_ARGUMENT, "TOO_FEW", "Not enough documents.");
	error_field(&why, "dimension");
	why.retry_after_ms = 250;
	ck_ok(job_finish(db, id, failed, NULL, &why, &err), &err);
	Pb__Job job = get(id);
	ck_assert_int_eq(job.state, failed);
	ck_assert_ptr_null(job.result);
	ck_assert_int_eq(job.error->code, 400);
	ck_assert_str_eq(job.error->status, "INVALID_ARGUMENT");
	ck_assert_str_eq(job.error->reason, "TOO_FEW");
	ck_assert_str_eq(job.error->message, "Not enough documents.");
	ck_assert_str_eq(job.error->field, "dimension");
	ck_assert_uint_eq(job.error->retry_after_ms, 250);
}
END_TEST

START_TEST(a_queued_job_can_be_cancelled)
{
	const char *id = create();

	ck_ok(job_finish(db, id, cancelled, NULL, NULL, &err), &err);
	ck_assert_int_eq(get(id).state, cancelled);
	ck_assert_ptr_null(take().job.id);
}
END_TEST

START_TEST(jobs_are_listed_newest_first_of_all_or_of_one)
{
	struct collection other;
	Pb__Job **rows;
	size_t n;

	ck_ok(collection_create(db, "other", &other, &err), &err);
	const char *a = create(), *theirs = create_in(&other, "lsa"), *b = create();
	ck_ok(job_list(db, NULL, NULL, 2, &arena, &rows, &n, &err), &err);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(rows[0]->id, b);
	ck_assert_str_eq(rows[1]->id, theirs);
	ck_ok(job_list(db, NULL, theirs, 2, &arena, &rows, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(rows[0]->id, a);
	ck_ok(job_list(db, "demo", NULL, 9, &arena, &rows, &n, &err), &err);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(rows[0]->id, b);
	ck_assert_str_eq(rows[1]->id, a);
	ck_ok(job_list(db, "demo", b, 9, &arena, &rows, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
	ck_refused_at(job_list(db, NULL, "nonsense", 9, &arena, &rows, &n, &err), INVALID_ARGUMENT,
		"INVALID_PAGE_TOKEN", "page_token");
}
END_TEST

START_TEST(ids_are_not_reused_and_sort_by_age)
{
	const char *last = create();

	for (int i = 0; i < 12; i++) {
		const char *next = create();
		ck_assert_int_lt(strcmp(last, next), 0);
		last = next;
	}
}
END_TEST

START_TEST(deleting_a_collection_cancels_what_is_queued_for_it)
{
	struct collection other;
	int64_t id;

	ck_ok(collection_create(db, "other", &other, &err), &err);
	const char *running = create(), *queued = create();
	take();
	const char *theirs = create_in(&other, "lsa");
	ck_ok(collection_delete(db, "demo", &id, &err), &err);
	ck_assert_int_eq(get(running).state, RUNNING);
	ck_assert_int_eq(get(queued).state, cancelled);
	ck_assert(get(queued).has_finished_at_ms);
	ck_assert_str_eq(get(queued).collection, "demo");
	ck_assert_int_eq(get(theirs).state, QUEUED);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("jobs");
	TCase *t = tcase_create("jobs");

	tcase_add_checked_fixture(t, setup, fixture_teardown);
	tcase_add_test(t, a_new_job_is_queued);
	tcase_add_test(t, ids_that_we_never_wrote_are_not_found);
	tcase_add_test(t, a_job_for_a_collection_that_is_gone_is_refused);
	tcase_add_test(t, jobs_are_taken_oldest_first_with_their_request);
	tcase_add_test(t, a_running_job_is_taken_again_only_after_a_restart_and_first);
	tcase_add_test(t, progress_is_kept_and_a_checkpoint_until_the_next);
	tcase_add_test(t, a_job_ends_once);
	tcase_add_test(t, a_failed_job_says_why);
	tcase_add_test(t, a_queued_job_can_be_cancelled);
	tcase_add_test(t, jobs_are_listed_newest_first_of_all_or_of_one);
	tcase_add_test(t, ids_are_not_reused_and_sort_by_age);
	tcase_add_test(t, deleting_a_collection_cancels_what_is_queued_for_it);
	suite_add_tcase(s, t);
	return s;
}
