/* The k best of hits that come in any order: a heap whose root is the worst of them. */
#ifndef STORAGE_TEXT_BEST_H
#define STORAGE_TEXT_BEST_H

#include <stddef.h>

#include "storage/hit.h"

/* Keeps h if it is among the k best of all that came; n of them are there. k is at least 1. */
void best_keep(struct hit *best, size_t *n, size_t k, struct hit h, const uint32_t *order);
/* Makes of the heap a list, best first. */
void best_sort(struct hit *best, size_t n, const uint32_t *order);

#endif
