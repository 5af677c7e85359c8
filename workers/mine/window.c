#include "workers/mine/window.h"

#include "proto/limits.h"

/* sentence-transformers: enough for ten times the negatives where a filter may reject, and room for
 * the positives (min_score alone does not count as one that may). */
static uint32_t automatic_end(const Pb__MineNegativesRequest *r, uint32_t n_positives)
{
	bool widen = r->has_absolute_margin || r->has_relative_margin || r->has_max_score;

	return r->range_min + r->num_negatives * (widen ? 10 : 1) + n_positives;
}

/* The recipe's numbers are bounded by the CANDIDATES and NEGATIVES limits, so no sum overflows. */
struct window window_for(const Pb__MineNegativesRequest *recipe, size_t n_positives)
{
	uint32_t positives = n_positives;
	struct window w = {
		.begin = recipe->range_min,
		.end = recipe->has_range_max ? recipe->range_max : OPEN_WINDOW,
		.depth = recipe->depth,
		.max_depth = recipe->max_depth,
	};

	if (!recipe->has_depth) {
		w.end = automatic_end(recipe, positives);
		w.depth = w.end;
	}
	if (!recipe->has_max_depth || w.max_depth < w.depth)
		w.max_depth = w.depth;
	w.depth += positives;
	w.max_depth += positives;
	return w;
}

static uint32_t rank_of(const struct candidate *c, Pb__RankBase base)
{
	switch (base) {
	case PB__RANK_BASE__RANK_BASE_RAW:
		return c->rank;
	case PB__RANK_BASE__RANK_BASE_NEGATIVES:
		return c->rank_negatives;
	default:
		return c->rank_survivors;
	}
}

static bool excluded_by_identity(const struct candidate *c)
{
	return c->verdict >= REJECTED_POSITIVE && c->verdict <= REJECTED_GROUP;
}

struct window_count window_list(
	const Pb__MineNegativesRequest *recipe, const struct window *w, struct list *list)
{
	uint32_t negatives = 0, survivors = 0;
	struct window_count count = {0};

	for (size_t i = 0; i < list->n; i++) {
		struct candidate *c = &list->at[i];
		c->rank_negatives = excluded_by_identity(c) ? NO_RANK : negatives++;
		c->rank_survivors = c->verdict == UNDECIDED ? survivors++ : NO_RANK;
		uint32_t rank = rank_of(c, recipe->rank_base);
		count.ranked += rank != NO_RANK;
		if (c->verdict != UNDECIDED)
			continue;
		if (rank < w->begin || rank >= w->end)
			c->verdict = REJECTED_WINDOW;
		else
			count.eligible++;
	}
	return count;
}

bool window_settled(
	const Pb__MineNegativesRequest *recipe, const struct window *w, struct window_count count)
{
	bool closed = w->end != OPEN_WINDOW;

	if (closed && count.ranked >= w->end)
		return true;
	if (closed && recipe->sampling_strategy != PB__SAMPLING__SAMPLING_TOP)
		return false;
	return count.eligible >= recipe->num_negatives;
}
