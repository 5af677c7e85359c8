/*
 * Searching with an index that may miss something, and how hard it tries.
 *
 * Lists of our own answer truly about the lists looked into (storage/exact/lists.h). A FAISS index
 * proposes, by numbers of its own, and what it proposed is scored and sorted as everywhere: nothing is
 * promised but that the scores are true. With either a query is answered alike in any company.
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

/* What a search does that brings none; nothing where search is exact. */
struct faiss_parameters approximate_settled(const struct image *g);

/* As image_search, on an image that is not exact; `how` was checked, and may be NULL. FAISS searches
 * for each by itself, on the threads of the crew. Limits of the queries are heeded among what a FAISS index proposed, which does not look further for them. */
enum code approximate_search(const struct image *g, const struct faiss_parameters *how,
	const struct shared_request *r, struct error *e);

#endif
