/* The same bytes in another order. */
#ifndef STORAGE_EXACT_CODES_GATHER_H
#define STORAGE_EXACT_CODES_GATHER_H

#include "storage/exact/codes.h"

/* Codes of n rows, the i-th being row[i] of `from`. NULL: no memory. */
struct codes *codes_gather(const struct codes *from, const uint32_t *row, uint32_t n);

#endif
