#include "storage/rows/generations.h"

#include <string.h>

#include "proto/limits.h"
#include "tests/storage/rows/fixture.h"

static struct collection c;

static void setup(void)
{
	fixture_setup();
	ck_ok(collection_create(db, "demo", &c, &err), &err);
}

static Pb__BeginGenerationRequest request(const char *encoder, uint32_t dimension)
{
	Pb__BeginGenerationRequest req = PB__BEGIN_GENERATION_REQUEST__INIT;

	req.encoder = encoder;
	req.has_dimension = 1;
	req.dimension = dimension;
	return req;
}

static uint64_t begin(const struct collection *in)
{
	Pb__BeginGenerationRequest req = request("minilm", 384);
	Pb__Generation g;

	ck_ok(generation_begin(db, in, &req, &arena, &g, &err), &err);
	return g.generation;
}

static void publish(uint64_t generation, size_t keep)
{
	ck_ok(generation_mark_published(db, &c, generation, 10, 2, NULL, keep, &err), &err);
}

static Pb__Generation get(uint64_t generation)
{
	Pb__Generation g;

	ck_ok(generation_get(db, &c, generation, &arena, &g, &err), &err);
	return g;
}

START_TEST(a_generation_begins_open_with_what_was_asked_for)
{
	Pb__BeginGenerationRequest req = request("minilm-7", 384);
	Pb__Generation g;

	req.step = 700;
	req.similarity = PB__SIMILARITY__SIMILARITY_DOT;
	req.dtype = PB__DTYPE__DTYPE_F16;
	req.index = "IVF64,Flat";
	ck_ok(generation_begin(db, &c, &req, &arena, &g, &err), &err);
	ck_assert_uint_eq(g.generation, 1);
	ck_assert_str_eq(g.collection, "demo");
	ck_assert_str_eq(g.encoder, "minilm-7");
	ck_assert_int_eq(g.step, 700);
	ck_assert_uint_eq(g.dimension, 384);
	ck_assert_int_eq(g.similarity, PB__SIMILARITY__SIMILARITY_DOT);
	ck_assert_str_eq(g.index, "IVF64,Flat");
	ck_assert_int_eq(g.dtype, PB__DTYPE__DTYPE_F16);
	ck_assert_int_eq(g.state, PB__GENERATION_STATE__GENERATION_STATE_OPEN);
	ck_assert_uint_eq(g.document_vectors + g.query_vectors, 0);
	ck_assert(g.has_created_at_ms && g.created_at_ms > 0);
	ck_assert(!g.has_published_at_ms);
	ck_assert(g.has_serving && !g.serving);
}
END_TEST

START_TEST(defaults_are_those_of_the_schema)
{
	Pb__Generation g = get(begin(&c));

	ck_assert_int_eq(g.step, 0);
	ck_assert_int_eq(g.similarity, PB__SIMILARITY__SIMILARITY_COSINE);
	ck_assert_str_eq(g.index, "exact");
	ck_assert_int_eq(g.dtype, PB__DTYPE__DTYPE_F32);
}
END_TEST

START_TEST(numbers_count_from_one_in_each_collection)
{
	struct collection other;

	ck_ok(collection_create(db, "other", &other, &err), &err);
	ck_assert_uint_eq(begin(&c), 1);
	ck_assert_uint_eq(begin(&c), 2);
	ck_assert_uint_eq(begin(&other), 1);
	fixture_reopen();
	ck_assert_uint_eq(begin(&c), 3);
}
END_TEST

#define REFUSED(reason, field) \
	ck_refused_at( \
		generation_begin(db, &c, &req, &arena, &g, &err), INVALID_ARGUMENT, reason, field)

START_TEST(what_cannot_be_a_generation_is_refused_by_field)
{
	Pb__BeginGenerationRequest req = request(NULL, 384);
	Pb__Generation g;

	REFUSED("MISSING_FIELD", "encoder");
	req.encoder = "";
	REFUSED("MISSING_FIELD", "encoder");
	req.encoder = xs(LIMIT_ID_BYTES + 1);
	REFUSED("TOO_LONG", "encoder");
	req = request("e", 0);
	REFUSED("OUT_OF_RANGE", "dimension");
	req = request("e", LIMIT_DIMENSION + 1);
	REFUSED("LIMIT_EXCEEDED", "dimension");
	ck_assert_ptr_nonnull(strstr(err.text, "16384"));
	req.has_dimension = 0;
	REFUSED("MISSING_FIELD", "dimension");
	req = request("e", LIMIT_DIMENSION);
	req.step = -1;
	REFUSED("OUT_OF_RANGE", "step");
	req.step = 0;
	req.dtype = PB__DTYPE__DTYPE_NPY;
	REFUSED("OUT_OF_RANGE", "dtype");
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM generations"), 0);
	req.dtype = PB__DTYPE__DTYPE_F32;
	ck_ok(generation_begin(db, &c, &req, &arena, &g, &err), &err);
}
END_TEST

START_TEST(a_collection_that_is_gone_has_no_generations)
{
	Pb__BeginGenerationRequest req = request("e", 2);
	Pb__Generation g;
	int64_t id;

	begin(&c);
	ck_ok(collection_delete(db, "demo", &id, &err), &err);
	ck_refused_at(generation_begin(db, &c, &req, &arena, &g, &err), NOT_FOUND,
		"NO_SUCH_COLLECTION", "collection");
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM generations"), 0);
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
	static const uint64_t absent[] = {0, 1, INT64_MAX, UINT64_MAX};
	Pb__Generation g;

	for (size_t i = 0; i < 4; i++) {
		ck_refused_at(generation_get(db, &c, absent[i], &arena, &g, &err), NOT_FOUND,
			"NO_SUCH_GENERATION", "generation");
		ck_refused_at(generation_mark_published(db, &c, absent[i], 1, 1, NULL, 2, &err),
			NOT_FOUND, "NO_SUCH_GENERATION", "generation");
	}
	ck_assert_uint_eq(fixture_collection("demo").generation, 0);
}
END_TEST

START_TEST(publishing_counts_serves_and_happens_once)
{
	uint64_t n = begin(&c);

	publish(n, 2);
	Pb__Generation g = get(n);
	ck_assert_int_eq(g.state, PB__GENERATION_STATE__GENERATION_STATE_PUBLISHED);
	ck_assert_uint_eq(g.document_vectors, 10);
	ck_assert_uint_eq(g.query_vectors, 2);
	ck_assert(g.has_published_at_ms && g.published_at_ms >= g.created_at_ms);
	ck_assert(g.serving);
	ck_assert_uint_eq(fixture_collection("demo").generation, n);
	ck_refused_at(generation_mark_published(db, &c, n, 1, 1, NULL, 2, &err),
		FAILED_PRECONDITION, "GENERATION_NOT_OPEN", "generation");
	ck_assert_uint_eq(get(n).document_vectors, 10);
}
END_TEST

START_TEST(what_was_measured_comes_back_as_it_was)
{
	Pb__Recall recall = PB__RECALL__INIT;

	recall.has_recall = recall.has_k = recall.has_queries = recall.has_nprobe = 1;
	recall.recall = 0.1 + 0.2; /* no short decimal */
	recall.k = 100;
	recall.queries = 256;
	recall.nprobe = 64;
	ck_ok(generation_mark_published(db, &c, begin(&c), 10, 2, &recall, 2, &err), &err);
	publish(begin(&c), 2);
	fixture_reopen();
	Pb__Generation g = get(1);
	ck_assert_ptr_nonnull(g.recall);
	ck_assert(g.recall->recall == 0.1 + 0.2);
	ck_assert_uint_eq(g.recall->k, 100);
	ck_assert_uint_eq(g.recall->queries, 256);
	ck_assert(g.recall->has_nprobe && g.recall->nprobe == 64);
	ck_assert(!g.recall->has_ef_search);
	ck_assert_ptr_null(get(2).recall);
}
END_TEST

static void ck_states(const char *want)
{
	for (uint64_t i = 1; *want; i++, want++)
		ck_assert_int_eq(get(i).state, *want == 'o' ? 0 : *want == 'p' ? 1 : 2);
}

START_TEST(the_newest_published_are_kept_and_the_served_one_always)
{
	for (int i = 0; i < 6; i++)
		begin(&c);
	publish(1, 2);
	publish(2, 2);
	ck_states("ppoooo");
	publish(4, 2);
	ck_states("rpopoo");
	publish(5, 2);
	ck_states("rropp");
	publish(3, 2); /* an older number, published last: it serves */
	ck_states("rrprp");
	ck_assert_uint_eq(fixture_collection("demo").generation, 3);
	ck_assert(get(3).serving && !get(5).serving);
	ck_refused(generation_mark_published(db, &c, 1, 1, 1, NULL, 2, &err), &err,
		FAILED_PRECONDITION, "GENERATION_NOT_OPEN");
	ck_assert_ptr_nonnull(strstr(err.text, "retired"));
}
END_TEST

START_TEST(generations_are_listed_newest_first)
{
	Pb__Generation **rows;
	size_t n;

	for (int i = 0; i < 3; i++)
		begin(&c);
	ck_ok(generation_list(db, &c, 0, 2, &arena, &rows, &n, &err), &err);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(rows[0]->generation, 3);
	ck_assert_uint_eq(rows[1]->generation, 2);
	ck_ok(generation_list(db, &c, 2, 2, &arena, &rows, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(rows[0]->generation, 1);
	ck_ok(generation_list(db, &c, 1, 2, &arena, &rows, &n, &err), &err);
	ck_assert_uint_eq(n, 0);
	ck_ok(generation_list(db, &c, UINT64_MAX, 9, &arena, &rows, &n, &err), &err);
	ck_assert_uint_eq(n, 3);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("generations");
	TCase *t = tcase_create("generations");

	tcase_add_checked_fixture(t, setup, fixture_teardown);
	tcase_add_test(t, a_generation_begins_open_with_what_was_asked_for);
	tcase_add_test(t, defaults_are_those_of_the_schema);
	tcase_add_test(t, numbers_count_from_one_in_each_collection);
	tcase_add_test(t, what_cannot_be_a_generation_is_refused_by_field);
	tcase_add_test(t, a_collection_that_is_gone_has_no_generations);
	tcase_add_test(t, what_is_not_there_is_not_found);
	tcase_add_test(t, publishing_counts_serves_and_happens_once);
	tcase_add_test(t, what_was_measured_comes_back_as_it_was);
	tcase_add_test(t, the_newest_published_are_kept_and_the_served_one_always);
	tcase_add_test(t, generations_are_listed_newest_first);
	suite_add_tcase(s, t);
	return s;
}
