/* The stages one by one, and where tools are known to go wrong. */
#include "tests/runner.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "workers/mine/anchor.h"
#include "workers/mine/filter.h"
#include "workers/mine/identity.h"
#include "workers/mine/merge.h"
#include "workers/mine/sample.h"
#include "workers/mine/shortfall.h"
#include "workers/mine/window.h"

enum {
	N = 6,
	DENSE = PB__SOURCE_KIND__SOURCE_KIND_DENSE,
	BM25 = PB__SOURCE_KIND__SOURCE_KIND_BM25
};

static struct arena arena;
static struct error err;
static Pb__MineNegativesRequest recipe;
static struct found found[N_SOURCES];
static struct list list;
static uint32_t places[64];

static void setup(void)
{
	arena_init(&arena, 64 << 20);
	pb__mine_negatives_request__init(&recipe);
	recipe.rank_base = PB__RANK_BASE__RANK_BASE_SURVIVORS;
	memset(found, 0, sizeof found);
	for (uint32_t i = 0; i < 64; i++)
		places[i] = i;
}

static void teardown(void)
{
	arena_free(&arena);
}

#define SET(field, value) recipe.has_##field = true, recipe.field = (value)

/* A list of these documents with scores that fall from 1 by .1. */
static void make_list(const uint32_t *documents, size_t n)
{
	list = (struct list){arena_array(&arena, n, sizeof *list.at), n};
	for (size_t i = 0; i < n; i++)
		list.at[i] = (struct candidate){.document = documents[i],
			.place = places[documents[i]],
			.score = 1 - .1 * i,
			.rank = i,
			.verdict = UNDECIDED};
}

/* A list with these scores, documents 0, 1, ... */
static void make_scored(const double *scores, size_t n)
{
	make_list(places, n);
	for (size_t i = 0; i < n; i++)
		list.at[i].score = scores[i];
}

static const char *documents_of(enum verdict v)
{
	char *all = arena_alloc(&arena, 1000), *end = all;

	for (size_t i = 0; i < list.n; i++)
		if (v == N_VERDICTS + 1 || list.at[i].verdict == v)
			end += sprintf(end, "%s%u", end == all ? "" : " ", list.at[i].document);
	return all;
}

#define ALL (N_VERDICTS + 1)
#define ck_documents(verdict, want) ck_assert_str_eq(documents_of(verdict), want)

static void merge(void)
{
	ck_ok(merge_sources(found, places, &arena, &list, &err), &err);
}

START_TEST(a_document_found_twice_is_one_candidate_with_both_ranks)
{
	struct hit dense[] = {{3, .9}, {1, .8}, {2, .7}}, bm25[] = {{1, 12}, {5, 7}};

	found[DENSE] = (struct found){dense, 3, false};
	found[BM25] = (struct found){bm25, 2, false};
	merge();
	ck_assert_uint_eq(list.n, 4);
	for (size_t i = 0; i < list.n; i++) {
		const struct candidate *c = &list.at[i];
		if (c->document == 1) {
			ck_assert_uint_eq(c->seen[DENSE].rank, 1);
			ck_assert_uint_eq(c->seen[BM25].rank, 0);
			ck_assert(c->seen[BM25].score == 12);
		}
		if (c->document == 5)
			ck_assert_uint_eq(c->seen[DENSE].rank, NO_RANK);
	}
}
END_TEST

START_TEST(a_union_is_sorted_by_score_ties_by_id_and_the_unscored_last)
{
	make_scored((double[]){NAN, .5, .7, .5, NAN}, 5);
	places[1] = 9; /* document 1 has a later id than 3, and 0 than 4 */
	list.at[1].place = 9;
	list.at[0].place = 8;
	merge_order(&recipe, &list);
	ck_documents(ALL, "2 3 1 4 0");
	for (size_t i = 0; i < list.n; i++)
		ck_assert_uint_eq(list.at[i].rank, i);
}
END_TEST

START_TEST(a_score_of_minus_infinity_is_not_the_same_as_none)
{
	make_scored((double[]){NAN, -INFINITY}, 2);
	merge_order(&recipe, &list);
	ck_documents(ALL, "1 0");
}
END_TEST

START_TEST(reciprocal_ranks_are_summed_over_sources)
{
	/* k 60: document 1 has 1/62 + 1/61, 3 has 1/61, 5 and 2: 1/62 and 1/63 */
	struct hit dense[] = {{3, .9}, {1, .8}, {2, .7}}, bm25[] = {{1, 12}, {5, 7}};

	recipe.fusion = PB__FUSION__FUSION_RRF;
	found[DENSE] = (struct found){dense, 3, false};
	found[BM25] = (struct found){bm25, 2, false};
	merge();
	merge_order(&recipe, &list);
	ck_documents(ALL, "1 3 5 2");
	ck_assert_double_eq_tol(list.at[0].order, 1 / 62. + 1 / 61., 1e-15);
}
END_TEST

START_TEST(without_a_score_the_best_rank_of_any_source_decides)
{
	struct hit dense[] = {{3, .9}, {1, .8}, {2, .7}}, bm25[] = {{4, 12}, {2, 7}};

	recipe.scorer = PB__SCORER__SCORER_NONE;
	found[DENSE] = (struct found){dense, 3, false};
	found[BM25] = (struct found){bm25, 2, false};
	merge();
	merge_order(&recipe, &list);
	ck_documents(ALL, "3 4 1 2");
}
END_TEST

START_TEST(nothing_found_is_an_empty_list)
{
	merge();
	merge_order(&recipe, &list);
	ck_assert_uint_eq(list.n, 0);
}
END_TEST

/* 0: a positive. 1 says the same under another id, 2 the same with a title. 3 is the query's text.
 * 4 is of the positive's group, 5 of the query's, 6 of none. 7 is empty, as is the positive 8. */
enum { CORPUS = 9 };
static struct content contents[CORPUS];
static uint32_t groups[CORPUS] = {1, 0, 0, 0, 1, 2, 0, 0, 0};
static uint32_t positives[] = {8, 0};

static struct corpus corpus_of_nine(void)
{
	contents[0] = content_of(NULL, "Push it away.");
	contents[1] = content_of(NULL, "push  it away. ");
	contents[2] = content_of("Title", "Push it away.");
	contents[3] = content_of(NULL, "What to push?");
	contents[4] = content_of(NULL, "four");
	contents[5] = content_of(NULL, "five");
	contents[6] = content_of(NULL, "six");
	return (struct corpus){.n = CORPUS, .order = places, .group = groups, .content = contents};
}

static void check_identity(const char *text, uint32_t group)
{
	struct corpus corpus = corpus_of_nine();
	struct query q = {.text = text, .group = group, .positives = positives, .n_positives = 2};
	struct identity id;

	make_list(places, CORPUS);
	ck_ok(identity_of(&recipe, &corpus, &q, &arena, &id, &err), &err);
	identity_list(&id, &list);
}

START_TEST(every_positive_is_excluded_and_nothing_else_unless_asked)
{
	check_identity("What to push?", 2);
	ck_documents(REJECTED_POSITIVE, "0 8");
	ck_documents(UNDECIDED, "1 2 3 4 5 6 7");
}
END_TEST

START_TEST(what_says_the_same_as_a_positive_or_the_query_is_excluded)
{
	recipe.exclude_duplicates = true;
	check_identity(" what to PUSH?", 0);
	ck_documents(REJECTED_POSITIVE, "0 8");
	ck_documents(REJECTED_DUPLICATE, "1 2");
	ck_documents(REJECTED_QUERY_TEXT, "3");
	ck_documents(UNDECIDED, "4 5 6 7");
}
END_TEST

START_TEST(empty_documents_are_no_duplicates_of_each_other)
{
	recipe.exclude_duplicates = true;
	check_identity("", 0);
	ck_assert_int_eq(list.at[7].verdict, UNDECIDED);
}
END_TEST

START_TEST(groups_of_the_positives_and_of_the_query_are_excluded)
{
	recipe.exclude_groups = true;
	check_identity(NULL, 2);
	ck_documents(REJECTED_GROUP, "4 5");
	ck_documents(UNDECIDED, "1 2 3 6 7");
	check_identity(NULL, 0);
	ck_documents(REJECTED_GROUP, "4");
}
END_TEST

static struct anchor pick(Pb__Anchor rule, const double *scores, size_t n, uint64_t seed)
{
	static const uint32_t documents[] = {4, 5, 6, 7};

	return anchor_pick(rule, documents, scores, n, stream_of(seed, "q", STREAM_ANCHOR, NULL));
}

START_TEST(positives_without_a_score_are_no_anchors)
{
	static const double scores[] = {NAN, .5, NAN, .7};

	ck_assert_uint_eq(pick(PB__ANCHOR__ANCHOR_MIN, scores, 4, 0).document, 5);
	ck_assert_uint_eq(pick(PB__ANCHOR__ANCHOR_MAX, scores, 4, 0).document, 7);
	ck_assert_uint_eq(pick(PB__ANCHOR__ANCHOR_FIRST, scores, 4, 0).document, 5);
	ck_assert_double_eq_tol(pick(PB__ANCHOR__ANCHOR_MEAN, scores, 4, 0).score, .6, 1e-15);
	ck_assert_uint_eq(pick(PB__ANCHOR__ANCHOR_MEAN, scores, 4, 0).document, NO_DOCUMENT);
	for (int rule = 0; rule <= PB__ANCHOR__ANCHOR_EACH; rule++) {
		ck_assert(isnan(pick(rule, scores, 1, 0).score));
		ck_assert(isnan(pick(rule, scores, 0, 0).score));
	}
}
END_TEST

START_TEST(a_random_anchor_is_any_of_those_with_a_score_equally_often)
{
	static const double scores[] = {.9, NAN, .5, .7};
	size_t times[8] = {0};

	for (uint64_t seed = 0; seed < 3000; seed++)
		times[pick(PB__ANCHOR__ANCHOR_RANDOM, scores, 4, seed).document]++;
	ck_assert_uint_eq(times[5], 0);
	for (int d = 4; d < 8; d++)
		if (d != 5) /* 1000 expected, standard deviation 26 */
			ck_assert(times[d] > 900 && times[d] < 1100);
}
END_TEST

START_TEST(the_relative_margin_lies_below_a_negative_positive)
{
	make_scored((double[]){-.195, -.205, -.215}, 3);
	SET(relative_margin, .05);
	filter_list(&recipe, -.2, &list); /* p * .95 = -.19 would let -.195 pass; ours is -.21 */
	ck_documents(UNDECIDED, "2");
}
END_TEST

START_TEST(the_relative_margin_of_a_zero_positive_is_the_positive)
{
	make_scored((double[]){.01, 0, -.01}, 3);
	SET(relative_margin, .05);
	filter_list(&recipe, 0, &list);
	ck_documents(UNDECIDED, "1 2");
}
END_TEST

START_TEST(ties_pass_unless_strict)
{
	static const double scores[] = {.75, .5, .25};

	SET(max_score, .75);
	SET(min_score, .25);
	make_scored(scores, 3);
	filter_list(&recipe, NAN, &list);
	ck_documents(UNDECIDED, "0 1 2");
	make_scored(scores, 3);
	SET(strict, true);
	filter_list(&recipe, NAN, &list);
	ck_documents(UNDECIDED, "1");
	ck_documents(REJECTED_MAX_SCORE, "0");
	ck_documents(REJECTED_MIN_SCORE, "2");
}
END_TEST

START_TEST(the_semi_hard_band_is_open_at_both_ends)
{
	make_scored((double[]){.75, .625, .5}, 3);
	SET(semi_hard_margin, .25);
	filter_list(&recipe, .75, &list);
	ck_documents(UNDECIDED, "1");
	ck_documents(REJECTED_SEMI_HARD, "0 2");
}
END_TEST

START_TEST(a_candidate_without_a_score_passes_no_filter)
{
	make_scored((double[]){NAN, .5}, 2);
	filter_list(&recipe, NAN, &list);
	ck_documents(REJECTED_UNSCORED, "0");
	make_scored((double[]){NAN, .5}, 2);
	recipe.scorer = PB__SCORER__SCORER_NONE;
	filter_list(&recipe, NAN, &list);
	ck_documents(UNDECIDED, "0 1");
}
END_TEST

START_TEST(what_identity_excluded_keeps_its_reason)
{
	make_scored((double[]){.9, .5}, 2);
	list.at[0].verdict = REJECTED_DUPLICATE;
	SET(max_score, .1);
	filter_list(&recipe, NAN, &list);
	ck_documents(REJECTED_DUPLICATE, "0");
	ck_documents(REJECTED_MAX_SCORE, "1");
}
END_TEST

START_TEST(a_filter_needs_what_it_compares_with)
{
	ck_assert(!filters_need_score(&recipe) && !filters_need_anchor(&recipe));
	SET(min_score, .1);
	ck_assert(filters_need_score(&recipe) && !filters_need_anchor(&recipe));
	SET(semi_hard_margin, .1);
	ck_assert(filters_need_score(&recipe) && filters_need_anchor(&recipe));
}
END_TEST

/* Six candidates: a positive, four more of which the third is filtered, and another positive. */
static struct window_count window(Pb__RankBase base, uint32_t begin, uint32_t end)
{
	struct window w = {begin, end, 10, 10};

	make_list(places, N);
	list.at[0].verdict = list.at[5].verdict = REJECTED_POSITIVE;
	list.at[2].verdict = REJECTED_MAX_SCORE;
	recipe.rank_base = base;
	return window_list(&recipe, &w, &list);
}

START_TEST(the_window_counts_from_its_base)
{
	struct window_count count = window(PB__RANK_BASE__RANK_BASE_RAW, 1, 4);

	ck_documents(UNDECIDED, "1 3");
	ck_assert_uint_eq(count.eligible, 2);
	ck_assert_uint_eq(count.ranked, 6);
	count = window(PB__RANK_BASE__RANK_BASE_NEGATIVES, 1, 4);
	ck_documents(UNDECIDED, "3 4");
	ck_assert_uint_eq(count.ranked, 4);
	count = window(PB__RANK_BASE__RANK_BASE_SURVIVORS, 1, 4);
	ck_documents(UNDECIDED, "3 4");
	ck_documents(REJECTED_WINDOW, "1");
	ck_assert_uint_eq(count.ranked, 3);
	window(PB__RANK_BASE__RANK_BASE_SURVIVORS, 1, OPEN_WINDOW);
	ck_documents(UNDECIDED, "3 4");
}
END_TEST

START_TEST(a_query_is_settled_when_served_or_when_the_window_is_full)
{
	struct window open = {0, OPEN_WINDOW, 1, 1}, closed = {0, 10, 1, 1};

	recipe.num_negatives = 3;
	ck_assert(window_settled(&recipe, &open, (struct window_count){3, 3}));
	ck_assert(!window_settled(&recipe, &open, (struct window_count){99, 2}));
	ck_assert(window_settled(&recipe, &closed, (struct window_count){5, 3}));
	ck_assert(window_settled(&recipe, &closed, (struct window_count){10, 0}));
	recipe.sampling_strategy = PB__SAMPLING__SAMPLING_RANDOM;
	ck_assert(!window_settled(&recipe, &closed, (struct window_count){9, 9}));
	ck_assert(window_settled(&recipe, &closed, (struct window_count){10, 9}));
	ck_assert(window_settled(&recipe, &open, (struct window_count){3, 3}));
}
END_TEST

START_TEST(the_automatic_window_is_that_of_sentence_transformers)
{
	recipe.range_min = 2;
	recipe.num_negatives = 3;
	struct window w = window_for(&recipe, 4);
	ck_assert_uint_eq(w.end, 2 + 3 + 4);
	ck_assert_uint_eq(w.depth, 2 + 3 + 4 + 4);
	ck_assert_uint_eq(w.max_depth, w.depth);
	SET(min_score, .1); /* does not widen */
	ck_assert_uint_eq(window_for(&recipe, 4).end, 2 + 3 + 4);
	SET(max_score, .9);
	ck_assert_uint_eq(window_for(&recipe, 4).end, 2 + 30 + 4);
}
END_TEST

static const char *sample(uint32_t k, uint32_t n, const char *query, uint64_t seed)
{
	make_list(places, n);
	recipe.num_negatives = k;
	ck_ok(sample_list(
		      &recipe, stream_of(seed, query, STREAM_SAMPLE, NULL), &list, &arena, &err),
		&err);
	return documents_of(CHOSEN);
}

START_TEST(top_takes_the_head_of_the_list)
{
	ck_assert_str_eq(sample(2, 5, "q", 1), "0 1");
	ck_documents(REJECTED_SAMPLING, "2 3 4");
	ck_assert_str_eq(sample(9, 3, "q", 1), "0 1 2");
	ck_assert_str_eq(sample(9, 0, "q", 1), "");
}
END_TEST

START_TEST(random_sampling_is_uniform_over_sets)
{
	/* 2 of 5 are 10 sets, each 1000 times expected. */
	size_t counts[5][5] = {{0}};
	double sum = 0;

	recipe.sampling_strategy = PB__SAMPLING__SAMPLING_RANDOM;
	for (uint64_t seed = 0; seed < 10000; seed++) {
		unsigned a, b;
		ck_assert_int_eq(sscanf(sample(2, 5, "q", seed), "%u %u", &a, &b), 2);
		ck_assert_uint_lt(a, b); /* in the list's order, none twice */
		counts[a][b]++;
		if (seed % 1000 == 0)
			arena_free(&arena);
	}
	for (int a = 0; a < 5; a++)
		for (int b = a + 1; b < 5; b++)
			sum += (counts[a][b] - 1000.) * (counts[a][b] - 1000.) / 1000;
	ck_assert(sum < 27.88); /* 9 degrees of freedom, p = .001 */
}
END_TEST

START_TEST(random_sampling_repeats_with_seed_and_query_alone)
{
	char once[100], other[100];

	recipe.sampling_strategy = PB__SAMPLING__SAMPLING_RANDOM;
	strcpy(once, sample(5, 60, "q", 7));
	strcpy(other, sample(5, 60, "r", 7));
	ck_assert_str_eq(once, sample(5, 60, "q", 7));
	ck_assert_str_ne(once, other);
	ck_assert_str_ne(once, sample(5, 60, "q", 8));
}
END_TEST

START_TEST(random_sampling_of_more_than_there_are_takes_all)
{
	recipe.sampling_strategy = PB__SAMPLING__SAMPLING_RANDOM;
	ck_assert_str_eq(sample(9, 3, "q", 1), "0 1 2");
}
END_TEST

static enum code fall_short(struct fill *fill, uint32_t wanted, Pb__Shortfall policy)
{
	static struct corpus corpus;
	static struct identity id;
	static struct scoring scoring;
	struct query q = {.text = "What to push?", .positives = positives, .n_positives = 2};

	corpus = corpus_of_nine();
	recipe.exclude_duplicates = true;
	ck_ok(identity_of(&recipe, &corpus, &q, &arena, &id, &err), &err);
	make_list((uint32_t[]){6, 4}, 2);
	list.at[0].verdict = CHOSEN;
	list.at[1].verdict = REJECTED_MAX_SCORE;
	recipe.num_negatives = wanted;
	recipe.shortfall = policy;
	scoring.scorer = PB__SCORER__SCORER_NONE;
	*fill = (struct fill){.corpus = &corpus,
		.identity = &id,
		.scoring = &scoring,
		.random = stream_of(recipe.seed, "q", STREAM_FILL, NULL)};
	return shortfall_apply(&recipe, &list, fill, &arena, &err);
}

START_TEST(a_fill_is_no_positive_no_duplicate_no_query_text_and_not_chosen)
{
	for (recipe.seed = 0; recipe.seed < 200; recipe.seed++) {
		struct fill fill;
		bool seen[CORPUS] = {false};
		ck_ok(fall_short(&fill, 4, PB__SHORTFALL__SHORTFALL_RANDOM_FILL), &err);
		ck_assert_uint_eq(fill.n, 3); /* 4, 5 and 7 are all that may be */
		for (size_t i = 0; i < fill.n; i++)
			seen[fill.filled[i].document] = true;
		ck_assert(seen[4] && seen[5] && seen[7]);
	}
}
END_TEST

START_TEST(a_fill_ends_with_the_corpus)
{
	struct fill fill;

	ck_ok(fall_short(&fill, 100, PB__SHORTFALL__SHORTFALL_RANDOM_FILL), &err);
	ck_assert_uint_eq(fill.n, 3);
}
END_TEST

START_TEST(each_policy_does_what_it_says)
{
	struct fill fill;

	ck_ok(fall_short(&fill, 2, PB__SHORTFALL__SHORTFALL_PARTIAL), &err);
	ck_documents(CHOSEN, "6");
	ck_assert_uint_eq(fill.n, 0);
	ck_ok(fall_short(&fill, 2, PB__SHORTFALL__SHORTFALL_DROP), &err);
	ck_documents(CHOSEN, "");
	ck_documents(REJECTED_DROPPED, "6");
	ck_refused(fall_short(&fill, 2, PB__SHORTFALL__SHORTFALL_ERROR), &err, OUT_OF_RANGE,
		"SHORTFALL");
	for (int policy = 0; policy <= PB__SHORTFALL__SHORTFALL_ERROR; policy++) {
		ck_ok(fall_short(&fill, 1, policy), &err);
		ck_documents(CHOSEN, "6");
		ck_assert_uint_eq(fill.n, 0);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("stages");
	TCase *t = tcase_create("stages");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_document_found_twice_is_one_candidate_with_both_ranks);
	tcase_add_test(t, a_union_is_sorted_by_score_ties_by_id_and_the_unscored_last);
	tcase_add_test(t, a_score_of_minus_infinity_is_not_the_same_as_none);
	tcase_add_test(t, reciprocal_ranks_are_summed_over_sources);
	tcase_add_test(t, without_a_score_the_best_rank_of_any_source_decides);
	tcase_add_test(t, nothing_found_is_an_empty_list);
	tcase_add_test(t, every_positive_is_excluded_and_nothing_else_unless_asked);
	tcase_add_test(t, what_says_the_same_as_a_positive_or_the_query_is_excluded);
	tcase_add_test(t, empty_documents_are_no_duplicates_of_each_other);
	tcase_add_test(t, groups_of_the_positives_and_of_the_query_are_excluded);
	tcase_add_test(t, positives_without_a_score_are_no_anchors);
	tcase_add_test(t, a_random_anchor_is_any_of_those_with_a_score_equally_often);
	tcase_add_test(t, the_relative_margin_lies_below_a_negative_positive);
	tcase_add_test(t, the_relative_margin_of_a_zero_positive_is_the_positive);
	tcase_add_test(t, ties_pass_unless_strict);
	tcase_add_test(t, the_semi_hard_band_is_open_at_both_ends);
	tcase_add_test(t, a_candidate_without_a_score_passes_no_filter);
	tcase_add_test(t, what_identity_excluded_keeps_its_reason);
	tcase_add_test(t, a_filter_needs_what_it_compares_with);
	tcase_add_test(t, the_window_counts_from_its_base);
	tcase_add_test(t, a_query_is_settled_when_served_or_when_the_window_is_full);
	tcase_add_test(t, the_automatic_window_is_that_of_sentence_transformers);
	tcase_add_test(t, top_takes_the_head_of_the_list);
	tcase_add_test(t, random_sampling_is_uniform_over_sets);
	tcase_add_test(t, random_sampling_repeats_with_seed_and_query_alone);
	tcase_add_test(t, random_sampling_of_more_than_there_are_takes_all);
	tcase_add_test(t, a_fill_is_no_positive_no_duplicate_no_query_text_and_not_chosen);
	tcase_add_test(t, a_fill_ends_with_the_corpus);
	tcase_add_test(t, each_policy_does_what_it_says);
	suite_add_tcase(s, t);
	return s;
}
