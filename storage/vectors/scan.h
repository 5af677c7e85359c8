/*
 * Rows scored one by one, in double: the definition of what an exact search answers, and what is
 * done where no index can be asked.
 */
#ifndef STORAGE_VECTORS_SCAN_H
#define STORAGE_VECTORS_SCAN_H

#include "storage/vectors/image.h"
#include "storage/vectors/top.h"

/* Offers a row to the answer of a query of this length, unless it is dead or not wanted. */
void scan_offer(const struct image *g, const struct exact_query *q, double length, uint32_t row,
	struct top *top);

/* Answers a request as image_search with the engine "exact" does, whatever the image's is. Rows are
 * read once for SCAN_QUERIES of its queries. On the calling thread alone. */
enum { SCAN_QUERIES = 8 };
enum code scan_rows(const struct image *g, const struct shared_request *r, struct error *e);

#endif
