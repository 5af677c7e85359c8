/* Every row of an image scored in double: the definition of what an exact search answers. */
#ifndef STORAGE_VECTORS_SCAN_H
#define STORAGE_VECTORS_SCAN_H

#include "storage/vectors/image.h"

/* The k best documents for each of nq query vectors, as image_search has them. Rows are read once
 * for SCAN_QUERIES of them. */
enum { SCAN_QUERIES = 8 };
enum code scan_rows(const struct image *g, const uint32_t *order, const float *queries, size_t nq,
	size_t k, atomic_bool *cancelled, struct hit *out, size_t *found, struct error *e);

#endif
