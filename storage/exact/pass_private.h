/* What a pass is made of, shared by its two halves: the scan and the finish. */
#ifndef STORAGE_EXACT_PASS_PRIVATE_H
#define STORAGE_EXACT_PASS_PRIVATE_H

#include "storage/exact/lists.h"
#include "storage/exact/panel.h"
#include "storage/exact/pass.h"
#include "storage/exact/wide.h"

struct probing;

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
	struct wide wide;	 /* those whose turn to be finished came */
	struct probing *probing; /* of an engine with lists (probing.h), else NULL */
};

/* What a panel needs to know of a block's rows. */
void tile_measure(const struct codes *c, struct codes_block b, struct tile *t);

/* A score as a sigma of query.h, and what converting may be off at most. */
double sigma_of(const struct pass *p, size_t query, double score);
double conversion_error(const struct pass *p, size_t query, double sigma);

#endif
