/*
 * Random requests over a random corpus, against the plainest reading of the rules (truth.h). And what
 * may change nothing: order, company, threads.
 */
#include "tests/workers/mine/truth.h"

#include <string.h>

enum { ROUNDS = 400 };

static struct world w;
static struct error err;
static struct mined mined;

static void setup(void)
{
	world_open(&w);
	truth_fill(&w);
}

static void teardown(void)
{
	world_close(&w);
}

#define MAYBE(field, value) \
	do { \
		if (below(3) == 0) \
			r->has_##field = true, r->field = (value); \
	} while (0)

static void random_request(Pb__MineNegativesRequest *r)
{
	static const char *const strategies[] = {"topk", "topk_shifted", "topk_abs", "margin",
		"topk_marginpos", "topk_percpos", "semi_hard", "nv_shift", "nv_perc"};

	pb__mine_negatives_request__init(r);
	r->strategy = strategies[below(9)];
	r->has_num_negatives = true;
	r->num_negatives = 1 + below(12);
	MAYBE(strict, below(2));
	MAYBE(exclude_groups, below(2));
	MAYBE(exclude_duplicates, below(2));
	MAYBE(rank_base, below(3));
	MAYBE(range_min, below(20));
	MAYBE(max_score, below(9) / 4.);
	MAYBE(min_score, -below(9) / 4.);
	MAYBE(relative_margin, below(4) / 8.);
	MAYBE(anchor, below(3));
	MAYBE(depth, 1 + below(40));
	MAYBE(max_depth, 20 + below(200));
	MAYBE(explain, below(2));
	if (below(3) == 0) {
		r->has_range_max = true;
		r->range_max = r->range_min + r->num_negatives + below(30);
	}
	if (below(4) == 0) {
		r->has_sampling_strategy = true;
		r->sampling_strategy = PB__SAMPLING__SAMPLING_RANDOM;
	}
}

static Pb__MineQuery **requested(const int *which, size_t n)
{
	Pb__MineQuery **all = arena_array(&w.arena, n, sizeof *all);

	for (size_t i = 0; i < n; i++) {
		all[i] = arena_alloc(&w.arena, sizeof **all);
		pb__mine_query__init(all[i]);
		all[i]->id = queries[which[i]].id;
	}
	return all;
}

START_TEST(results_are_those_of_brute_force)
{
	int all[QUERIES];
	Pb__MineNegativesRequest request;

	for (int i = 0; i < QUERIES; i++)
		all[i] = i;
	for (int round = 0; round < ROUNDS; round++) {
		size_t at = 0;
		random_request(&request);
		int first = below(QUERIES - 3);
		request.queries = requested(all + first, 3);
		request.n_queries = 3;
		enum code rc = world_mine(&w, &request, &mined, &err);
		if (rc == INVALID_ARGUMENT && !strcmp(err.reason, "CONTRADICTION"))
			continue;
		ck_ok(rc, &err);
		const Pb__MineNegativesRequest *r = mined.summary.recipe;
		for (int q = first; q < first + 3; q++) {
			bool each = r->anchor == PB__ANCHOR__ANCHOR_EACH;
			for (int i = 0; i < (each ? queries[q].n_positives : 1); i++) {
				const char *id = mined.results[at]->query_id;
				int only = -1;
				ck_assert_str_eq(id, queries[q].id);
				for (int j = 0; each && j < queries[q].n_positives; j++)
					if (same(documents[queries[q].positives[j]].id,
						    mined.results[at]->positives[0]->document_id))
						only = j;
				ck_result(r, q, only, mined.results[at++]);
			}
		}
		ck_assert_uint_eq(at, mined.n);
	}
	ck_assert_int_gt(left_out, ROUNDS / 20);
	ck_assert_int_gt(gave_up, ROUNDS / 20);
}
END_TEST

static void request_these(
	Pb__MineNegativesRequest *r, const char *strategy, const int *which, size_t n)
{
	pb__mine_negatives_request__init(r);
	r->strategy = strategy;
	r->has_seed = true;
	r->seed = 17;
	r->has_explain = true;
	r->explain = true;
	r->queries = requested(which, n);
	r->n_queries = n;
}

/* Where bounds on scores, the list's end and the window meet; many scores are equal. */
START_TEST(bounds_on_scores_hold_whatever_the_first_depth)
{
	static const uint32_t depths[] = {1, 2, 3, 5, 8, 13, 21};
	static const double none = 1000;
	int which[] = {0, 11, 22};
	Pb__MineNegativesRequest r;

	for (int most = -6; most <= 6; most++)
		for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
			for (int more = 0; more < 12; more++) {
				request_these(&r, "topk", which, 3);
				r.explain = r.has_max_depth = false;
				r.has_depth = r.has_rank_base = r.has_range_min = true;
				r.has_sampling_strategy = r.has_max_score = r.has_min_score = true;
				r.has_num_negatives = true;
				r.num_negatives = 25;
				r.depth = depths[d];
				r.rank_base = more % 3;
				r.range_min = r.rank_base ? 7 : 0;
				r.sampling_strategy = more / 3 % 2;
				r.max_score = more < 6 ? most / 4. : none;
				r.min_score = more < 6 ? -none : most / 4.;
				ck_ok(world_mine(&w, &r, &mined, &err), &err);
				for (int i = 0; i < 3; i++)
					ck_result(mined.summary.recipe, which[i], -1,
						mined.results[i]);
			}
}
END_TEST

static const char *const any_strategy[] = {"margin", "topk_percpos", "flag", "random", "bm25",
	"margin+bm25", "random+topk", "semi_hard", NULL};

static void ck_same(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	size_t len_a, len_b;
	const uint8_t *bytes_a = world_pack(&w, a, &len_a), *bytes_b = world_pack(&w, b, &len_b);

	ck_assert_uint_eq(len_a, len_b);
	ck_assert_int_eq(memcmp(bytes_a, bytes_b, len_a), 0);
}

/* The place of a query's first result. */
static size_t place_of(const struct mined *m, const char *id)
{
	size_t i = 0;

	while (strcmp(m->results[i]->query_id, id))
		i++;
	return i;
}

START_TEST(neither_order_nor_company_changes_an_answer)
{
	int forward[QUERIES], backward[QUERIES];
	Pb__MineNegativesRequest request;
	struct mined other;

	for (int i = 0; i < QUERIES; i++)
		forward[i] = backward[QUERIES - 1 - i] = i;
	for (size_t s = 0; any_strategy[s]; s++) {
		request_these(&request, any_strategy[s], forward, QUERIES);
		ck_ok(world_mine(&w, &request, &mined, &err), &err);
		request_these(&request, any_strategy[s], backward, QUERIES);
		ck_ok(world_mine(&w, &request, &other, &err), &err);
		ck_assert_uint_eq(mined.n, other.n);
		for (int q = 0; q < QUERIES; q++) {
			size_t a = place_of(&mined, queries[q].id);
			size_t b = place_of(&other, queries[q].id);
			ck_same(&mined.results[a]->base, &other.results[b]->base);
		}
		for (int q = 0; q < QUERIES; q += 13) {
			request.queries = requested(&q, 1);
			request.n_queries = 1;
			ck_ok(world_mine(&w, &request, &other, &err), &err);
			ck_same(&mined.results[place_of(&mined, queries[q].id)]->base,
				&other.results[0]->base);
		}
	}
}
END_TEST

START_TEST(threads_change_nothing)
{
	static const struct pool_options options = {.threads = {1, 3}, .queue = {4, 4}};
	int all[QUERIES];
	Pb__MineNegativesRequest request;
	struct mined other;

	for (int i = 0; i < QUERIES; i++)
		all[i] = i;
	for (size_t s = 0; any_strategy[s]; s++) {
		request_these(&request, any_strategy[s], all, QUERIES);
		ck_ok(world_mine(&w, &request, &mined, &err), &err);
		w.mine.pool = pool_start(&options);
		ck_assert_ptr_nonnull(w.mine.pool);
		ck_ok(world_mine(&w, &request, &other, &err), &err);
		w.mine.pool = pool_stop(w.mine.pool);
		ck_assert_uint_eq(mined.n, other.n);
		for (size_t i = 0; i < mined.n; i++)
			ck_same(&mined.results[i]->base, &other.results[i]->base);
		ck_same(&mined.summary.base, &other.summary.base);
	}
}
END_TEST

START_TEST(a_seed_changes_what_is_drawn_and_nothing_else)
{
	int q = 0;
	Pb__MineNegativesRequest request;
	struct mined other;

	request_these(&request, "random", &q, 1);
	ck_ok(world_mine(&w, &request, &mined, &err), &err);
	request.seed = 18;
	ck_ok(world_mine(&w, &request, &other, &err), &err);
	ck_assert_str_ne(
		world_negatives(&w, mined.results[0]), world_negatives(&w, other.results[0]));
	request.strategy = "margin";
	ck_ok(world_mine(&w, &request, &mined, &err), &err);
	request.seed = 17;
	ck_ok(world_mine(&w, &request, &other, &err), &err);
	ck_same(&mined.results[0]->base, &other.results[0]->base);
}
END_TEST

START_TEST(depth_doubles_until_the_query_is_served_or_may_go_no_deeper)
{
	int q = 0;
	Pb__MineNegativesRequest request;
	uint32_t positives = (uint32_t)queries[0].n_positives;

	request_these(&request, "topk", &q, 1);
	request.has_depth = request.has_max_score = true;
	request.depth = 4;
	request.max_score = -1000; /* rejects all */
	ck_ok(world_mine(&w, &request, &mined, &err), &err);
	ck_assert_uint_eq(mined.results[0]->depth, DOCUMENTS);
	request.has_max_depth = true;
	request.max_depth = 10;
	ck_ok(world_mine(&w, &request, &mined, &err), &err);
	ck_assert_uint_eq(mined.results[0]->depth, 10 + positives);
	ck_assert_uint_eq(mined.results[0]->candidates, 10 + positives);
	ck_assert_uint_eq(mined.summary.depth_max, 10 + positives);
	request.strategy = "st";
	request.has_depth = request.has_max_depth = false;
	ck_ok(world_mine(&w, &request, &mined, &err), &err);
	ck_assert_uint_eq(mined.results[0]->depth, 30 + 2 * positives);
}
END_TEST

START_TEST(a_quota_bounds_what_a_source_adds)
{
	int q = 0;
	Pb__MineNegativesRequest request;
	Pb__Source dense = PB__SOURCE__INIT, random = PB__SOURCE__INIT;
	Pb__Source *sources[] = {&dense, &random};

	dense.has_kind = random.has_kind = random.has_quota = true;
	dense.kind = PB__SOURCE_KIND__SOURCE_KIND_DENSE;
	random.kind = PB__SOURCE_KIND__SOURCE_KIND_RANDOM;
	random.quota = 5;
	request_these(&request, "topk", &q, 1);
	request.sources = sources;
	request.n_sources = 2;
	ck_ok(world_mine(&w, &request, &mined, &err), &err);
	size_t from_random = 0;
	const Pb__MineResult *r = mined.results[0];
	for (size_t i = 0; i < r->n_explain; i++)
		for (size_t s = 0; s < r->explain[i]->n_sources; s++)
			from_random += r->explain[i]->sources[s]->source ==
				       PB__SOURCE_KIND__SOURCE_KIND_RANDOM;
	ck_assert_uint_eq(from_random, 5);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("truth");
	TCase *t = tcase_create("truth");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, results_are_those_of_brute_force);
	tcase_add_test(t, bounds_on_scores_hold_whatever_the_first_depth);
	tcase_add_test(t, neither_order_nor_company_changes_an_answer);
	tcase_add_test(t, threads_change_nothing);
	tcase_add_test(t, a_seed_changes_what_is_drawn_and_nothing_else);
	tcase_add_test(t, depth_doubles_until_the_query_is_served_or_may_go_no_deeper);
	tcase_add_test(t, a_quota_bounds_what_a_source_adds);
	suite_add_tcase(s, t);
	return s;
}
