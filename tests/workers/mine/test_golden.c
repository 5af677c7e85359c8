/* How sentence-transformers, FlagEmbedding, NV-Retriever and FaceNet's band choose on the same ten
 * candidates; expected values worked out by hand from their papers and sources. */
#include "tests/workers/mine/golden.h"

#include <string.h>

static struct arena arena;
static struct list list;

static void setup(void)
{
	arena_init(&arena, 4 << 20);
}

static void teardown(void)
{
	arena_free(&arena);
}

#define SET(field, value) req.has_##field = true, req.field = (value)
#define ck_mined(anchor, want) ck_assert_str_eq(golden_mine(&req, anchor, &arena, &list), want)

START_TEST(st_without_a_filter_takes_the_nearest_that_are_no_positives)
{
	Pb__MineNegativesRequest req = golden_request("st", 3);

	ck_mined(NULL, "d1 d2 d3");
	ck_assert_uint_eq(list.n, 7); /* range_max 0 + 3 + 2, and two for the positives */
}
END_TEST

START_TEST(st_absolute_margin_is_from_the_lowest_positive_and_keeps_ties)
{
	Pb__MineNegativesRequest req = golden_request("st", 3);

	SET(absolute_margin, .05);
	ck_mined(NULL, "d5 d6 d7");
}
END_TEST

START_TEST(st_relative_margin_is_from_the_lowest_positive_and_keeps_ties)
{
	Pb__MineNegativesRequest req = golden_request("st", 3);

	SET(relative_margin, .05);
	ck_mined(NULL, "d4 d5 d6");
}
END_TEST

START_TEST(st_range_min_counts_survivors)
{
	Pb__MineNegativesRequest req = golden_request("st", 3);

	SET(relative_margin, .05);
	SET(range_min, 1);
	ck_mined(NULL, "d5 d6 d7");
}
END_TEST

START_TEST(flag_ranks_count_positives_and_all)
{
	Pb__MineNegativesRequest req = golden_request("flag", 3);

	SET(range_min, 2);
	SET(range_max, 6);
	ck_mined(NULL, "d2 d3 d4");
}
END_TEST

START_TEST(nv_shift_skips_negatives)
{
	Pb__MineNegativesRequest req = golden_request("nv_shift", 3);

	SET(range_min, 2);
	ck_mined(NULL, "d3 d4 d5");
}
END_TEST

START_TEST(nv_perc_is_from_each_positive_and_rejects_ties)
{
	Pb__MineNegativesRequest req = golden_request("nv_perc", 3);

	ck_mined("p1", "d3 d4 d5");
	ck_mined("p2", "d5 d6 d7");
	req.strategy = "topk_percpos";
	ck_mined("p1", "d3 d4 d5");
	ck_mined("p2", "d5 d6 d7");
}
END_TEST

START_TEST(nv_margin_is_from_each_positive_and_rejects_ties)
{
	Pb__MineNegativesRequest req = golden_request("nv_margin", 3);

	ck_mined("p1", "d3 d4 d5"); /* below .85 */
	ck_mined("p2", "d6 d7 d8"); /* below .75, which d5 is not */
}
END_TEST

START_TEST(nv_abs_keeps_what_is_below_a_score)
{
	Pb__MineNegativesRequest req = golden_request("nv_abs", 3);

	ck_mined(NULL, "d7 d8");
	SET(max_score, .72);
	ck_mined(NULL, "d7 d8");
	SET(strict, false);
	ck_mined(NULL, "d6 d7 d8");
}
END_TEST

START_TEST(nv_topk_takes_the_nearest_negatives)
{
	Pb__MineNegativesRequest req = golden_request("nv_topk", 3);

	ck_mined(NULL, "d1 d2 d3");
}
END_TEST

START_TEST(semi_hard_keeps_the_band_below_the_positive)
{
	Pb__MineNegativesRequest req = golden_request("semi_hard", 3);

	SET(semi_hard_margin, .05);
	ck_mined(NULL, "d3 d4"); /* .75 < s < .80 */
}
END_TEST

START_TEST(margin_and_semi_hard_are_opposites)
{
	Pb__MineNegativesRequest req = golden_request("semi_hard", 8);

	SET(semi_hard_margin, .1);
	ck_mined(NULL, "d3 d4 d5 d6");
	req = golden_request("margin", 8);
	SET(absolute_margin, .1);
	ck_mined(NULL, "d7 d8");
}
END_TEST

START_TEST(each_anchor_rule_measures_from_its_own_positive)
{
	Pb__MineNegativesRequest req = golden_request("margin", 2);

	SET(absolute_margin, .03);
	ck_mined(NULL, "d4 d5"); /* min: .77 */
	SET(anchor, PB__ANCHOR__ANCHOR_MAX);
	ck_mined(NULL, "d2 d3"); /* .87 */
	SET(anchor, PB__ANCHOR__ANCHOR_MEAN);
	ck_mined(NULL, "d3 d4"); /* .85 less .03 */
	SET(anchor, PB__ANCHOR__ANCHOR_FIRST);
	ck_mined(NULL, "d2 d3");
}
END_TEST

START_TEST(both_margins_given_both_apply)
{
	Pb__MineNegativesRequest req = golden_request("margin", 8);

	SET(absolute_margin, .05);
	SET(relative_margin, .3);
	ck_mined(NULL, "d8"); /* .56 is below .75 */
}
END_TEST

START_TEST(each_candidate_is_counted_once_under_its_first_reason)
{
	Pb__MineNegativesRequest req = golden_request("margin", 2);
	static const enum verdict want[] = {[8] = REJECTED_POSITIVE,
		[0] = REJECTED_MAX_SCORE,
		[1] = REJECTED_MAX_SCORE,
		[9] = REJECTED_POSITIVE,
		[2] = REJECTED_RELATIVE_MARGIN,
		[3] = REJECTED_WINDOW,
		[4] = CHOSEN,
		[5] = CHOSEN,
		[6] = REJECTED_SAMPLING,
		[7] = REJECTED_MIN_SCORE};

	SET(max_score, .855);
	SET(min_score, .55);
	SET(relative_margin, .05);
	SET(range_min, 1);
	ck_mined(NULL, "d5 d6");
	ck_assert_uint_eq(list.n, GOLDEN);
	for (size_t i = 0; i < GOLDEN; i++)
		ck_assert_int_eq(list.at[i].verdict, want[list.at[i].document]);
}
END_TEST

START_TEST(the_three_ranks_count_what_they_say)
{
	Pb__MineNegativesRequest req = golden_request("margin", 3);

	SET(absolute_margin, .05);
	golden_mine(&req, NULL, &arena, &list);
	const struct candidate *d5 = &list.at[6], *d3 = &list.at[4], *p2 = &list.at[3];
	ck_assert_uint_eq(d5->rank, 6);
	ck_assert_uint_eq(d5->rank_negatives, 4);
	ck_assert_uint_eq(d5->rank_survivors, 0);
	ck_assert_uint_eq(d3->rank_negatives, 2);
	ck_assert_uint_eq(d3->rank_survivors, NO_RANK);
	ck_assert_uint_eq(p2->rank, 3);
	ck_assert_uint_eq(p2->rank_negatives, NO_RANK);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("golden");
	TCase *t = tcase_create("golden");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, st_without_a_filter_takes_the_nearest_that_are_no_positives);
	tcase_add_test(t, st_absolute_margin_is_from_the_lowest_positive_and_keeps_ties);
	tcase_add_test(t, st_relative_margin_is_from_the_lowest_positive_and_keeps_ties);
	tcase_add_test(t, st_range_min_counts_survivors);
	tcase_add_test(t, flag_ranks_count_positives_and_all);
	tcase_add_test(t, nv_shift_skips_negatives);
	tcase_add_test(t, nv_perc_is_from_each_positive_and_rejects_ties);
	tcase_add_test(t, nv_margin_is_from_each_positive_and_rejects_ties);
	tcase_add_test(t, nv_abs_keeps_what_is_below_a_score);
	tcase_add_test(t, nv_topk_takes_the_nearest_negatives);
	tcase_add_test(t, semi_hard_keeps_the_band_below_the_positive);
	tcase_add_test(t, margin_and_semi_hard_are_opposites);
	tcase_add_test(t, each_anchor_rule_measures_from_its_own_positive);
	tcase_add_test(t, both_margins_given_both_apply);
	tcase_add_test(t, each_candidate_is_counted_once_under_its_first_reason);
	tcase_add_test(t, the_three_ranks_count_what_they_say);
	suite_add_tcase(s, t);
	return s;
}
