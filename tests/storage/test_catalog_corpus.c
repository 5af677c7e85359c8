/* One thread makes a collection's corpus for all who want it. */
#include <pthread.h>

#include "proto/fault.h"
#include "storage/catalog_private.h"
#include "tests/storage/catalog_fixture.h"

static struct collection row;
static struct entry *entry;

static void setup(void)
{
	catalog_setup();
	put("demo", 30, 0);
	row = fixture_collection("demo");
	ck_ok(entry_use(catalog, row.id, &entry, &err), &err);
}

static void teardown(void)
{
	entry_done(catalog, entry);
	catalog_teardown();
}

static enum code want(bool at_once, atomic_bool *cancelled, struct corpus **out, struct error *e)
{
	return at_once ? entry_corpus_at_once(catalog, entry, &row, cancelled, out, e)
		       : entry_corpus(catalog, entry, &row, cancelled, out, e);
}

/* As the thread that builds sees it: its own request is cancelled, somebody waits or nobody does. */
START_TEST(a_cancelled_request_goes_on_while_others_wait)
{
	atomic_bool cancelled = true;
	struct corpus *corpus = NULL;
	bool at_once = _i;

	ck_refused(want(at_once, &cancelled, &corpus, &err), &err, CANCELLED, "CANCELLED");
	ck_assert_ptr_null(corpus);
	ck_assert(!entry->indexing[at_once]);
	/* who waits for the other kind does not count */
	atomic_store(&entry->waiting[!at_once], 1);
	entry->given_up[at_once] = false;
	ck_refused(want(at_once, &cancelled, &corpus, &err), &err, CANCELLED, "CANCELLED");
	atomic_store(&entry->waiting[!at_once], 0);
	atomic_store(&entry->waiting[at_once], 1);
	entry->given_up[at_once] = false;
	ck_ok(want(at_once, &cancelled, &corpus, &err), &err);
	atomic_store(&entry->waiting[at_once], 0);
	ck_assert_uint_eq(corpus->n, 30);
	ck_assert_ptr_eq(entry->corpus, corpus);
	corpus_release(corpus);
}
END_TEST

/* Every request is cancelled before its corpus can be there. */
START_TEST(who_comes_again_with_no_patience_gets_it)
{
	atomic_bool cancelled = true;
	struct corpus *corpus;
	bool at_once = _i;

	ck_refused(want(at_once, &cancelled, &corpus, &err), &err, CANCELLED, "CANCELLED");
	ck_ok(want(at_once, &cancelled, &corpus, &err), &err);
	corpus_release(corpus);
	put("demo", 31, 0);
	row = fixture_collection("demo");
	ck_refused(want(at_once, &cancelled, &corpus, &err), &err, CANCELLED, "CANCELLED");
	ck_ok(want(at_once, &cancelled, &corpus, &err), &err);
	ck_assert_uint_eq(corpus->n, 31);
	corpus_release(corpus);
}
END_TEST

enum { WHILE_ROWS_ARE_READ = 20 /* of the steps of a building */ };

static void delete_it(void *arg)
{
	unsigned *steps = arg;

	if (++*steps != WHILE_ROWS_ARE_READ)
		return;
	fault_watch(NULL, NULL);
	ck_ok(catalog_delete(catalog, "demo", &err), &err);
}

/* It would be built to its end, for whoever comes again: nobody will. */
START_TEST(what_was_given_up_is_given_up_again_when_the_collection_is_deleted)
{
	atomic_bool cancelled = true;
	struct corpus *corpus = NULL;
	bool at_once = _i;
	unsigned steps = 0;
	struct error e;

	ck_refused(want(at_once, &cancelled, &corpus, &err), &err, CANCELLED, "CANCELLED");
	ck_assert(entry->given_up[at_once]);
	fault_watch(delete_it, &steps);
	ck_refused(want(at_once, &cancelled, &corpus, &e), &e, CANCELLED, "CANCELLED");
	ck_assert_uint_eq(steps, WHILE_ROWS_ARE_READ);
	ck_assert_ptr_null(corpus);
}
END_TEST

/* Who is not cancelled has what there was. */
START_TEST(a_request_gets_its_corpus_though_the_collection_is_deleted)
{
	struct corpus *corpus = NULL;
	unsigned steps = 0;
	struct error e;

	fault_watch(delete_it, &steps);
	ck_ok(want(_i, NULL, &corpus, &e), &e);
	ck_assert_uint_eq(steps, WHILE_ROWS_ARE_READ);
	ck_assert_uint_eq(corpus->n, 30);
	corpus_release(corpus);
}
END_TEST

enum { WANTING = 6, ROUNDS = 15 };

struct wanting {
	pthread_t thread;
	atomic_bool cancelled;
	struct corpus *corpus;
	struct error e;
	enum code rc;
};

static void *wait_for_it(void *arg)
{
	struct wanting *w = arg;

	w->rc = want(false, &w->cancelled, &w->corpus, &w->e);
	return NULL;
}

/* All at once; the request of every second one is cancelled from the start. */
START_TEST(who_is_not_cancelled_gets_it)
{
	static struct wanting all[WANTING];

	for (uint32_t round = 0; round < ROUNDS; round++) {
		put("demo", 31 + round, 0);
		row = fixture_collection("demo");
		for (int i = 0; i < WANTING; i++) {
			atomic_store(&all[i].cancelled, i % 2);
			ck_assert_int_eq(
				pthread_create(&all[i].thread, NULL, wait_for_it, &all[i]), 0);
		}
		for (int i = 0; i < WANTING; i++) {
			pthread_join(all[i].thread, NULL);
			ck_assert_int_eq(all[i].rc, i % 2 && all[i].rc ? CANCELLED : OK);
			if (all[i].rc)
				continue;
			ck_assert_uint_eq(all[i].corpus->n, 31 + round);
			ck_assert_ptr_eq(all[i].corpus, entry->corpus);
			corpus_release(all[i].corpus);
		}
		ck_assert_uint_eq(entry->waiting[false], 0);
	}
}
END_TEST

static enum code upload_one(
	uint64_t generation, const char *id, atomic_bool *cancelled, uint64_t *upserted)
{
	Pb__UpsertVectorsRequest req = PB__UPSERT_VECTORS_REQUEST__INIT;
	char *one[] = {(char *)id};
	float vector[DIMENSION] = {1};

	req.collection = (char *)"demo";
	req.has_generation = req.has_data = 1;
	req.generation = generation;
	req.ids = (void *)one;
	req.n_ids = 1;
	req.data = (ProtobufCBinaryData){sizeof vector, (uint8_t *)vector};
	return catalog_upsert_vectors(catalog, &req, cancelled, upserted, &err);
}

/* One of a new document needs a corpus; one of a document that is known does not. */
START_TEST(a_cancelled_upload_builds_no_corpus)
{
	uint64_t generation = begin("demo", "exact"), upserted = 0;
	atomic_bool cancelled = true;

	ck_refused(
		upload_one(generation, "d29", &cancelled, &upserted), &err, CANCELLED, "CANCELLED");
	ck_assert_ptr_null(entry->corpus);
	ck_refused(publish_generation("demo", generation, &err), &err, FAILED_PRECONDITION,
		"NO_VECTORS");
	ck_ok(upload_one(generation, "d29", NULL, &upserted), &err);
	ck_assert_uint_eq(upserted, 1);
	ck_ok(upload_one(generation, "d28", &cancelled, &upserted), &err);
	ck_ok(publish_generation("demo", generation, &err), &err);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("catalog_corpus");
	TCase *t = tcase_create("catalog_corpus");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_cancelled_request_goes_on_while_others_wait, 0, 2);
	tcase_add_loop_test(t, who_comes_again_with_no_patience_gets_it, 0, 2);
	tcase_add_loop_test(
		t, what_was_given_up_is_given_up_again_when_the_collection_is_deleted, 0, 2);
	tcase_add_loop_test(t, a_request_gets_its_corpus_though_the_collection_is_deleted, 0, 2);
	tcase_add_test(t, who_is_not_cancelled_gets_it);
	tcase_add_test(t, a_cancelled_upload_builds_no_corpus);
	suite_add_tcase(s, t);
	return s;
}
