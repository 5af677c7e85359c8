#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/fault.h"
#include "storage/catalog_files.h"
#include "tests/storage/catalog_fixture.h"

enum { DOCUMENTS_EACH = 20 };

START_TEST(any_step_of_uploading_may_fail)
{
	long n = 0, failed = 0;
	uint64_t g;
	bool fired;

	put("demo", DOCUMENTS_EACH, 0);
	do {
		g = begin("demo", "exact");
		ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 3, 5, &err), &err);
		catalog_reopen(); /* so that opening the log fails too */
		fault_arm(n++);
		enum code rc = upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 0, DOCUMENTS_EACH, &err);
		fired = fault_fired();
		fault_arm(-1);
		ck_assert(!rc || fired); /* it may do without having learnt the rows */
		failed += rc != OK;
	} while (fired);
	ck_assert_int_gt(failed, 20);
	ck_ok(publish_generation("demo", g, &err), &err);
	check_serves("demo", g, DOCUMENTS_EACH);
}
END_TEST

/* Whatever fails, the generation before goes on being served and publishing can be tried again. */
START_TEST(any_step_of_publishing_may_fail)
{
	enum code rc;
	long n = 0;

	put("demo", DOCUMENTS_EACH, 0);
	uint64_t first = begin("demo", "exact"), second = begin("demo", "HNSW4");
	ck_ok(upload("demo", first, PB__SIDE__SIDE_DOCUMENT, 0, 3, &err), &err);
	ck_ok(publish_generation("demo", first, &err), &err);
	ck_ok(upload("demo", second, PB__SIDE__SIDE_DOCUMENT, 0, DOCUMENTS_EACH, &err), &err);
	do {
		fault_arm(n++);
		rc = publish_generation("demo", second, &err);
		bool fired = fault_fired();
		fault_arm(-1);
		struct view v;
		ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NEEDED, NULL, &v, &err), &err);
		/* After the row says so it is published, even if the answer failed. */
		bool second_serves = v.image->generation == second;
		check_vectors(
			&v, second_serves ? second : first, second_serves ? DOCUMENTS_EACH : 3);
		view_release(&v);
		ck_assert(rc ? fired : second_serves);
		if (rc && second_serves)
			break;
	} while (rc);
	ck_assert_int_gt(n, 20);
	catalog_reopen();
	check_serves("demo", second, DOCUMENTS_EACH);
}
END_TEST

START_TEST(any_step_of_starting_may_fail)
{
	static const struct catalog_options options = {2};
	enum code rc;
	long n = 0;

	put("demo", DOCUMENTS_EACH, 0);
	uint64_t g = begin("demo", "HNSW4");
	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 0, DOCUMENTS_EACH, &err), &err);
	ck_ok(publish_generation("demo", g, &err), &err);
	catalog = catalog_close(catalog);
	do {
		fault_arm(n++);
		rc = catalog_open(db, dir, &options, &catalog, &err);
		bool fired = fault_fired();
		fault_arm(-1);
		ck_assert(!rc || fired);
		if (rc)
			continue;
		check_serves("demo", g, DOCUMENTS_EACH);
		if (fired) { /* it did without what failed */
			catalog = catalog_close(catalog);
			rc = UNKNOWN;
		}
	} while (rc);
	ck_assert_int_gt(n, 10);
}
END_TEST

/* Between the rename and the row: the files are called published, the generation is not. */
START_TEST(rows_that_were_promoted_and_not_published_take_uploads_again)
{
	put("demo", DOCUMENTS_EACH, 1);
	uint64_t g = begin("demo", "exact");
	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 0, 8, &err), &err);
	ck_ok(upload("demo", g, PB__SIDE__SIDE_QUERY, 0, 1, &err), &err);
	for (int sides = 0; sides < 2; sides++) {
		struct collection row;
		ck_ok(collection_get(db, "demo", &row, &err), &err);
		ck_ok(files_promote(catalog, row.id, g, sides == 1, &err), &err);
		catalog_reopen();
		ck_assert_uint_eq(files_ending(row.id, ".rows"), 2);
		ck_assert_uint_eq(files_ending(row.id, ".vec"), 0);
	}
	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 8, DOCUMENTS_EACH - 8, &err), &err);
	ck_ok(publish_generation("demo", g, &err), &err);
	check_serves("demo", g, DOCUMENTS_EACH);
}
END_TEST

static atomic_bool done;

/* Every view is whole: one generation, all of its vectors. */
static void *read_views(void *arg)
{
	uint64_t newest = 0;
	struct error e;
	struct view v;

	while (!atomic_load(&done)) {
		if (catalog_view(catalog, "demo", 0, IMAGE_NEEDED, NULL, &v, &e))
			return arg;
		uint64_t g = v.image->generation;
		float want[DIMENSION], stored[DIMENSION];
		struct hit hits[3];
		struct exact_query query = {
			.vector = want, .k = 3, .floor = -INFINITY, .out = hits};
		struct shared_request request = {
			.queries = &query, .n = 1, .order = v.corpus->order};
		vector_of(g, PB__SIDE__SIDE_DOCUMENT, 7, want);
		bool whole = g >= newest && v.image->rows == DOCUMENTS_EACH &&
			     image_document_vector(v.image, 7, stored) &&
			     !memcmp(stored, want, sizeof want) &&
			     !image_search(v.image, &request, &e) && query.found == 3 &&
			     hits[0].score == image_score(v.image, want, hits[0].document);
		newest = g;
		view_release(&v);
		if (!whole)
			return arg;
	}
	return NULL;
}

START_TEST(generations_change_under_readers)
{
	pthread_t readers[3];
	void *failed;

	put("demo", DOCUMENTS_EACH, 0);
	for (int i = 0; i < 12; i++) {
		uint64_t g = begin("demo", "exact");
		ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 5, DOCUMENTS_EACH - 5, &err),
			&err);
		ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 0, 12, &err), &err);
		ck_ok(publish_generation("demo", g, &err), &err);
		for (int r = 0; i == 0 && r < 3; r++)
			pthread_create(&readers[r], NULL, read_views, &done);
		if (i % 4 == 3)
			put("demo", DOCUMENTS_EACH + (uint32_t)i, 0); /* a newer corpus, too */
	}
	atomic_store(&done, true);
	for (int r = 0; r < 3; r++) {
		pthread_join(readers[r], &failed);
		ck_assert_ptr_null(failed);
	}
}
END_TEST

/* A generation that is published when a reader comes to a certain step. */
struct interruption {
	unsigned steps, at;
	uint64_t generation;
	bool published;
};

static void interrupt(void *arg)
{
	struct interruption *i = arg;

	if (i->steps++ != i->at)
		return;
	fault_watch(NULL, NULL);
	ck_ok(publish_generation("demo", i->generation, &err), &err);
	i->published = true;
}

/* What it was about to pin is not loaded again, to stay there beside the new one: without its codes
 * that would be told. */
START_TEST(a_reader_that_is_overtaken_pins_what_is_served_then)
{
	struct interruption i = {.published = true};
	struct error e;
	struct view v;

	put("demo", DOCUMENTS_EACH, 0);
	uint64_t before = begin("demo", "exact");
	ck_ok(upload("demo", before, PB__SIDE__SIDE_DOCUMENT, 0, DOCUMENTS_EACH, &err), &err);
	ck_ok(publish_generation("demo", before, &err), &err);
	for (unsigned at = 0; i.published; at++) {
		struct path codes =
			generation_path(catalog, fixture_collection("demo").id, before, FILE_CACHE);
		unlink(codes.text);
		i = (struct interruption){.at = at, .generation = begin("demo", "exact")};
		ck_ok(upload("demo", i.generation, PB__SIDE__SIDE_DOCUMENT, 0, DOCUMENTS_EACH,
			      &err),
			&err);
		fault_watch(interrupt, &i);
		ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NEEDED, NULL, &v, &e), &e);
		fault_watch(NULL, NULL);
		check_vectors(&v, i.published ? i.generation : before, DOCUMENTS_EACH);
		view_release(&v);
		before = i.generation;
	}
	ck_assert_uint_gt(i.at, 2);
	ck_assert_uint_eq(told_made + told_made_anew, 0);
}
END_TEST

struct uploading {
	uint64_t generation;
	uint32_t first;
	atomic_uint acknowledged;
};

static void *upload_until_refused(void *arg)
{
	struct uploading *u = arg;
	struct error e;

	for (uint32_t i = 0; i < DOCUMENTS_EACH; i++) {
		if (upload("demo", u->generation, PB__SIDE__SIDE_DOCUMENT, u->first + i, 1, &e))
			return strcmp(e.reason, "GENERATION_NOT_OPEN") ? u : NULL;
		atomic_fetch_add(&u->acknowledged, 1);
	}
	return NULL;
}

START_TEST(a_row_acknowledged_while_its_generation_is_published_is_in_it)
{
	put("demo", 2 * DOCUMENTS_EACH + 1, 0);
	for (int round = 0; round < 6; round++) {
		uint64_t g = begin("demo", "exact");
		struct uploading u[2] = {{g, 0, 0}, {g, DOCUMENTS_EACH, 0}};
		pthread_t threads[2];
		void *failed;
		ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 2 * DOCUMENTS_EACH, 1, &err),
			&err);
		for (int i = 0; i < 2; i++)
			pthread_create(&threads[i], NULL, upload_until_refused, &u[i]);
		while (atomic_load(&u[0].acknowledged) < (unsigned)round) /* under way */
			;
		ck_ok(publish_generation("demo", g, &err), &err);
		for (int i = 0; i < 2; i++) {
			pthread_join(threads[i], &failed);
			ck_assert_ptr_null(failed);
		}
		struct view v;
		ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NEEDED, NULL, &v, &err), &err);
		ck_assert_uint_eq(v.image->rows, u[0].acknowledged + u[1].acknowledged + 1);
		view_release(&v);
	}
}
END_TEST

/* Begins, uploads and publishes for ever, and says through the pipe what was acknowledged. */
static void work(int acks)
{
	static const struct catalog_options options = {2};
	struct error e;

	if (database_open(dir, &db, &e) || catalog_open(db, dir, &options, &catalog, &e))
		_exit(1);
	for (;;) {
		uint32_t ack[2] = {(uint32_t)begin("demo", "exact"), 0};
		for (uint32_t i = 0; i < DOCUMENTS_EACH; i += 4) {
			if (upload("demo", ack[0], PB__SIDE__SIDE_DOCUMENT, i, 4, &e))
				_exit(2);
			ack[1] = i + 4;
			if (write(acks, ack, sizeof ack) != sizeof ack)
				_exit(3);
		}
		if (publish_generation("demo", ack[0], &e))
			_exit(4);
		ack[1] = UINT32_MAX;
		if (write(acks, ack, sizeof ack) != sizeof ack)
			_exit(5);
	}
}

/* Lets a child work until it acknowledged `n` things, kills it, and returns the last of each kind.
 */
static void run_and_kill(unsigned n, uint32_t *published, uint32_t *open, uint32_t *rows)
{
	uint32_t ack[2];
	int pipes[2], status;

	ck_assert_int_eq(pipe(pipes), 0);
	pid_t child = fork();
	if (child == 0)
		work(pipes[1]);
	close(pipes[1]);
	for (unsigned i = 0;; i++) {
		if (i == n)
			kill(child, SIGKILL);
		if (read(pipes[0], ack, sizeof ack) != sizeof ack)
			break; /* also what it said before it died counts */
		*open = ack[1] == UINT32_MAX ? 0 : ack[0];
		*rows = ack[1];
		if (ack[1] == UINT32_MAX)
			*published = ack[0];
	}
	close(pipes[0]);
	waitpid(child, &status, 0);
	ck_assert(WIFSIGNALED(status));
}

START_TEST(a_killed_process_loses_nothing_that_was_acknowledged)
{
	static const struct catalog_options options = {2};
	uint32_t published = 0, open, rows, partial = 0, partial_rows = 0;
	uint64_t serving;

	put("demo", DOCUMENTS_EACH, 0);
	for (unsigned round = 0; round < 30; round++) {
		catalog = catalog_close(catalog);
		db = database_close(db);
		open = rows = 0;
		/* Every other time when all rows are acknowledged and it is about to publish. */
		unsigned n = round % 2 ? 1 + round * 7 % 23 : 5 + 6 * (round / 2 % 3);
		run_and_kill(n, &published, &open, &rows);
		fixture_reopen();
		ck_ok(catalog_open(db, dir, &options, &catalog, &err), &err);
		struct collection row;
		ck_ok(collection_get(db, "demo", &row, &err), &err);
		serving = row.generation;
		ck_assert_uint_ge(serving, published);
		if (serving)
			check_serves("demo", serving,
				serving == partial ? partial_rows : DOCUMENTS_EACH);
		if (!open || serving >= open)
			continue;
		/* What it was at goes on from its last acknowledged row, or the one after. */
		ck_ok(publish_generation("demo", open, &err), &err);
		struct view v;
		ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NEEDED, NULL, &v, &err), &err);
		ck_assert_uint_ge(v.image->rows, rows);
		check_vectors(&v, open, v.image->rows);
		published = partial = open;
		partial_rows = v.image->rows;
		view_release(&v);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("catalog crash");
	TCase *t = tcase_create("catalog crash");

	tcase_add_checked_fixture(t, catalog_setup, catalog_teardown);
	tcase_add_test(t, any_step_of_uploading_may_fail);
	tcase_add_test(t, any_step_of_publishing_may_fail);
	tcase_add_test(t, any_step_of_starting_may_fail);
	tcase_add_test(t, rows_that_were_promoted_and_not_published_take_uploads_again);
	tcase_add_test(t, generations_change_under_readers);
	tcase_add_test(t, a_reader_that_is_overtaken_pins_what_is_served_then);
	tcase_add_test(t, a_row_acknowledged_while_its_generation_is_published_is_in_it);
	tcase_add_test(t, a_killed_process_loses_nothing_that_was_acknowledged);
	suite_add_tcase(s, t);
	return s;
}
