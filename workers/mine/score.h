/*
 * One score for candidates and positives alike. A positive is always scored directly, by the same
 * function as the candidates: that a list does not hold it says nothing about its score.
 */
#ifndef WORKERS_MINE_SCORE_H
#define WORKERS_MINE_SCORE_H

#include "storage/catalog.h"
#include "workers/mine/candidate.h"

struct scoring {
	Pb__Scorer scorer;
	const struct image *image; /* dense */
	const float *vector;
	const struct bm25 *bm25;
	const struct bm25_query *terms;
	const struct hit *given; /* by document number */
	size_t n_given;
};

/* NaN when the scorer has none for it. */
double score_document(const struct scoring *s, uint32_t document);
/* Takes over the score of the source that is the scorer itself, and asks for the others. */
void score_list(const struct scoring *s, struct list *list);

#endif
