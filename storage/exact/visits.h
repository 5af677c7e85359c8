/*
 * Rows that are to be scored, each for one query. Rows lie at random in a file mapped page by page: read
 * in the order of their numbers, neighbours share pages and the tables that lead to them, and the row
 * of several queries is read once.
 */
#ifndef STORAGE_EXACT_VISITS_H
#define STORAGE_EXACT_VISITS_H

#include <stddef.h>
#include <stdint.h>

struct visit {
	uint32_t row;
	uint32_t query;
	float upper; /* of its sigma (query.h) */
};

/* By row, all below `rows`; those of one row stay as they come. `scratch` has room for n as well. */
void visits_sort(struct visit *at, struct visit *scratch, size_t n, uint32_t rows);

#endif
