/* The margin of query.h: how far a row's product may be from what bytes say, for a query of length
 * 1 whose own bytes leave `ratio` of it over; or from what floats say, which have a slack and a loss of
 * squares of their own (floats.c). */
#ifndef STORAGE_EXACT_MARGIN_H
#define STORAGE_EXACT_MARGIN_H

#include <math.h>

#include "storage/exact/codes.h"

static inline float row_size(Pb__Similarity similarity, float weight)
{
	switch (similarity) {
	case PB__SIMILARITY__SIMILARITY_COSINE:
		return 1;
	case PB__SIMILARITY__SIMILARITY_L2:
		return sqrtf(2 * weight) * 1.001f + 0x1p-60f; /* half a square, and its loss */
	default:
		return weight;
	}
}

static inline float row_margin(float slack, float size, float ratio)
{
	return (slack + ratio * (slack + size)) * (1 + 0x1p-20f);
}

#define FLOATS_LOSS 0x1p-20

/* No denormal number: those take their time. */
static inline float floats_slack(const struct codes *c)
{
	return (float)((c->dimension + 16) * 0x1p-130);
}

#endif
