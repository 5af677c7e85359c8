/*
 * More queries than are mined at once, and more hits than one search may return. Documents stand on a
 * line, the i-th at i, and a query looks along it, up or down, so many times enlarged: what it is to find
 * is told by its number.
 */
#include "tests/workers/mine/world.h"

#include <stdio.h>

#include "proto/limits.h"

enum {
	DOCUMENTS = 1200,
	QUERIES = 1100,
	MIDDLE = DOCUMENTS / 2,
	NEGATIVES = 3,
	SOON = 1000,  /* bounds on scores that leave off soon, by query; */
	LATE = -1750, /* so that all go on to the end */
	ROUND = 1024
};
_Static_assert(ROUND *DOCUMENTS > 1 << 20, "one search may not return all that a round asks for");

static struct world w;
static struct error err;
static char ids[DOCUMENTS][8], names[QUERIES][8];

static void fill(const char *index)
{
	static struct seed_document seeds[DOCUMENTS];
	static const char *pointers[DOCUMENTS];
	static float rows[DOCUMENTS];

	world_open(&w);
	for (int i = 0; i < DOCUMENTS; i++) {
		snprintf(ids[i], sizeof ids[i], "d%04d", i);
		pointers[i] = ids[i];
		seeds[i] = (struct seed_document){ids[i], NULL, ids[i], NULL};
		rows[i] = (float)(i - MIDDLE);
	}
	world_documents(&w, seeds, DOCUMENTS);
	world_begin_index(&w, 1, PB__SIMILARITY__SIMILARITY_DOT, index);
	world_vectors(&w, PB__SIDE__SIDE_DOCUMENT, pointers, DOCUMENTS, rows, 1);
	world_publish(&w);
}

static void setup(void)
{
	fill("exact");
}

static void setup_faiss(void)
{
	fill("Flat");
}

static void teardown(void)
{
	world_close(&w);
}

/* How a query looks along the line: 1 to 7 times enlarged, and every third downwards, so
 * that answers are not those of a neighbour, or of the part before. */
static int looks(int query)
{
	int times = 1 + query % 7;

	return query % 3 ? times : -times;
}

/* The document that ranks so. */
static int ranked(int query, int rank)
{
	return looks(query) > 0 ? DOCUMENTS - 1 - rank : rank;
}

static int score(int query, int document)
{
	return looks(query) * (document - MIDDLE);
}

static Pb__MineQuery **requested(void)
{
	Pb__MineQuery **all = arena_array(&w.arena, QUERIES, sizeof *all);

	for (int i = 0; i < QUERIES; i++) {
		float vector = (float)looks(i);
		all[i] = arena_alloc(&w.arena, sizeof **all);
		pb__mine_query__init(all[i]);
		snprintf(names[i], sizeof names[i], "q%04d", i);
		all[i]->id = names[i];
		all[i]->has_vector_f32 = true;
		all[i]->vector_f32.len = sizeof vector;
		all[i]->vector_f32.data = arena_copy(&w.arena, &vector, sizeof vector);
	}
	return all;
}

static void ck_negatives(int query, int bound, const Pb__MineResult *r)
{
	size_t n = 0;

	ck_assert_str_eq(r->query_id, names[query]);
	for (int rank = 0; rank < DOCUMENTS && n < NEGATIVES; rank++) {
		int document = ranked(query, rank);
		if (score(query, document) > bound)
			continue;
		ck_assert_uint_lt(n, r->n_negatives);
		ck_assert_str_eq(r->negatives[n]->document_id, ids[document]);
		ck_assert_double_eq(r->negatives[n]->score, score(query, document));
		ck_assert_uint_eq(r->negatives[n]->rank, (uint32_t)rank);
		n++;
	}
	ck_assert_uint_eq(r->n_negatives, n);
}

static void mine_all(int bound, bool leave_out)
{
	Pb__MineNegativesRequest r = PB__MINE_NEGATIVES_REQUEST__INIT;
	Pb__Source dense = PB__SOURCE__INIT, *sources[] = {&dense};
	struct mined mined;

	r.strategy = "topk";
	r.has_num_negatives = r.has_depth = r.has_max_score = true;
	r.num_negatives = NEGATIVES;
	r.depth = 5;
	r.max_score = bound;
	r.queries = requested();
	r.n_queries = QUERIES;
	if (!leave_out) { /* a source with a quota lists all */
		dense.has_kind = dense.has_quota = true;
		dense.kind = PB__SOURCE_KIND__SOURCE_KIND_DENSE;
		dense.quota = LIMIT_CANDIDATES;
		r.sources = sources;
		r.n_sources = 1;
	}
	ck_ok(world_mine(&w, &r, &mined, &err), &err);
	ck_assert_uint_eq(mined.n, QUERIES);
	for (int i = 0; i < QUERIES; i++)
		ck_negatives(i, bound, mined.results[i]);
	ck_assert_uint_eq(mined.summary.queries, QUERIES);
	ck_assert_int_eq(mined.summary.depth_max == DOCUMENTS, bound == LATE);
}

START_TEST(every_query_of_many_rounds_is_answered_as_its_own)
{
	mine_all(SOON, true);
	mine_all(LATE, true);
}
END_TEST

START_TEST(lists_that_are_too_long_for_one_search_take_several)
{
	mine_all(SOON, false);
	mine_all(LATE, false);
}
END_TEST

static void start_pool(void)
{
	static const struct pool_options options = {.threads = {1, 3}, .queue = {4, 4}};

	w.mine.pool = pool_start(&options);
	ck_assert_ptr_nonnull(w.mine.pool);
}

START_TEST(so_they_are_by_threads)
{
	start_pool();
	mine_all(SOON, true);
	mine_all(LATE, false);
	w.mine.pool = pool_stop(w.mine.pool);
}
END_TEST

static void search_all(uint32_t k)
{
	Pb__SearchRequest r = PB__SEARCH_REQUEST__INIT;
	Pb__SearchResponse res;

	r.collection = "world";
	r.source = PB__SOURCE_KIND__SOURCE_KIND_DENSE;
	r.has_k = true;
	r.k = k;
	r.queries = requested();
	r.n_queries = QUERIES;
	ck_ok(search_run(&w.mine, &r, &w.arena, &res, &err), &err);
	ck_assert_uint_eq(res.n_results, QUERIES);
	for (int i = 0; i < QUERIES; i++) {
		const Pb__SearchResult *found = res.results[i];
		ck_assert_str_eq(found->query_id, names[i]);
		ck_assert_uint_eq(found->n_hits, k);
		for (uint32_t j = 0; j < k; j++)
			ck_assert_str_eq(found->hits[j]->document_id, ids[ranked(i, (int)j)]);
	}
}

START_TEST(every_query_of_a_long_search_is_answered_as_its_own)
{
	search_all(4);
	search_all(DOCUMENTS);
}
END_TEST

START_TEST(faiss_answers_them_on_threads_each_by_itself)
{
	start_pool();
	search_all(4);
	w.mine.pool = pool_stop(w.mine.pool);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("rounds");
	TCase *t = tcase_create("rounds");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_query_of_many_rounds_is_answered_as_its_own);
	tcase_add_test(t, lists_that_are_too_long_for_one_search_take_several);
	tcase_add_test(t, so_they_are_by_threads);
	tcase_add_test(t, every_query_of_a_long_search_is_answered_as_its_own);
	suite_add_tcase(s, t);
	t = tcase_create("faiss");
	tcase_add_checked_fixture(t, setup_faiss, teardown);
	tcase_add_test(t, faiss_answers_them_on_threads_each_by_itself);
	suite_add_tcase(s, t);
	return s;
}
