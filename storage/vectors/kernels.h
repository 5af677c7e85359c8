/*
 * The sums behind every score, in double: element i goes to lane i mod 8, each lane adds in rising
 * order of i, and the lanes are added in one fixed tree. A product of two floats is exact in
 * double, nothing is contracted, so every machine and every instruction set gives the same bits.
 * Half rows give what their values as floats give.
 */
#ifndef STORAGE_VECTORS_KERNELS_H
#define STORAGE_VECTORS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

double dot_f32(const float *a, const float *b, size_t d);
double dot_f16(const float *a, const uint16_t *b, size_t d);
/* The same, and b.b into *square: the bits that dot_f32(b, b) of its floats has. */
double dot_square_f32(const float *a, const float *b, size_t d, double *square);
double dot_square_f16(const float *a, const uint16_t *b, size_t d, double *square);
/* |a - b|^2 */
double l2_f32(const float *a, const float *b, size_t d);
double l2_f16(const float *a, const uint16_t *b, size_t d);

#endif
