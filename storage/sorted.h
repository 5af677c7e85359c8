/* Lists of numbers that are kept sorted. */
#ifndef STORAGE_SORTED_H
#define STORAGE_SORTED_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/stop.h"

/* As qsort_r has it: of two pointers to numbers. */
typedef int (*sorted_compare)(const void *a, const void *b, void *arg);

/* Sorts fresh[0..m) and merges it into list[0..n), which is sorted and has room for n + m. Each fresh
 * number looks up its place, so that few of them cost few comparisons. False when memory ran out, or when
 * stopped: then list and fresh hold anything. */
bool sorted_merge(uint32_t *list, uint32_t n, uint32_t *fresh, uint32_t m, sorted_compare compare,
	void *arg, struct stop *stop);

#endif
