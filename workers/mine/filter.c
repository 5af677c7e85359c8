#include "workers/mine/filter.h"

#include <math.h>

struct thresholds {
	bool strict;
	double max_score, min_score;
	double absolute, relative;  /* of the margins */
	double band_low, band_high; /* semi-hard */
};

static struct thresholds thresholds_of(const Pb__MineNegativesRequest *r, double p)
{
	return (struct thresholds){
		.strict = r->strict,
		.max_score = r->max_score,
		.min_score = r->min_score,
		.absolute = p - r->absolute_margin,
		.relative = p - fabs(p) * r->relative_margin,
		.band_low = p - r->semi_hard_margin,
		.band_high = p,
	};
}

/* Both are false for NaN: a score that is none passes nothing. */
static bool at_most(const struct thresholds *t, double score, double threshold)
{
	return t->strict ? score < threshold : score <= threshold;
}

static bool at_least(const struct thresholds *t, double score, double threshold)
{
	return t->strict ? score > threshold : score >= threshold;
}

static bool has_scorer(const Pb__MineNegativesRequest *r)
{
	return r->scorer != PB__SCORER__SCORER_NONE;
}

static bool scored(const struct thresholds *t, double s)
{
	(void)t;
	return !isnan(s);
}

static bool has_max_score(const Pb__MineNegativesRequest *r)
{
	return r->has_max_score;
}

static bool below_max_score(const struct thresholds *t, double s)
{
	return at_most(t, s, t->max_score);
}

static bool has_min_score(const Pb__MineNegativesRequest *r)
{
	return r->has_min_score;
}

static bool above_min_score(const struct thresholds *t, double s)
{
	return at_least(t, s, t->min_score);
}

static bool has_absolute_margin(const Pb__MineNegativesRequest *r)
{
	return r->has_absolute_margin;
}

static bool outside_absolute_margin(const struct thresholds *t, double s)
{
	return at_most(t, s, t->absolute);
}

static bool has_relative_margin(const Pb__MineNegativesRequest *r)
{
	return r->has_relative_margin;
}

static bool outside_relative_margin(const struct thresholds *t, double s)
{
	return at_most(t, s, t->relative);
}

static bool has_semi_hard(const Pb__MineNegativesRequest *r)
{
	return r->has_semi_hard_margin;
}

static bool within_semi_hard_band(const struct thresholds *t, double s)
{
	return s > t->band_low && s < t->band_high;
}

enum needs { NOTHING, SCORE, ANCHOR };

static const struct filter {
	enum verdict verdict;
	enum needs needs;
	bool (*applies)(const Pb__MineNegativesRequest *recipe);
	bool (*keep)(const struct thresholds *t, double score);
} filters[] = {
	{REJECTED_UNSCORED, NOTHING, has_scorer, scored},
	{REJECTED_MAX_SCORE, SCORE, has_max_score, below_max_score},
	{REJECTED_MIN_SCORE, SCORE, has_min_score, above_min_score},
	{REJECTED_ABSOLUTE_MARGIN, ANCHOR, has_absolute_margin, outside_absolute_margin},
	{REJECTED_RELATIVE_MARGIN, ANCHOR, has_relative_margin, outside_relative_margin},
	{REJECTED_SEMI_HARD, ANCHOR, has_semi_hard, within_semi_hard_band},
};

enum { N_FILTERS = sizeof filters / sizeof *filters };

static bool any_needs(const Pb__MineNegativesRequest *recipe, enum needs least)
{
	for (size_t f = 0; f < N_FILTERS; f++)
		if (filters[f].needs >= least && filters[f].applies(recipe))
			return true;
	return false;
}

bool filters_need_score(const Pb__MineNegativesRequest *recipe)
{
	return any_needs(recipe, SCORE);
}

bool filters_need_anchor(const Pb__MineNegativesRequest *recipe)
{
	return any_needs(recipe, ANCHOR);
}

void filter_list(const Pb__MineNegativesRequest *recipe, double p, struct list *list)
{
	struct thresholds t = thresholds_of(recipe, p);

	for (size_t f = 0; f < N_FILTERS; f++) {
		if (!filters[f].applies(recipe))
			continue;
		for (size_t i = 0; i < list->n; i++) {
			struct candidate *c = &list->at[i];
			if (c->verdict == UNDECIDED && !filters[f].keep(&t, c->score))
				c->verdict = filters[f].verdict;
		}
	}
}
