/* nprobe and ef_search, from the request to the index: what they change, and who refuses them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"
#include "tests/workers/mine/world.h"
#include "workers/mine/recipe.h"

enum { DOCUMENTS = 900, D = 6, LISTS = 30 };

static struct world w;
static struct error err;
static Pb__SearchRequest req;
static Pb__SearchResponse res;
static Pb__MineNegativesRequest mine;
static Pb__MineQuery asked, *queries[] = {&asked};
static float rows[DOCUMENTS][D];
static const char *ids[DOCUMENTS];

static void setup(void)
{
	struct seed_document *documents = calloc(DOCUMENTS, sizeof *documents);

	world_open(&w);
	srandom(7);
	for (int i = 0; i < DOCUMENTS; i++) {
		ids[i] = arena_printf(&w.arena, "d%03d", i);
		documents[i] = (struct seed_document){ids[i], NULL, ids[i], NULL};
		for (int j = 0; j < D; j++)
			rows[i][j] = (float)(random() % 2001 - 1000);
	}
	world_documents(&w, documents, DOCUMENTS);
	world_query(&w, "q", "d001", NULL);
	world_positive(&w, "q", "d001");
	free(documents);
	pb__mine_query__init(&asked);
	asked.id = "q";
	asked.vector = rows[0];
	asked.n_vector = D;
	pb__search_request__init(&req);
	req.collection = "world";
	pb__mine_negatives_request__init(&mine);
	mine.strategy = "topk";
	mine.queries = req.queries = queries;
	mine.n_queries = req.n_queries = 1;
}

static void teardown(void)
{
	world_close(&w);
}

static void publish(const char *index)
{
	world_begin_index(&w, D, PB__SIMILARITY__SIMILARITY_L2, index);
	world_vectors(&w, PB__SIDE__SIDE_DOCUMENT, ids, DOCUMENTS, rows[0], D);
	world_publish(&w);
}

#define SET(message, field, value) message.has_##field = true, message.field = (value)

/* How many of the k hits are among the k nearest by brute force. */
static size_t right(uint32_t k)
{
	size_t n = 0;

	SET(req, k, k);
	ck_ok(search_run(&w.mine, &req, &w.arena, &res, &err), &err);
	for (size_t h = 0; h < res.results[0]->n_hits; h++) {
		size_t number = strtoul(res.results[0]->hits[h]->document_id + 1, NULL, 10);
		double mine_is = 0;
		uint32_t nearer = 0;
		for (int j = 0; j < D; j++)
			mine_is += pow((double)rows[0][j] - rows[number][j], 2);
		ck_assert(res.results[0]->hits[h]->score == -mine_is);
		for (int i = 0; i < DOCUMENTS; i++) {
			double other = 0;
			for (int j = 0; j < D; j++)
				other += pow((double)rows[0][j] - rows[i][j], 2);
			nearer += other < mine_is;
		}
		n += nearer < k;
	}
	return n;
}

START_TEST(nprobe_is_of_one_request_alone)
{
	publish("IVF30,Flat");
	size_t settled = right(200);
	ck_assert_ptr_nonnull(res.recall);
	ck_assert_uint_eq(res.recall->nprobe, 6);
	ck_assert_uint_lt(settled, 200);
	SET(req, nprobe, 1);
	ck_assert_uint_lt(right(200), settled);
	ck_assert_ptr_null(res.recall); /* nobody measured that */
	SET(req, nprobe, LISTS);
	ck_assert_uint_eq(right(200), 200);
	req.has_nprobe = false;
	ck_assert_uint_eq(right(200), settled);
	ck_assert_ptr_nonnull(res.recall);
}
END_TEST

START_TEST(lists_take_nprobe)
{
	publish("lists30");
	SET(req, nprobe, 1);
	ck_assert_uint_lt(right(200), 200);
	ck_assert_ptr_null(res.recall);
	SET(req, nprobe, LISTS);
	ck_assert_uint_eq(right(200), 200);
	req.has_nprobe = false;
	ck_assert_uint_ge(right(100), 90);
	ck_assert(res.recall->recall >= .99 && res.recall->nprobe <= LISTS);
}
END_TEST

/* Depth grows behind what was found before, in the same lists. */
START_TEST(mining_deepens_in_lists_as_in_all_rows)
{
	struct mined exact, lists;

	SET(mine, num_negatives, 50);
	SET(mine, depth, 2);
	publish("exact");
	ck_ok(world_mine(&w, &mine, &exact, &err), &err);
	publish("lists30");
	SET(mine, nprobe, LISTS);
	ck_ok(world_mine(&w, &mine, &lists, &err), &err);
	ck_assert_uint_eq(lists.results[0]->n_negatives, 50);
	for (size_t i = 0; i < 50; i++) {
		ck_assert_str_eq(lists.results[0]->negatives[i]->document_id,
			exact.results[0]->negatives[i]->document_id);
		ck_assert(lists.results[0]->negatives[i]->score ==
			  exact.results[0]->negatives[i]->score);
	}
}
END_TEST

START_TEST(ef_search_is_of_one_request_alone)
{
	publish("HNSW4");
	size_t settled = right(5);
	SET(req, ef_search, 1);
	size_t lazy = right(5);
	SET(req, ef_search, DOCUMENTS);
	size_t eager = right(5);
	ck_assert_uint_le(lazy, settled);
	ck_assert_uint_le(settled, eager);
	ck_assert_uint_eq(eager, 5);
	ck_assert_ptr_null(res.recall);
}
END_TEST

static void ck_refused_both(const char *field, const char *reason)
{
	struct mined mined;

	ck_refused(search_run(&w.mine, &req, &w.arena, &res, &err), &err, INVALID_ARGUMENT, reason);
	ck_assert_str_eq(err.field, field);
	mine.has_nprobe = req.has_nprobe;
	mine.nprobe = req.nprobe;
	mine.has_ef_search = req.has_ef_search;
	mine.ef_search = req.ef_search;
	ck_refused(world_mine(&w, &mine, &mined, &err), &err, INVALID_ARGUMENT, reason);
	ck_assert_str_eq(err.field, field);
	req.has_nprobe = req.has_ef_search = false;
}

START_TEST(an_engine_without_a_parameter_refuses_it_at_the_field)
{
	static const char *const neither[] = {"exact", "Flat", "SQ8", "IVF9,Flat,RFlat"};

	for (size_t i = 0; i < sizeof neither / sizeof *neither; i++) {
		publish(neither[i]);
		SET(req, nprobe, 1);
		ck_refused_both("nprobe", "NO_SUCH_PARAMETER");
		SET(req, ef_search, 1);
		ck_refused_both("ef_search", "NO_SUCH_PARAMETER");
	}
	publish("HNSW4");
	SET(req, nprobe, 1);
	ck_refused_both("nprobe", "NO_SUCH_PARAMETER");
	publish("lists30");
	SET(req, ef_search, 9);
	ck_refused_both("ef_search", "NO_SUCH_PARAMETER");
	publish("IVF30,Flat");
	SET(req, ef_search, 9);
	ck_refused_both("ef_search", "NO_SUCH_PARAMETER");
	ck_assert_ptr_nonnull(strstr(err.text, "IVF30,Flat"));
}
END_TEST

START_TEST(a_parameter_out_of_range_is_refused_at_the_field)
{
	publish("lists30");
	SET(req, nprobe, LISTS + 1);
	ck_refused_both("nprobe", "OUT_OF_RANGE");
	publish("IVF30_HNSW4,Flat");
	SET(req, nprobe, 0);
	ck_refused_both("nprobe", "LIMIT_EXCEEDED");
	SET(req, nprobe, LISTS + 1);
	ck_refused_both("nprobe", "OUT_OF_RANGE");
	SET(req, nprobe, UINT32_MAX);
	ck_refused_both("nprobe", "LIMIT_EXCEEDED");
	SET(req, ef_search, 0);
	ck_refused_both("ef_search", "LIMIT_EXCEEDED");
	SET(req, ef_search, LIMIT_CANDIDATES + 1);
	ck_refused_both("ef_search", "LIMIT_EXCEEDED");
	SET(req, nprobe, LISTS);
	SET(req, ef_search, LIMIT_CANDIDATES);
	ck_assert_uint_eq(right(50), 50);
}
END_TEST

START_TEST(a_parameter_of_a_source_that_is_not_asked_is_refused)
{
	publish("IVF30,Flat");
	SET(req, source, PB__SOURCE_KIND__SOURCE_KIND_BM25);
	mine.strategy = "bm25";
	SET(req, nprobe, 3);
	ck_refused_both("nprobe", "CONTRADICTION");
}
END_TEST

START_TEST(mining_echoes_what_it_was_brought_and_tells_recall_otherwise)
{
	struct mined mined;

	publish("IVF30,Flat");
	ck_ok(world_mine(&w, &mine, &mined, &err), &err);
	ck_assert_ptr_nonnull(mined.summary.recall);
	ck_assert_uint_eq(mined.summary.recall->queries, 256);
	ck_assert(!mined.summary.recipe->has_nprobe);
	SET(mine, nprobe, LISTS);
	ck_ok(world_mine(&w, &mine, &mined, &err), &err);
	ck_assert_ptr_null(mined.summary.recall);
	ck_assert_uint_eq(mined.summary.recipe->nprobe, LISTS);
	publish("exact");
	mine.has_nprobe = false;
	ck_ok(world_mine(&w, &mine, &mined, &err), &err);
	ck_assert_ptr_null(mined.summary.recall);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("parameters");
	TCase *t = tcase_create("parameters");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nprobe_is_of_one_request_alone);
	tcase_add_test(t, lists_take_nprobe);
	tcase_add_test(t, mining_deepens_in_lists_as_in_all_rows);
	tcase_add_test(t, ef_search_is_of_one_request_alone);
	tcase_add_test(t, an_engine_without_a_parameter_refuses_it_at_the_field);
	tcase_add_test(t, a_parameter_out_of_range_is_refused_at_the_field);
	tcase_add_test(t, a_parameter_of_a_source_that_is_not_asked_is_refused);
	tcase_add_test(t, mining_echoes_what_it_was_brought_and_tells_recall_otherwise);
	suite_add_tcase(s, t);
	return s;
}
