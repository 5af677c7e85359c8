/*
 * Thresholds and margins: each a row of the table in filter.c, in the order in which message
 * Rejected counts them. To add one: a verdict and its row.
 *
 * A threshold is computed once, in double, and compared with the score as it is: a tie is decided by
 * `strict` alone. Scores are finite, and each filter keeps a range of them. The relative margin is
 * p - |p| * m, which lies below p whatever its sign; for p = 0 it is p itself.
 */
#ifndef WORKERS_MINE_FILTER_H
#define WORKERS_MINE_FILTER_H

#include <math.h>
#include <stdbool.h>

#include "workers/mine/candidate.h"

/* Scores s with least <= s < below. */
struct range {
	double least, below;
};

#define EVERY_SCORE ((struct range){-INFINITY, INFINITY})

/* Does any filter of the recipe look at a score, or at a positive's? */
bool filters_need_score(const Pb__MineNegativesRequest *recipe);
bool filters_need_anchor(const Pb__MineNegativesRequest *recipe);

/* Decides candidates that identity left undecided. `p` is the anchor's score, NaN where no filter
 * needs one. Without a scorer nothing is rejected for having no score. */
void filter_list(const Pb__MineNegativesRequest *recipe, double p, struct list *list);
/* What all of them together keep. */
struct range filters_keep(const Pb__MineNegativesRequest *recipe, double p);

#endif
