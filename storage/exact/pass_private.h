/* What a pass is made of, shared by its two halves: the scan and the finish. */
#ifndef STORAGE_EXACT_PASS_PRIVATE_H
#define STORAGE_EXACT_PASS_PRIVATE_H

#include "storage/exact/panel.h"
#include "storage/exact/pass.h"
#include "storage/exact/wide.h"

struct pass {
	const struct exact *x;
	const uint32_t *order;
	tile_fn *tile;
	struct exact_query *queries;
	double *length;		     /* n */
	struct survivors *survivors; /* n */
	size_t n;
	struct panel *panels;
	size_t n_panels;
	struct wide wide; /* those whose turn to be finished came */
};

/* A score as a sigma of query.h, and what converting may be off at most. */
double sigma_of(const struct pass *p, size_t query, double score);
double conversion_error(const struct pass *p, size_t query, double sigma);

#endif
