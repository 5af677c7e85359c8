/* Whole requests against a catalog: what they answer and what fails alone. */
#include <math.h>
#include <string.h>

#include "proto/fault.h"
#include "tests/workers/mine/golden.h"
#include "tests/workers/mine/golden_world.h"

static struct world w;
static struct error err;
static struct mined mined;
static Pb__MineNegativesRequest req;

static void open_golden(void)
{
	world_open(&w);
	golden_fill(&w);
	pb__mine_negatives_request__init(&req);
}

static void close_world(void)
{
	world_close(&w);
}

#define SET(field, value) req.has_##field = true, req.field = (value)

static Pb__MineQuery *query(const char *id)
{
	Pb__MineQuery *q = arena_alloc(&w.arena, sizeof *q);

	pb__mine_query__init(q);
	q->id = id;
	return q;
}

static void ask(Pb__MineQuery **queries, size_t n)
{
	req.queries = queries;
	req.n_queries = n;
}

/* Mines query q, or these. */
static void mine(void)
{
	Pb__MineQuery *q[] = {query("q")};

	if (req.n_queries == 0)
		ask(arena_copy(&w.arena, q, sizeof q), 1);
	ck_ok(world_mine(&w, &req, &mined, &err), &err);
}

static const char *negatives(size_t i)
{
	ck_assert_uint_lt(i, mined.n);
	ck_assert_ptr_null(mined.results[i]->error);
	return world_negatives(&w, mined.results[i]);
}

static const char *mine_as(const char *strategy, uint32_t n)
{
	req.strategy = strategy;
	SET(num_negatives, n);
	mine();
	return negatives(0);
}

static void ck_failed_alone(size_t i, const char *status, const char *field, const char *reason)
{
	ck_assert_uint_lt(i, mined.n);
	const Pb__Error *e = mined.results[i]->error;
	ck_assert_ptr_nonnull(e);
	ck_assert_str_eq(e->status, status);
	ck_assert_str_eq(e->reason, reason);
	ck_assert_str_eq(e->field, field);
	ck_assert_uint_eq(mined.results[i]->n_negatives, 0);
}

START_TEST(the_golden_case_holds_from_vectors_to_results)
{
	ck_assert_str_eq(mine_as("st", 3), "d1 d2 d3");
	ck_assert_str_eq(mine_as("topk", 3), "d1 d2 d3");
	SET(absolute_margin, .05);
	ck_assert_str_eq(mine_as("st", 3), "d5 d6 d7");
	ck_assert_str_eq(mine_as("margin", 3), "d5 d6 d7");
	req.has_absolute_margin = false;
	SET(relative_margin, .05);
	ck_assert_str_eq(mine_as("st", 3), "d4 d5 d6");
	SET(range_min, 1);
	ck_assert_str_eq(mine_as("st", 3), "d5 d6 d7");
	req.has_relative_margin = false;
	SET(range_min, 2);
	ck_assert_str_eq(mine_as("nv_shift", 3), "d3 d4 d5");
	SET(range_max, 6);
	ck_assert_str_eq(mine_as("flag", 3), "d2 d3 d4");
	req.has_range_min = req.has_range_max = false;
	SET(semi_hard_margin, .05);
	ck_assert_str_eq(mine_as("semi_hard", 3), "d3 d4");
}
END_TEST

START_TEST(scores_are_the_constructed_ones_to_the_last_bit)
{
	mine_as("topk", 8);
	const Pb__MineResult *r = mined.results[0];
	for (size_t i = 0; i < 8; i++)
		ck_assert(r->negatives[i]->score == golden_scores[i]);
	ck_assert(r->positives[0]->score == .90 && r->positives[1]->score == .80);
	ck_assert_str_eq(r->anchor_id, "p2");
	ck_assert(r->anchor_score == .80);
}
END_TEST

START_TEST(each_positive_is_an_answer_of_its_own)
{
	ck_assert_str_eq(mine_as("nv_perc", 3), "d3 d4 d5");
	ck_assert_uint_eq(mined.n, 2);
	ck_assert_str_eq(negatives(1), "d5 d6 d7");
	ck_assert_str_eq(mined.results[0]->anchor_id, "p1");
	ck_assert_uint_eq(mined.results[0]->n_positives, 1);
	ck_assert_str_eq(mined.results[1]->positives[0]->document_id, "p2");
	ck_assert_uint_eq(mined.summary.queries, 2);
	ck_assert_uint_eq(mined.summary.scores->difference->count, 6);
}
END_TEST

START_TEST(an_answer_names_generation_encoder_revision_and_recipe)
{
	mine_as("margin", 3);
	ck_assert_uint_eq(mined.summary.generation, 1);
	ck_assert_str_eq(mined.summary.encoder, "by-hand");
	ck_assert_uint_gt(mined.summary.revision, 0);
	ck_assert_str_eq(mined.summary.version, HARDMINER_VERSION);
	ck_assert_str_eq(mined.summary.recipe->strategy, "margin");
	ck_assert_uint_eq(mined.summary.recipe->generation, 1);
	ck_assert_uint_eq(mined.summary.recipe->n_queries, 0);
}
END_TEST

START_TEST(the_recipe_sent_back_gives_the_same_bytes)
{
	static const char *const strategies[] = {"margin", "st", "flag", "random", NULL};

	for (size_t i = 0; strategies[i]; i++) {
		size_t once, again;
		req.has_num_negatives = false;
		req.strategy = strategies[i];
		mine();
		const uint8_t *before = world_pack(&w, &mined.results[0]->base, &once);
		Pb__MineNegativesRequest replay = *mined.summary.recipe;
		replay.queries = req.queries;
		replay.n_queries = req.n_queries;
		ck_ok(world_mine(&w, &replay, &mined, &err), &err);
		const uint8_t *after = world_pack(&w, &mined.results[0]->base, &again);
		ck_assert_uint_eq(once, again);
		ck_assert_int_eq(memcmp(before, after, once), 0);
	}
}
END_TEST

START_TEST(a_query_that_cannot_be_served_fails_alone)
{
	Pb__MineQuery *none = query("none"), *bare = query("bare"), *q[] = {query("q"), none, bare};
	float numbers[] = {1, 0, 0};
	const char *positives[] = {"p1"};

	none->vector = numbers;
	none->n_vector = 3;
	bare->positives = positives;
	bare->n_positives = 1;
	ask(q, 3);
	req.strategy = "margin";
	mine();
	ck_assert_uint_eq(mined.n, 3);
	ck_assert_str_eq(negatives(0), "d4 d5 d6");
	ck_failed_alone(1, "FAILED_PRECONDITION", "queries[1].positives", "NO_POSITIVE");
	ck_failed_alone(2, "FAILED_PRECONDITION", "queries[2]", "NO_QUERY_VECTOR");
	ck_assert_uint_eq(mined.summary.queries_failed, 2);
	ck_assert_uint_eq(mined.summary.queries, 3);
	req.strategy = "topk";
	mine();
	ck_assert_str_eq(negatives(1), "p1 d1 d2"); /* without positives, topk needs none */
	req.strategy = "nv_margin";
	mine();
	ck_failed_alone(2, "FAILED_PRECONDITION", "queries[1].positives", "NO_POSITIVE");
}
END_TEST

START_TEST(bm25_without_a_text_fails_alone)
{
	Pb__MineQuery *silent = query("silent"), *q[] = {query("q"), silent};
	const char *positives[] = {"p1"};

	silent->positives = positives;
	silent->n_positives = 1;
	ask(q, 2);
	req.strategy = "bm25";
	mine();
	ck_failed_alone(1, "FAILED_PRECONDITION", "queries[1].text", "NO_QUERY_TEXT");
	ck_assert_ptr_null(mined.results[0]->error);
}
END_TEST

START_TEST(a_short_query_fails_alone_when_that_is_the_policy)
{
	req.strategy = "topk";
	SET(num_negatives, 9);
	SET(shortfall, PB__SHORTFALL__SHORTFALL_ERROR);
	mine();
	ck_failed_alone(0, "OUT_OF_RANGE", "queries[0]", "SHORTFALL");
	SET(shortfall, PB__SHORTFALL__SHORTFALL_DROP);
	mine();
	ck_assert_str_eq(negatives(0), "");
	ck_assert_uint_eq(mined.summary.queries_dropped, 1);
	ck_assert_uint_eq(mined.results[0]->rejected->dropped, 8);
	SET(shortfall, PB__SHORTFALL__SHORTFALL_PARTIAL);
	mine();
	ck_assert_uint_eq(mined.results[0]->n_negatives, 8);
	ck_assert_uint_eq(mined.summary.queries_short, 1);
}
END_TEST

START_TEST(a_fill_is_marked_and_scored)
{
	req.strategy = "margin";
	SET(num_negatives, 6);
	SET(absolute_margin, .15);
	SET(shortfall, PB__SHORTFALL__SHORTFALL_RANDOM_FILL);
	mine();
	const Pb__MineResult *r = mined.results[0];
	ck_assert_uint_eq(r->n_negatives, 6); /* d7 and d8, and four of the other six */
	ck_assert_uint_eq(r->filled, 4);
	for (size_t i = 2; i < 6; i++) {
		const Pb__Negative *n = r->negatives[i];
		ck_assert_int_eq(n->source, PB__SOURCE_KIND__SOURCE_KIND_RANDOM);
		ck_assert(!n->has_rank && n->has_score);
		ck_assert_int_ne(n->document_id[0], 'p');
		ck_assert(n->score > .65);
	}
	ck_assert_uint_eq(r->candidates, 10);
	ck_assert_uint_eq(r->rejected->absolute_margin, 6);
	ck_assert_double_eq_tol(mined.summary.risk->share_random, 4 / 6., 1e-15);
}
END_TEST

START_TEST(explain_shows_every_candidate_with_its_verdict)
{
	req.strategy = "margin+bm25";
	SET(explain, true);
	SET(max_score, .87);
	mine();
	const Pb__MineResult *r = mined.results[0];
	ck_assert_uint_eq(r->n_explain, r->candidates);
	ck_assert_str_eq(r->explain[0]->document_id, "p1");
	ck_assert_str_eq(r->explain[0]->verdict, "positive");
	ck_assert(!r->explain[0]->has_rank_negatives);
	ck_assert_str_eq(r->explain[1]->verdict, "max_score");
	ck_assert_uint_eq(r->explain[1]->rank_negatives, 0);
	ck_assert(!r->explain[1]->has_rank_survivors);
	ck_assert_str_eq(r->explain[2]->verdict, "relative_margin");
	ck_assert_str_eq(r->explain[5]->verdict, "chosen");
	ck_assert_uint_eq(r->explain[5]->rank_survivors, 0);
	ck_assert_uint_eq(r->explain[5]->sources[0]->rank, 5);
	ck_assert(r->explain[5]->sources[0]->score == .76);
}
END_TEST

START_TEST(texts_come_on_request)
{
	SET(include_text, true);
	mine_as("topk", 2);
	const Pb__MineResult *r = mined.results[0];
	ck_assert_str_eq(r->text, "a question");
	ck_assert_str_eq(r->negatives[0]->text, "text 0");
	ck_assert_str_eq(r->negatives[1]->text, "text 1");
	ck_assert_str_eq(r->positives[1]->text, "text 9");
}
END_TEST

START_TEST(a_query_may_bring_its_own_vector_and_positives)
{
	Pb__MineQuery *own = query(NULL), *q[] = {own};
	float numbers[] = {-1, 0, 0};
	const char *positives[] = {"d8", "d7", "d8"};

	own->has_vector_f32 = true;
	own->vector_f32 = (ProtobufCBinaryData){sizeof numbers, (uint8_t *)numbers};
	own->positives = positives;
	own->n_positives = 3;
	ask(q, 1);
	ck_assert_str_eq(mine_as("topk", 3), "d6 d5 d4");
	ck_assert_str_eq(mined.results[0]->query_id, "#0");
	ck_assert_uint_eq(mined.results[0]->n_positives, 2);
	SET(anchor, PB__ANCHOR__ANCHOR_FIRST);
	mine();
	ck_assert_str_eq(mined.results[0]->anchor_id, "d8");
}
END_TEST

START_TEST(in_batch_negatives_are_the_other_queries_positives)
{
	Pb__MineQuery *a = query("a"), *b = query("b"), *q[] = {a, b, query("q")};
	const char *of_a[] = {"d1", "d2"}, *of_b[] = {"d2", "d3"};

	a->positives = of_a, a->n_positives = 2;
	b->positives = of_b, b->n_positives = 2;
	ask(q, 3);
	req.strategy = "in_batch";
	SET(num_negatives, 10);
	mine();
	for (size_t i = 0; i < 3; i++) {
		const char *all = negatives(i);
		ck_assert_int_eq(!strstr(all, "d1"), i == 0);
		ck_assert_int_eq(!strstr(all, "d2"), i <= 1);
		ck_assert_int_eq(!strstr(all, "d3"), i == 1);
		ck_assert_int_eq(!strstr(all, "p1"), i == 2);
	}
	ck_assert_uint_eq(mined.results[1]->rejected->positive, 1); /* d2, which a has too */
	ck_assert(!mined.results[0]->negatives[0]->has_score);
}
END_TEST

START_TEST(given_candidates_keep_the_callers_scores)
{
	Pb__MineQuery *own = query("own"), *q[] = {own};
	Pb__Candidate candidates[3], *all[3];
	const char *positives[] = {"p1"};
	double p = 5;

	for (int i = 0; i < 3; i++) {
		all[i] = &candidates[i];
		pb__candidate__init(all[i]);
		all[i]->document_id = golden_ids[i];
		all[i]->has_score = i != 1;
		all[i]->score = 3 + i;
	}
	own->candidates = all, own->n_candidates = 3;
	own->positives = positives, own->n_positives = 1;
	own->positive_scores = &p, own->n_positive_scores = 1;
	ask(q, 1);
	Pb__Source given = PB__SOURCE__INIT, *sources[] = {&given};
	given.has_kind = true;
	given.kind = PB__SOURCE_KIND__SOURCE_KIND_GIVEN;
	req.sources = sources, req.n_sources = 1;
	SET(absolute_margin, 1);
	ck_assert_str_eq(mine_as("margin", 3), "d1");
	ck_assert_uint_eq(mined.results[0]->rejected->unscored, 1);
	ck_assert_uint_eq(mined.results[0]->rejected->absolute_margin, 1);
	ck_assert(mined.results[0]->anchor_score == 5);
}
END_TEST

START_TEST(a_document_newer_than_the_generation_has_no_score)
{
	static const struct seed_document fresh = {"fresh", NULL, "brand new", NULL};
	Pb__Source random = PB__SOURCE__INIT, *sources[] = {&random};

	world_documents(&w, &fresh, 1);
	random.has_kind = true;
	random.kind = PB__SOURCE_KIND__SOURCE_KIND_RANDOM;
	req.sources = sources, req.n_sources = 1;
	ck_assert_str_eq(mine_as("margin", 9), "d4 d5 d6 d7 d8");
	ck_assert_uint_eq(mined.results[0]->rejected->unscored, 1);
	ck_assert_uint_eq(mined.results[0]->candidates, 11);
}
END_TEST

START_TEST(a_cancelled_run_says_so)
{
	atomic_bool cancelled = true;
	Pb__MineQuery *q[] = {query("q")};

	w.mine.cancelled = &cancelled;
	ask(q, 1);
	ck_assert_int_eq(world_mine(&w, &req, &mined, &err), CANCELLED);
	ck_assert_uint_eq(mined.n, 0);
}
END_TEST

static enum code refuse(void *arg, const Pb__MineResult *result, struct error *e)
{
	(void)result;
	++*(int *)arg;
	return error_set(e, UNAVAILABLE, "GONE", "The reader went away.");
}

START_TEST(an_emit_that_fails_ends_the_run)
{
	Pb__MineQuery *b = query("b"), *q[] = {query("q"), b};
	const char *positives[] = {"d1"};
	int calls = 0;

	b->positives = positives, b->n_positives = 1;
	ask(q, 2);
	req.collection = "world";
	ck_refused(mine_run(&w.mine, &req, refuse, &calls, &w.arena, &mined.summary, &err), &err,
		UNAVAILABLE, "GONE");
	ck_assert_int_eq(calls, 1);
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(every_single_step_may_fail)
{
	Pb__MineQuery *own = query("own"), *q[] = {query("q"), own};
	const char *positives[] = {"d5"};
	enum code rc;
	long n = 0;

	own->text = "text 3";
	own->positives = positives, own->n_positives = 1;
	ask(q, 2);
	req.strategy = "margin+bm25+in_batch+random";
	SET(explain, true);
	SET(include_text, true);
	SET(num_negatives, 9);
	SET(shortfall, PB__SHORTFALL__SHORTFALL_RANDOM_FILL);
	mine(); /* corpus and caches are there */
	size_t results = mined.n;
	do {
		fault_arm(n++);
		rc = world_mine(&w, &req, &mined, &err);
		bool fired = fault_fired();
		fault_arm(-1);
		ck_assert_msg(fired ? rc != OK : rc == OK, "step %ld: %d %s", n, rc, err.text);
	} while (rc);
	ck_assert_int_gt(n, 50);
	ck_assert_uint_eq(mined.n, results);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("run");
	TCase *t = tcase_create("run");

	tcase_add_checked_fixture(t, open_golden, close_world);
	tcase_add_test(t, the_golden_case_holds_from_vectors_to_results);
	tcase_add_test(t, scores_are_the_constructed_ones_to_the_last_bit);
	tcase_add_test(t, each_positive_is_an_answer_of_its_own);
	tcase_add_test(t, an_answer_names_generation_encoder_revision_and_recipe);
	tcase_add_test(t, the_recipe_sent_back_gives_the_same_bytes);
	tcase_add_test(t, a_query_that_cannot_be_served_fails_alone);
	tcase_add_test(t, bm25_without_a_text_fails_alone);
	tcase_add_test(t, a_short_query_fails_alone_when_that_is_the_policy);
	tcase_add_test(t, a_fill_is_marked_and_scored);
	tcase_add_test(t, explain_shows_every_candidate_with_its_verdict);
	tcase_add_test(t, texts_come_on_request);
	tcase_add_test(t, a_query_may_bring_its_own_vector_and_positives);
	tcase_add_test(t, in_batch_negatives_are_the_other_queries_positives);
	tcase_add_test(t, given_candidates_keep_the_callers_scores);
	tcase_add_test(t, a_document_newer_than_the_generation_has_no_score);
	tcase_add_test(t, a_cancelled_run_says_so);
	tcase_add_test(t, an_emit_that_fails_ends_the_run);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, every_single_step_may_fail);
#endif
	suite_add_tcase(s, t);
	return s;
}
