/* Search, and queries that come as text. */
#include "tests/workers/mine/world.h"

#include <math.h>
#include <string.h>

#include "proto/fault.h"
#include "proto/limits.h"

static struct world w;
static struct error err;
static Pb__SearchRequest req;
static Pb__SearchResponse res;

static const struct seed_document documents[] = {
	{"bread", "Bread", "flour, water and salt", NULL},
	{"cake", "Cake", "flour, sugar and eggs", NULL},
	{"soup", "Soup", "water, salt and carrots", NULL},
	{"tea", "Tea", "water and leaves", NULL},
	{"copy", NULL, "FLOUR,  sugar and eggs", NULL},
};
enum { DOCUMENTS = sizeof documents / sizeof *documents };

static void setup(void)
{
	world_open(&w);
	world_documents(&w, documents, DOCUMENTS);
	world_query(&w, "sweet", "sugar cake", NULL);
	world_positive(&w, "sweet", "cake");
	pb__search_request__init(&req);
	req.collection = "world";
}

static void teardown(void)
{
	world_close(&w);
}

/* Documents at angles of 0, 10, 20 ... degrees. */
static void publish_angles(void)
{
	const char *ids[DOCUMENTS];
	float rows[DOCUMENTS][2];

	world_begin(&w, 2, PB__SIMILARITY__SIMILARITY_COSINE);
	for (int i = 0; i < DOCUMENTS; i++) {
		ids[i] = documents[i].id;
		rows[i][0] = cosf(i * (float)M_PI / 18);
		rows[i][1] = sinf(i * (float)M_PI / 18);
	}
	world_vectors(&w, PB__SIDE__SIDE_DOCUMENT, ids, DOCUMENTS, rows[0], 2);
	world_publish(&w);
}

static Pb__MineQuery *query(const char *id, const char *text)
{
	static Pb__MineQuery *queries[4];
	Pb__MineQuery *q = arena_alloc(&w.arena, sizeof *q);

	pb__mine_query__init(q);
	q->id = id;
	q->text = text;
	req.queries = queries;
	queries[req.n_queries++] = q;
	return q;
}

static void search(void)
{
	ck_ok(search_run(&w.mine, &req, &w.arena, &res, &err), &err);
}

static const char *hits(size_t i)
{
	const char *all = "";

	for (size_t j = 0; j < res.results[i]->n_hits; j++) {
		ck_assert_uint_eq(res.results[i]->hits[j]->rank, j);
		all = arena_printf(&w.arena, "%s%s%s", all, *all ? " " : "",
			res.results[i]->hits[j]->document_id);
	}
	return all;
}

#define SET(field, value) req.has_##field = true, req.field = (value)

static void ck_refused_at(enum code code, const char *field, const char *reason)
{
	ck_refused(search_run(&w.mine, &req, &w.arena, &res, &err), &err, code, reason);
	ck_assert_str_eq(err.field, field);
}

START_TEST(dense_search_finds_the_nearest)
{
	float along_second[] = {cosf((float)M_PI / 18), sinf((float)M_PI / 18)};
	Pb__MineQuery *q = query("mine", NULL);

	publish_angles();
	q->vector = along_second;
	q->n_vector = 2;
	SET(k, 1);
	search();
	ck_assert_str_eq(hits(0), "cake");
	ck_assert_double_eq_tol(res.results[0]->hits[0]->score, 1, 1e-12);
	ck_assert_uint_eq(res.generation, 1);
	SET(k, 10);
	search();
	ck_assert_uint_eq(res.results[0]->n_hits, DOCUMENTS);
	ck_assert_str_eq(res.results[0]->hits[4]->document_id, "copy");
	ck_assert_double_eq_tol(res.results[0]->hits[4]->score, cos(3 * M_PI / 18), 1e-6);
}
END_TEST

START_TEST(bm25_search_needs_no_generation)
{
	query("sweet", NULL);
	query(NULL, "carrots");
	query("none", "nothing known");
	SET(source, PB__SOURCE_KIND__SOURCE_KIND_BM25);
	SET(include_text, true);
	search();
	ck_assert(!res.has_generation);
	ck_assert_str_eq(res.results[0]->hits[0]->document_id, "cake");
	ck_assert_str_eq(res.results[0]->hits[0]->text, "Cake flour, sugar and eggs");
	ck_assert_str_eq(hits(1), "soup");
	ck_assert_str_eq(res.results[1]->query_id, "#1");
	ck_assert_str_eq(hits(2), "");
}
END_TEST

START_TEST(a_search_is_refused_by_path)
{
	ck_refused_at(INVALID_ARGUMENT, "queries", "MISSING_FIELD");
	query("sweet", NULL);
	SET(k, 0);
	ck_refused_at(INVALID_ARGUMENT, "k", "LIMIT_EXCEEDED");
	SET(k, LIMIT_SEARCH_K + 1);
	ck_refused_at(INVALID_ARGUMENT, "k", "LIMIT_EXCEEDED");
	SET(k, 1);
	SET(source, PB__SOURCE_KIND__SOURCE_KIND_RANDOM);
	ck_refused_at(INVALID_ARGUMENT, "source", "INVALID_VALUE");
	SET(source, PB__SOURCE_KIND__SOURCE_KIND_DENSE);
	ck_refused(search_run(&w.mine, &req, &w.arena, &res, &err), &err, FAILED_PRECONDITION,
		"NO_GENERATION");
	publish_angles();
	ck_refused_at(FAILED_PRECONDITION, "queries[0]", "NO_QUERY_VECTOR");
	query("ghost", NULL);
	ck_refused_at(NOT_FOUND, "queries[1].id", "NO_SUCH_QUERY");
	float zeros[] = {0, 0};
	req.queries[1]->vector = zeros;
	req.queries[1]->n_vector = 2;
	ck_refused_at(INVALID_ARGUMENT, "queries[1].vector", "ZERO_VECTOR");
}
END_TEST

START_TEST(lsa_makes_vectors_of_texts)
{
	Pb__EncodeCollectionRequest encode = PB__ENCODE_COLLECTION_REQUEST__INIT;
	Pb__Generation generation;

	encode.collection = "world";
	encode.has_dimension = true;
	encode.dimension = 3;
	ck_ok(catalog_encode(w.catalog, &encode, NULL, &w.arena, &generation, &err), &err);
	query("sweet", NULL);
	query(NULL, "sugar cake");
	SET(k, 2);
	search();
	ck_assert_str_eq(hits(0), hits(1));
	query("strange", "xyzzy");
	ck_refused_at(FAILED_PRECONDITION, "queries[2]", "NO_QUERY_VECTOR");
}
END_TEST

START_TEST(a_copy_of_the_positive_is_no_negative)
{
	Pb__MineNegativesRequest mine = PB__MINE_NEGATIVES_REQUEST__INIT;
	struct mined mined;

	query("sweet", NULL);
	mine.strategy = "bm25";
	mine.queries = req.queries;
	mine.n_queries = 1;
	ck_ok(world_mine(&w, &mine, &mined, &err), &err);
	ck_assert_str_eq(world_negatives(&w, mined.results[0]), "");
	ck_assert_uint_eq(mined.results[0]->rejected->duplicate, 1);
	ck_assert_uint_eq(mined.results[0]->rejected->positive, 1);
	mine.has_exclude_duplicates = true;
	mine.exclude_duplicates = false;
	ck_ok(world_mine(&w, &mine, &mined, &err), &err);
	ck_assert_str_eq(world_negatives(&w, mined.results[0]), "copy");
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(every_single_step_of_a_search_may_fail)
{
	enum code rc;
	long n = 0;

	query("sweet", NULL);
	query(NULL, "water");
	SET(source, PB__SOURCE_KIND__SOURCE_KIND_BM25);
	SET(include_text, true);
	search();
	do {
		Pb__SearchResponse untouched = {.n_results = 77};
		fault_arm(n++);
		rc = search_run(&w.mine, &req, &w.arena, &untouched, &err);
		bool fired = fault_fired();
		fault_arm(-1);
		ck_assert_msg(fired ? rc != OK : rc == OK, "step %ld: %d %s", n, rc, err.text);
		ck_assert_uint_eq(untouched.n_results, rc ? 77 : 2);
	} while (rc);
	ck_assert_int_gt(n, 20);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("search");
	TCase *t = tcase_create("search");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, dense_search_finds_the_nearest);
	tcase_add_test(t, bm25_search_needs_no_generation);
	tcase_add_test(t, a_search_is_refused_by_path);
	tcase_add_test(t, lsa_makes_vectors_of_texts);
	tcase_add_test(t, a_copy_of_the_positive_is_no_negative);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, every_single_step_of_a_search_may_fail);
#endif
	suite_add_tcase(s, t);
	return s;
}
