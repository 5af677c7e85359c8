/* The rotation by its definition (storage/exact/rotation.h), in long double. */
#ifndef TESTS_STORAGE_EXACT_TURNED_H
#define TESTS_STORAGE_EXACT_TURNED_H

#include "storage/exact/rotation.h"

/* In place; and back, for a rotation in the vectors' own basis. */
void turned(const struct rotation *r, long double *x);
void turned_back(const struct rotation *r, long double *x);
long double length_of(const long double *x, uint32_t d);
/* | turned - scale * whole |, of lane `lane` */
long double left_over(const struct rotation *r, const long double *turned, double scale,
	const lanes *x, int lane);

#endif
