#include "workers/mine/filter.h"

#include <math.h>

/* s < over(t) is s <= t, and s >= over(t) is s > t. */
static double over(double threshold)
{
	return nextafter(threshold, INFINITY);
}

static struct range up_to(const Pb__MineNegativesRequest *r, double threshold)
{
	return (struct range){-INFINITY, r->strict ? threshold : over(threshold)};
}

static bool has_scorer(const Pb__MineNegativesRequest *r)
{
	return r->scorer != PB__SCORER__SCORER_NONE;
}

static struct range scored(const Pb__MineNegativesRequest *r, double p)
{
	(void)r, (void)p;
	return EVERY_SCORE;
}

static bool has_max_score(const Pb__MineNegativesRequest *r)
{
	return r->has_max_score;
}

static struct range below_max_score(const Pb__MineNegativesRequest *r, double p)
{
	(void)p;
	return up_to(r, r->max_score);
}

static bool has_min_score(const Pb__MineNegativesRequest *r)
{
	return r->has_min_score;
}

static struct range above_min_score(const Pb__MineNegativesRequest *r, double p)
{
	(void)p;
	return (struct range){r->strict ? over(r->min_score) : r->min_score, INFINITY};
}

static bool has_absolute_margin(const Pb__MineNegativesRequest *r)
{
	return r->has_absolute_margin;
}

static struct range outside_absolute_margin(const Pb__MineNegativesRequest *r, double p)
{
	return up_to(r, p - r->absolute_margin);
}

static bool has_relative_margin(const Pb__MineNegativesRequest *r)
{
	return r->has_relative_margin;
}

static struct range outside_relative_margin(const Pb__MineNegativesRequest *r, double p)
{
	return up_to(r, p - fabs(p) * r->relative_margin);
}

static bool has_semi_hard(const Pb__MineNegativesRequest *r)
{
	return r->has_semi_hard_margin;
}

static struct range semi_hard_band(const Pb__MineNegativesRequest *r, double p)
{
	return (struct range){over(p - r->semi_hard_margin), p};
}

enum needs { NOTHING, SCORE, ANCHOR };

static const struct filter {
	enum verdict verdict;
	enum needs needs;
	bool (*applies)(const Pb__MineNegativesRequest *recipe);
	struct range (*keeps)(const Pb__MineNegativesRequest *recipe, double p);
} filters[] = {
	{REJECTED_UNSCORED, NOTHING, has_scorer, scored},
	{REJECTED_MAX_SCORE, SCORE, has_max_score, below_max_score},
	{REJECTED_MIN_SCORE, SCORE, has_min_score, above_min_score},
	{REJECTED_ABSOLUTE_MARGIN, ANCHOR, has_absolute_margin, outside_absolute_margin},
	{REJECTED_RELATIVE_MARGIN, ANCHOR, has_relative_margin, outside_relative_margin},
	{REJECTED_SEMI_HARD, ANCHOR, has_semi_hard, semi_hard_band},
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

/* False for NaN: a score that is none passes nothing. */
static bool is_within(const struct range *range, double score)
{
	return score >= range->least && score < range->below;
}

void filter_list(const Pb__MineNegativesRequest *recipe, double p, struct list *list)
{
	for (size_t f = 0; f < N_FILTERS; f++) {
		if (!filters[f].applies(recipe))
			continue;
		struct range range = filters[f].keeps(recipe, p);
		for (size_t i = 0; i < list->n; i++) {
			struct candidate *c = &list->at[i];
			if (c->verdict == UNDECIDED && !is_within(&range, c->score))
				c->verdict = filters[f].verdict;
		}
	}
}

struct range filters_keep(const Pb__MineNegativesRequest *recipe, double p)
{
	struct range all = EVERY_SCORE;

	for (size_t f = 0; f < N_FILTERS; f++) {
		if (!filters[f].applies(recipe))
			continue;
		struct range range = filters[f].keeps(recipe, p);
		all.least = fmax(all.least, range.least);
		all.below = fmin(all.below, range.below);
	}
	return all;
}
