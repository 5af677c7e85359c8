#include "tests/runner.h"

#include <math.h>

#include "workers/mine/report.h"

static struct arena arena;
static struct error err;
static struct report report;
static Pb__MineNegativesRequest recipe;
static Pb__MineSummary summary;

static void setup(void)
{
	arena_init(&arena, 1 << 20);
	pb__mine_negatives_request__init(&recipe);
	pb__mine_summary__init(&summary);
	recipe.num_negatives = 2;
	report_init(&report, &recipe);
}

static void teardown(void)
{
	report_free(&report);
	arena_free(&arena);
}

/* Scores of NaN are absent. */
static Pb__MineResult *result(const double *positives, size_t n_positives, const double *negatives,
	size_t n_negatives, double anchor)
{
	Pb__MineResult *r = arena_alloc(&arena, sizeof *r);

	pb__mine_result__init(r);
	r->positives = arena_array(&arena, n_positives, sizeof *r->positives);
	r->negatives = arena_array(&arena, n_negatives, sizeof *r->negatives);
	for (; r->n_positives < n_positives; r->n_positives++) {
		Pb__ScoredPositive *p = arena_alloc(&arena, sizeof *p);
		pb__scored_positive__init(p);
		p->has_score = !isnan(positives[r->n_positives]);
		p->score = positives[r->n_positives];
		r->positives[r->n_positives] = p;
	}
	for (; r->n_negatives < n_negatives; r->n_negatives++) {
		Pb__Negative *n = arena_alloc(&arena, sizeof *n);
		pb__negative__init(n);
		n->has_score = !isnan(negatives[r->n_negatives]);
		n->score = negatives[r->n_negatives];
		r->negatives[r->n_negatives] = n;
	}
	r->has_anchor_score = !isnan(anchor);
	r->anchor_score = anchor;
	return r;
}

static void add(const Pb__MineResult *r)
{
	ck_ok(report_add(&report, r, &err), &err);
}

static void finish(void)
{
	ck_ok(report_finish(&report, &arena, &summary, &err), &err);
}

#define ck_near(got, want) ck_assert_double_eq_tol(got, want, 1e-15)

START_TEST(a_distribution_is_numpys)
{
	/* x = np.array([.31,-.2,.77,.05,.42,.9,-.6,.13,.58,.24])
	 * x.mean(), np.median(x), x.std(ddof=1), x.min(), np.quantile(x, [.25, .75, .05]), x.max() */
	static const double x[] = {.31, -.2, .77, .05, .42, .9, -.6, .13, .58, .24};
	struct numbers numbers = {0};
	Pb__Distribution d;

	for (size_t i = 0; i < 10; i++)
		ck_ok(numbers_add(&numbers, x[i], &err), &err);
	numbers_describe(&numbers, &d);
	ck_assert_uint_eq(d.count, 10);
	ck_near(d.mean, 0.26000000000000006);
	ck_near(d.median, 0.275);
	ck_near(d.std, 0.4488008714588489);
	ck_near(d.min, -.6);
	ck_near(d.q25, 0.07);
	ck_near(d.q75, 0.5399999999999999);
	ck_near(d.max, .9);
	ck_near(numbers_quantile(&numbers, .05), -0.42);
	numbers_free(&numbers);
}
END_TEST

START_TEST(what_is_not_defined_is_absent)
{
	struct numbers numbers = {0};
	Pb__Distribution d;

	numbers_describe(&numbers, &d);
	ck_assert_uint_eq(d.count, 0);
	ck_assert(!d.has_mean && !d.has_std && !d.has_min && !d.has_median && !d.has_max);
	ck_ok(numbers_add(&numbers, .5, &err), &err);
	numbers_describe(&numbers, &d);
	ck_assert(d.mean == .5 && d.median == .5 && d.min == .5 && d.max == .5 && d.q25 == .5);
	ck_assert(!d.has_std);
	numbers_free(&numbers);
	finish();
	ck_assert_uint_eq(summary.scores->difference->count, 0);
	ck_assert(!summary.risk->has_share_at_or_above_anchor && !summary.risk->has_margin_q50);
	ck_assert(!summary.risk->has_share_random);
}
END_TEST

START_TEST(statistics_have_a_row_a_pair)
{
	/* rows = np.array([(.9,.5),(.9,.25),(.8,.5),(.8,.25),(.7,.6)])
	 * for x in rows[:,0], rows[:,1], rows[:,0]-rows[:,1]:
	 *     x.mean(), np.median(x), x.std(ddof=1), np.quantile(x, [.25, .75]) */
	add(result((double[]){.9, .8}, 2, (double[]){.5, .25}, 2, .8));
	add(result((double[]){.7}, 1, (double[]){.6}, 1, .7));
	finish();
	const Pb__ScoreStatistics *s = summary.scores;
	ck_assert_uint_eq(s->positive->count, 5);
	ck_assert_uint_eq(s->difference->count, 5);
	ck_near(s->positive->mean, 0.82);
	ck_near(s->positive->std, 0.08366600265340758);
	ck_near(s->negative->mean, 0.42);
	ck_near(s->negative->median, .5);
	ck_near(s->negative->std, 0.1604680653588121);
	ck_near(s->negative->q75, .5);
	ck_near(s->difference->median, .4);
	ck_near(s->difference->std, 0.2150581316760657);
	ck_near(s->difference->q25, .3);
	ck_near(s->difference->q75, .55);
	ck_near(s->difference->min, .1);
}
END_TEST

START_TEST(risk_is_measured_from_the_anchor)
{
	/* m = np.array([.9-.5, .9-.25, .7-.6, .7-.75]); np.quantile(m, [.05, .25, .5]) */
	add(result((double[]){.9, 1}, 2, (double[]){.5, .25}, 2, .9));
	add(result((double[]){.7}, 1, (double[]){.6, .75}, 2, .7));
	add(result(NULL, 0, (double[]){.99}, 1, NAN));
	finish();
	ck_near(summary.risk->share_at_or_above_anchor, .25);
	ck_near(summary.risk->margin_q05, -0.0275);
	ck_near(summary.risk->margin_q25, 0.0625);
	ck_near(summary.risk->margin_q50, 0.25);
}
END_TEST

START_TEST(a_negative_that_ties_with_the_anchor_counts_as_at_it)
{
	add(result((double[]){.5}, 1, (double[]){.5}, 1, .5));
	finish();
	ck_assert(summary.risk->share_at_or_above_anchor == 1);
}
END_TEST

START_TEST(what_has_no_score_is_counted_but_not_measured)
{
	Pb__MineResult *r = result((double[]){.9, NAN}, 2, (double[]){.5, NAN}, 2, .9);

	r->negatives[1]->source = PB__SOURCE_KIND__SOURCE_KIND_RANDOM;
	add(r);
	finish();
	ck_assert_uint_eq(summary.negatives, 2);
	ck_assert_uint_eq(summary.scores->positive->count, 1);
	ck_assert(summary.risk->share_random == .5);
}
END_TEST

START_TEST(short_dropped_and_failed_queries_are_counted)
{
	Pb__MineResult *failed = result(NULL, 0, NULL, 0, NAN);
	Pb__Error error = PB__ERROR__INIT;

	failed->error = &error;
	report.shortfall = PB__SHORTFALL__SHORTFALL_DROP;
	add(result(NULL, 0, (double[]){.1, .2}, 2, NAN));
	add(result(NULL, 0, NULL, 0, NAN));
	add(failed);
	finish();
	ck_assert_uint_eq(summary.queries, 3);
	ck_assert_uint_eq(summary.queries_short, 1);
	ck_assert_uint_eq(summary.queries_dropped, 1);
	ck_assert_uint_eq(summary.queries_failed, 1);
	report.shortfall = PB__SHORTFALL__SHORTFALL_PARTIAL;
	add(result(NULL, 0, (double[]){.1}, 1, NAN));
	finish();
	ck_assert_uint_eq(summary.queries_short, 2);
	ck_assert_uint_eq(summary.queries_dropped, 1);
}
END_TEST

START_TEST(rejections_add_up)
{
	Pb__Rejected a = PB__REJECTED__INIT, b = PB__REJECTED__INIT;
	Pb__MineResult *one = result(NULL, 0, NULL, 0, NAN), *two = result(NULL, 0, NULL, 0, NAN);

	a.positive = 2, a.dropped = 1, b.positive = 3, b.window = 7;
	one->rejected = &a;
	two->rejected = &b;
	one->candidates = 10, two->candidates = 20;
	one->depth = 50, two->depth = 40;
	add(one);
	add(two);
	finish();
	ck_assert_uint_eq(summary.rejected->positive, 5);
	ck_assert_uint_eq(summary.rejected->window, 7);
	ck_assert_uint_eq(summary.rejected->dropped, 1);
	ck_assert(summary.rejected->has_group);
	ck_assert_uint_eq(summary.candidates, 30);
	ck_assert_uint_eq(summary.depth_max, 50);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("report");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_distribution_is_numpys);
	tcase_add_test(t, what_is_not_defined_is_absent);
	tcase_add_test(t, statistics_have_a_row_a_pair);
	tcase_add_test(t, risk_is_measured_from_the_anchor);
	tcase_add_test(t, a_negative_that_ties_with_the_anchor_counts_as_at_it);
	tcase_add_test(t, what_has_no_score_is_counted_but_not_measured);
	tcase_add_test(t, short_dropped_and_failed_queries_are_counted);
	tcase_add_test(t, rejections_add_up);
	suite_add_tcase(s, t);
	return s;
}
