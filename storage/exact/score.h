/*
 * The only place where dense scores are made: in double, from the stored rows, in one fixed order of
 * operations, so that a pair has one score whoever asks. Cosine q.x / (|q| |x|), dot q.x, l2
 * -|q - x|^2.
 */
#ifndef STORAGE_EXACT_SCORE_H
#define STORAGE_EXACT_SCORE_H

#include "storage/vectors/file.h"

double vector_length(const float *v, uint32_t dimension);
/* `length` is the query's. */
double score_row(const struct vectors *rows, const float *query, double length, uint32_t row);

#endif
