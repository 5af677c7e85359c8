/*
 * The centroids of lists: ten iterations of k-means over a sample of the rows, spread evenly: 64 rows a
 * list, of few lists more, 2^16, which cost little; of very many fewer, for an iteration compares every
 * row with every list: 2^18, or 16 a list.
 *
 * The sample is not copied: it takes 24 bytes a row, and its rows are read from their file in each
 * iteration. Beside it there are the centroids, three times while they are trained, and 16 MB.
 */
#ifndef STORAGE_VECTORS_LISTS_TRAIN_H
#define STORAGE_VECTORS_LISTS_TRAIN_H

#include "storage/vectors/file.h"

/* Centroids (n x dimension) of the live rows, which are n or more; of unit length, or nothing, unless for
 * l2. The same rows make the same bits, whoever helps. Reports the phase "train". CANCELLED,
 * RESOURCE_EXHAUSTED. */
enum code lists_train(const struct vectors *v, uint32_t n, const struct progress *progress,
	float *centroids, struct error *e);

#endif
