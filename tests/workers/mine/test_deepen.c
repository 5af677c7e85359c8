/*
 * However deep a query is asked at first, and whether what filters reject is listed or left out: its
 * negatives and their ranks are the same.
 */
#include "tests/workers/mine/truth.h"

#include <string.h>

enum { MANY = 6000, LONG = 4500 /* more than is kept of a list that leaves nothing out */ };

static struct world w;
static struct error err;
static struct mined deep, shallow;

static void setup(void)
{
	world_open(&w);
	truth_fill(&w);
}

/* 6,000 documents around a circle, the query in its direction 0, no two scores alike but by symmetry. */
static void setup_many(void)
{
	static struct seed_document seeds[MANY];
	static const char *ids[MANY];
	static float rows[MANY][2];

	world_open(&w);
	for (int i = 0; i < MANY; i++) {
		int x = i * 7 % MANY - MANY / 2;
		ids[i] = arena_printf(&w.arena, "d%04d", i);
		seeds[i] = (struct seed_document){ids[i], NULL, ids[i], i % 3 ? NULL : "g"};
		rows[i][0] = (float)x / MANY;
		rows[i][1] = 1;
	}
	world_documents(&w, seeds, MANY);
	world_begin(&w, 2, PB__SIMILARITY__SIMILARITY_DOT);
	world_vectors(&w, PB__SIDE__SIDE_DOCUMENT, ids, MANY, rows[0], 2);
	world_query(&w, "q", "what is nearest", "g");
	world_vectors(&w, PB__SIDE__SIDE_QUERY, (const char *[]){"q"}, 1, (float[]){1, 0}, 2);
	world_publish(&w);
}

static void teardown(void)
{
	world_close(&w);
}

#define SET(field, value) r->has_##field = true, r->field = (value)

static void request(Pb__MineNegativesRequest *r, const char *strategy, const char *id)
{
	Pb__MineQuery *q = arena_alloc(&w.arena, sizeof *q);

	pb__mine_query__init(q);
	q->id = id;
	pb__mine_negatives_request__init(r);
	r->strategy = strategy;
	r->queries = arena_copy(&w.arena, &q, sizeof q);
	r->n_queries = 1;
}

static void ck_same_negatives(void)
{
	const Pb__MineResult *a = deep.results[0], *b = shallow.results[0];

	ck_assert(!a->error && !b->error);
	ck_assert_uint_eq(a->n_negatives, b->n_negatives);
	for (size_t i = 0; i < a->n_negatives; i++) {
		ck_assert_str_eq(a->negatives[i]->document_id, b->negatives[i]->document_id);
		ck_assert_uint_eq(a->negatives[i]->rank, b->negatives[i]->rank);
	}
}

/* All that passes is asked for, so that only the end of what there is ends the search. */
static void ask_for_all(const char *strategy, Pb__Source *source, double least, double most)
{
	Pb__MineNegativesRequest one, *r = &one;
	Pb__Source *sources[] = {source};

	for (int q = 0; q < 3; q++) {
		request(r, strategy, queries[q].id);
		if (source)
			r->sources = sources, r->n_sources = 1,
			SET(scorer, PB__SCORER__SCORER_DENSE);
		SET(num_negatives, DOCUMENTS);
		SET(min_score, least);
		SET(max_score, most);
		SET(depth, DOCUMENTS);
		ck_ok(world_mine(&w, r, &deep, &err), &err);
		r->depth = 5;
		ck_ok(world_mine(&w, r, &shallow, &err), &err);
		ck_same_negatives();
	}
}

/* Of bm25, whose own scores end its list or do not; of a source with a quota; of several. */
START_TEST(the_first_depth_does_not_matter_to_who_asks_for_all)
{
	Pb__Source bm25 = PB__SOURCE__INIT, dense = PB__SOURCE__INIT;

	bm25.has_kind = dense.has_kind = dense.has_quota = true;
	bm25.kind = PB__SOURCE_KIND__SOURCE_KIND_BM25;
	dense.kind = PB__SOURCE_KIND__SOURCE_KIND_DENSE;
	dense.quota = 40;
	for (int i = -4; i <= 8; i++) {
		ask_for_all("bm25", NULL, i / 4., 1000);
		ask_for_all("topk", &bm25, i / 4., 1000);
		ask_for_all("topk", &dense, -1000, i / 4.);
		ask_for_all("topk+bm25", NULL, i / 4., 1000);
		ask_for_all("topk+bm25", NULL, -1000, i / 4.);
	}
}
END_TEST

START_TEST(long_lists_leave_out_as_well)
{
	static const uint32_t depths[] = {30, LONG, MANY};
	Pb__MineNegativesRequest one, *r = &one;
	uint64_t unlisted = 0;

	for (int i = 0; i < 3 * 2 * 3 * 2; i++) {
		request(r, "topk", "q");
		SET(rank_base, i % 3);
		SET(range_min, i / 3 % 2 ? 7 : 0);
		SET(depth, depths[i / 6 % 3]);
		SET(exclude_groups, true);
		SET(num_negatives, i / 18 ? 12 : 500); /* of some 800 that pass */
		SET(max_score, -.3);
		SET(explain, false);
		ck_ok(world_mine(&w, r, &shallow, &err), &err);
		r->explain = true;
		ck_ok(world_mine(&w, r, &deep, &err), &err);
		ck_same_negatives();
		ck_assert_uint_eq(shallow.results[0]->n_negatives, r->num_negatives);
		unlisted += shallow.results[0]->rejected->unlisted > 0;
	}
	ck_assert_uint_gt(unlisted, 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("deepen");
	TCase *few = tcase_create("few"), *many = tcase_create("many");

	tcase_add_checked_fixture(few, setup, teardown);
	tcase_add_test(few, the_first_depth_does_not_matter_to_who_asks_for_all);
	suite_add_tcase(s, few);
	tcase_add_checked_fixture(many, setup_many, teardown);
	tcase_add_test(many, long_lists_leave_out_as_well);
	suite_add_tcase(s, many);
	return s;
}
