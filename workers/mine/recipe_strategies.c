/*
 * Every strategy and preset by name. A row holds only what it has an opinion on; recipe.c fills in
 * the rest. To add one, add a row.
 *
 * The strategies are the methods of the literature with this daemon's defaults: complete exclusion
 * of positives, deepening until the query is served.
 *
 * The presets reproduce one library or paper. What they do differently from it, on purpose:
 *
 *   st     mine_hard_negatives of sentence-transformers: threshold from the lowest positive, ties
 *          kept, range_min and range_max count survivors, range_max automatic, no deepening. The
 *          positives that the automatic range_max allows for are the query's own, not the most that
 *          any query of the request has: an answer must not depend on its neighbours. Documents are
 *          told apart by id, so equal texts are not merged; what says the same as a positive, or as
 *          the query, is excluded.
 *   flag   hn_mine.py of FlagEmbedding: raw ranks 10 to 210, positives and all, then 15 at random,
 *          filled up from the corpus at random. The fill leaves out positives, what says the same, the
 *          query's own text, and what is chosen already; the original may return any of them. Draws
 *          are seeded; the same query on several lines is one query here.
 *   nv_*   the filters of NV-Retriever (arXiv 2407.15831), 4 negatives each; strict. The margins
 *          are measured from the pair's positive, so each pair is an answer of its own; the others
 *          do not look at the positive and answer once a query. For scores below zero the
 *          percentage is p - |p| * 0.05, where the paper's p * 0.95 would lie above p.
 */
#include "workers/mine/recipe.h"

#define SET(field, value) .has_##field = 1, .field = (value)
#define DENSE PB__SOURCE_KIND__SOURCE_KIND_DENSE
#define BM25 PB__SOURCE_KIND__SOURCE_KIND_BM25
#define IN_BATCH PB__SOURCE_KIND__SOURCE_KIND_IN_BATCH
#define RANDOM PB__SOURCE_KIND__SOURCE_KIND_RANDOM
#define NEGATIVES PB__RANK_BASE__RANK_BASE_NEGATIVES
#define EACH PB__ANCHOR__ANCHOR_EACH

const struct strategy strategies[] = {
	{"random", RANDOM},
	{"in_batch", IN_BATCH},
	{"bm25", BM25},
	{"topk", DENSE},
	{"topk_shifted", DENSE, {SET(range_min, 10), SET(rank_base, NEGATIVES)}},
	{"topk_abs", DENSE, {SET(max_score, .7), SET(strict, true)}},
	{"margin", DENSE,
		{SET(relative_margin, .05), SET(strict, false),
			SET(anchor, PB__ANCHOR__ANCHOR_MIN)}},
	{"topk_marginpos", DENSE,
		{SET(absolute_margin, .05), SET(strict, true), SET(anchor, EACH)}},
	{"topk_percpos", DENSE, {SET(relative_margin, .05), SET(strict, true), SET(anchor, EACH)}},
	{"semi_hard", DENSE, {SET(semi_hard_margin, .1), SET(anchor, PB__ANCHOR__ANCHOR_MIN)}},
	{"st", DENSE,
		{SET(strict, false), SET(anchor, PB__ANCHOR__ANCHOR_MIN),
			SET(rank_base, PB__RANK_BASE__RANK_BASE_SURVIVORS)},
		.automatic = true},
	{"flag", DENSE,
		{SET(num_negatives, 15), SET(range_min, 10), SET(range_max, 210),
			SET(rank_base, PB__RANK_BASE__RANK_BASE_RAW),
			SET(sampling_strategy, PB__SAMPLING__SAMPLING_RANDOM),
			SET(shortfall, PB__SHORTFALL__SHORTFALL_RANDOM_FILL)}},
	{"nv_topk", DENSE, {SET(num_negatives, 4), SET(rank_base, NEGATIVES)}},
	{"nv_shift", DENSE, {SET(num_negatives, 4), SET(range_min, 10), SET(rank_base, NEGATIVES)}},
	{"nv_abs", DENSE, {SET(num_negatives, 4), SET(max_score, .7), SET(strict, true)}},
	{"nv_margin", DENSE,
		{SET(num_negatives, 4), SET(absolute_margin, .05), SET(strict, true),
			SET(anchor, EACH)}},
	{"nv_perc", DENSE,
		{SET(num_negatives, 4), SET(relative_margin, .05), SET(strict, true),
			SET(anchor, EACH)}},
};

const size_t n_strategies = sizeof strategies / sizeof *strategies;

const char *recipe_name(size_t i)
{
	return i < n_strategies ? strategies[i].name : NULL;
}
