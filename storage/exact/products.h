/*
 * Products of rows and queries in floats: eight rows with up to three panels of sixteen queries, which
 * keeps the multipliers busy. A sum is made of those of PRODUCTS_SUMMED dimensions each, so that it is
 * rounded as often as they are and as many as there are, not as often as there are dimensions.
 */
#ifndef STORAGE_EXACT_PRODUCTS_H
#define STORAGE_EXACT_PRODUCTS_H

#include <stddef.h>

#include "storage/exact/lanes.h"
#include "storage/isa.h"

enum { PRODUCTS_ROWS = 8, PRODUCTS_PANELS = 3, PRODUCTS_SUMMED = 64 };

struct products {
	const float *rows;   /* PRODUCTS_ROWS, */
	size_t stride;	     /* each so many floats behind the one before */
	const lanes *panels; /* n x dimension: a lane a query */
	uint32_t n;	     /* 1 to PRODUCTS_PANELS */
	uint32_t dimension;
	lanes *out; /* PRODUCTS_ROWS x n */
};

/* Each instruction set rounds otherwise, none more often than products_roundings says. */
typedef void products_fn(const struct products *p);
products_fn *products_for(enum isa isa);
/* How often a product is rounded, at most, on its way into a sum. */
uint32_t products_roundings(uint32_t dimension);

#endif
