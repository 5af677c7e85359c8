/*
 * Searching with a FAISS index: it proposes, by numbers of its own, and what it proposed is scored
 * and sorted as everywhere. Nothing is promised but that the scores are true and that a query is
 * answered alike in any company.
 */
#ifndef STORAGE_VECTORS_APPROXIMATE_H
#define STORAGE_VECTORS_APPROXIMATE_H

#include "storage/vectors/faiss.h"
#include "storage/vectors/image.h"

/* Whether the image's engine takes these parameters (0: not brought). INVALID_ARGUMENT at "nprobe"
 * or "ef_search": NO_SUCH_PARAMETER when it is exact or has none such, OUT_OF_RANGE for more lists
 * than there are. */
enum code approximate_check(
	const struct image *g, const struct faiss_parameters *how, struct error *e);

/* As image_search, on an image with a FAISS index; `how` was checked, and may be NULL. */
enum code approximate_search(const struct image *g, const struct faiss_parameters *how,
	const uint32_t *order, const float *queries, size_t nq, size_t k, atomic_bool *cancelled,
	struct hit *out, size_t *found, struct error *e);

/* Whether FAISS can be shown a query of this length: it must have a direction where only that
 * counts, and its squared distances must not overflow floats. */
bool query_presentable(const struct image *g, double norm);
/* As FAISS sees it. */
void query_present(const struct image *g, const float *query, double norm, float *out);
/* The k best of n proposed rows (-1: none), in double: how many there are. */
size_t rescore(const struct image *g, const uint32_t *order, const float *query, double norm,
	const int64_t *row, size_t n, size_t k, struct hit *out);

#endif
