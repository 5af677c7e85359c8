/* Numbers on their way to a Distribution: kept all, because quantiles need them. */
#ifndef WORKERS_MINE_DISTRIBUTION_H
#define WORKERS_MINE_DISTRIBUTION_H

#include "hardminer/v1/miner.pb-c.h"
#include "proto/error.h"

struct numbers {
	double *at;
	size_t n, room;
};

enum code numbers_add(struct numbers *c, double value, struct error *e);
void numbers_free(struct numbers *c);

/* All below sort the numbers, and leave unset what is not defined: everything of none, the standard
 * deviation of one. */
void numbers_describe(struct numbers *c, Pb__Distribution *out);
/* Between the two nearest, as numpy's default: of n, the one at q * (n - 1). NaN of none. */
double numbers_quantile(struct numbers *c, double q);

#endif
