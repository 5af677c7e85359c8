/* Golden rows: keys, order and shortfall as sentence-transformers' formats have them. */
#include "tests/runner.h"

#include <string.h>

#include "client/cli/rows.h"

/* One query with two positives and two negatives. */
static Pb__ScoredPositive positives[2];
static Pb__Negative negatives[2];
static Pb__ScoredPositive *positive_list[] = {positives, positives + 1};
static Pb__Negative *negative_list[] = {negatives, negatives + 1};
static Pb__MineResult result;
static struct rows rows;
static struct buf out;

static void setup(void)
{
	pb__mine_result__init(&result);
	for (int i = 0; i < 2; i++) {
		pb__scored_positive__init(positives + i);
		pb__negative__init(negatives + i);
		positives[i].document_id = i ? "p2" : "p1";
		positives[i].text = i ? "P two" : "P one";
		positives[i].score = i ? .5 : .9;
		negatives[i].document_id = i ? "n2" : "n1";
		negatives[i].text = i ? "N \"two\"" : "N one";
		negatives[i].score = i ? .1 : 1. / 3;
		positives[i].has_score = negatives[i].has_score = 1;
	}
	result.query_id = "q";
	result.text = "Q";
	result.positives = positive_list;
	result.n_positives = 2;
	result.negatives = negative_list;
	result.n_negatives = 2;
	rows = (struct rows){.num_negatives = 2};
	buf_init(&out);
}

static void teardown(void)
{
	buf_free(&out);
}

static void rows_are(const char *want)
{
	rows_write(&rows, &result, &out);
	buf_char(&out, 0);
	ck_assert(!out.failed);
	ck_assert_str_eq(out.data, want);
}

START_TEST(triplets_pair_every_positive_with_every_negative)
{
	rows_are("{\"anchor\": \"Q\", \"positive\": \"P one\", \"negative\": \"N one\"}\n"
		 "{\"anchor\": \"Q\", \"positive\": \"P one\", \"negative\": \"N \\\"two\\\"\"}\n"
		 "{\"anchor\": \"Q\", \"positive\": \"P two\", \"negative\": \"N one\"}\n"
		 "{\"anchor\": \"Q\", \"positive\": \"P two\", \"negative\": \"N \\\"two\\\"\"}\n");
	ck_assert_uint_eq(rows.written, 4);
}
END_TEST

START_TEST(triplets_keep_partial_sets_and_carry_scores)
{
	rows.scores = true;
	result.n_negatives = result.n_positives = 1;
	rows_are("{\"anchor\": \"Q\", \"positive\": \"P one\", \"negative\": \"N one\", "
		 "\"scores\": [0.9, 0.3333333333333333]}\n");
}
END_TEST

START_TEST(n_tuples_number_their_negatives_from_one)
{
	rows.format = N_TUPLE;
	rows.scores = true;
	result.n_positives = 1;
	rows_are(
		"{\"anchor\": \"Q\", \"positive\": \"P one\", \"negative_1\": \"N one\", "
		"\"negative_2\": \"N \\\"two\\\"\", \"scores\": [0.9, 0.3333333333333333, 0.1]}\n");
}
END_TEST

START_TEST(n_tuples_that_are_short_are_left_out_and_counted)
{
	rows.format = N_TUPLE;
	rows.num_negatives = 3;
	rows_are("");
	ck_assert_uint_eq(rows.left_out, 2);
	ck_assert_uint_eq(rows.written, 0);
}
END_TEST

START_TEST(labeled_pairs_give_each_passage_once)
{
	rows.format = LABELED_PAIR;
	rows_are("{\"anchor\": \"Q\", \"positive\": \"P one\", \"label\": 1}\n"
		 "{\"anchor\": \"Q\", \"positive\": \"P two\", \"label\": 1}\n"
		 "{\"anchor\": \"Q\", \"positive\": \"N one\", \"label\": 0}\n"
		 "{\"anchor\": \"Q\", \"positive\": \"N \\\"two\\\"\", \"label\": 0}\n");
}
END_TEST

START_TEST(labeled_pairs_keep_positives_without_negatives)
{
	rows.format = LABELED_PAIR;
	rows.scores = true;
	result.n_negatives = 0;
	rows_are("{\"anchor\": \"Q\", \"positive\": \"P one\", \"score\": 0.9}\n"
		 "{\"anchor\": \"Q\", \"positive\": \"P two\", \"score\": 0.5}\n");
}
END_TEST

START_TEST(labeled_lists_put_the_positive_first)
{
	rows.format = LABELED_LIST;
	result.n_positives = 1;
	rows_are("{\"anchor\": \"Q\", \"positive\": [\"P one\", \"N one\", \"N \\\"two\\\"\"], "
		 "\"labels\": [1, 0, 0]}\n");
}
END_TEST

START_TEST(labeled_lists_with_scores_have_no_labels)
{
	rows.format = LABELED_LIST;
	rows.scores = true;
	result.n_positives = 1;
	rows_are("{\"anchor\": \"Q\", \"positive\": [\"P one\", \"N one\", \"N \\\"two\\\"\"], "
		 "\"scores\": [0.9, 0.3333333333333333, 0.1]}\n");
}
END_TEST

START_TEST(labeled_lists_without_negatives_are_left_out)
{
	rows.format = LABELED_LIST;
	result.n_negatives = 0;
	rows_are("");
	ck_assert_uint_eq(rows.left_out, 2);
}
END_TEST

START_TEST(ids_may_stand_for_texts)
{
	rows.ids = true;
	result.n_positives = result.n_negatives = 1;
	rows_are("{\"anchor\": \"q\", \"positive\": \"p1\", \"negative\": \"n1\"}\n");
}
END_TEST

START_TEST(negatives_chosen_for_one_positive_go_with_that_one)
{
	rows.anchor_only = true;
	result.anchor_id = "p2";
	result.n_negatives = 1;
	rows_are("{\"anchor\": \"Q\", \"positive\": \"P two\", \"negative\": \"N one\"}\n");
}
END_TEST

START_TEST(a_score_that_does_not_exist_is_null_and_counted)
{
	rows.scores = true;
	result.n_positives = result.n_negatives = 1;
	negatives[0].has_score = 0;
	rows_are("{\"anchor\": \"Q\", \"positive\": \"P one\", \"negative\": \"N one\", "
		 "\"scores\": [0.9, null]}\n");
	ck_assert_uint_eq(rows.unscored, 1);
}
END_TEST

START_TEST(failed_queries_give_no_rows_and_are_counted)
{
	Pb__Error error = PB__ERROR__INIT;

	result.error = &error;
	rows_are("");
	ck_assert_uint_eq(rows.failed, 1);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("rows");
	TCase *t = tcase_create("rows");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, triplets_pair_every_positive_with_every_negative);
	tcase_add_test(t, triplets_keep_partial_sets_and_carry_scores);
	tcase_add_test(t, n_tuples_number_their_negatives_from_one);
	tcase_add_test(t, n_tuples_that_are_short_are_left_out_and_counted);
	tcase_add_test(t, labeled_pairs_give_each_passage_once);
	tcase_add_test(t, labeled_pairs_keep_positives_without_negatives);
	tcase_add_test(t, labeled_lists_put_the_positive_first);
	tcase_add_test(t, labeled_lists_with_scores_have_no_labels);
	tcase_add_test(t, labeled_lists_without_negatives_are_left_out);
	tcase_add_test(t, ids_may_stand_for_texts);
	tcase_add_test(t, negatives_chosen_for_one_positive_go_with_that_one);
	tcase_add_test(t, a_score_that_does_not_exist_is_null_and_counted);
	tcase_add_test(t, failed_queries_give_no_rows_and_are_counted);
	suite_add_tcase(s, t);
	return s;
}
