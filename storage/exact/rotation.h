/*
 * A random rotation, so that no dimension of a vector stands out before it is cut to bytes. Real
 * vectors have a few large dimensions; a byte step sized for those would be coarse for all others. Two
 * rounds of random signs and Walsh-Hadamard transforms of the longest power of two that fits, once
 * from the front and once up to the end: orthogonal for every dimension. Where a basis was learned
 * (basis.h) the vector is brought into it first, and then its head is rotated, and its tail.
 *
 * Vectors go in groups of 16, dimension by dimension, so that every step is the same step on 16
 * lanes.
 */
#ifndef STORAGE_EXACT_ROTATION_H
#define STORAGE_EXACT_ROTATION_H

#include <stdbool.h>

#include "storage/exact/basis.h"
#include "storage/exact/lanes.h"

struct rotation {
	uint32_t dimension;
	float *sign; /* 2 x dimension: +1 or -1 */
	struct basis basis;
};

/* In the vectors' own basis. False: no memory. */
bool rotation_init(struct rotation *r, uint32_t dimension);
void rotation_free(struct rotation *r);

/* Rotates a group in place: x[i] is dimension i of 16 vectors. The result is no further from the
 * true image than rotation_error times the vector's length; and that image is the basis' own, whose
 * skew is not in it. Any thread. */
void rotate(const struct rotation *r, lanes *x);
double rotation_error(const struct rotation *r);

#endif
