/*
 * Rows scored one by one, in double: the definition of what an exact search answers, and what is
 * done where no index can be asked.
 */
#ifndef STORAGE_VECTORS_SCAN_H
#define STORAGE_VECTORS_SCAN_H

#include "storage/vectors/image.h"

/* Answers a request as image_search with the engine "exact" does, whatever the image's is. Rows are
 * read once for SCAN_QUERIES of its queries. On the calling thread alone. */
enum { SCAN_QUERIES = 8 };
enum code scan_rows(const struct image *g, const struct shared_request *r, struct error *e);

#endif
