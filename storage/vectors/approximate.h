/*
 * Searching with a FAISS index: it proposes, by numbers of its own, and what it proposed is scored
 * and sorted as everywhere. Nothing is promised but that the scores are true and that a query is
 * answered alike in any company.
 */
#ifndef STORAGE_VECTORS_APPROXIMATE_H
#define STORAGE_VECTORS_APPROXIMATE_H

#include "storage/vectors/image.h"

/* As image_search, on an image with a FAISS index. Limits of the queries are heeded among what the
 * index proposed; it does not look further for them. */
enum code approximate_search(
	const struct image *g, const struct shared_request *r, struct error *e);

#endif
