/*
 * The only place where dense scores are made: in double, from the stored rows, in one fixed order of
 * operations, so that a pair has one score whoever asks. Cosine q.x / (|q| |x|), dot q.x, l2
 * -|q - x|^2.
 */
#ifndef STORAGE_EXACT_SCORE_H
#define STORAGE_EXACT_SCORE_H

#include "storage/exact/query.h"
#include "storage/vectors/file.h"
#include "storage/vectors/top.h"

double vector_length(const float *v, uint32_t dimension);
/* `length` is the query's. */
double score_row(const struct vectors *rows, const float *query, double length, uint32_t row);

/* Offers a row to the answer of a query of this length, or counts it among those ahead, unless it is
 * dead or not wanted. */
void score_offer(const struct vectors *rows, struct exact_query *q, double length, uint32_t row,
	struct top *top);

#endif
