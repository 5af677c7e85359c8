/* IEEE binary16 and back. */
#ifndef STORAGE_VECTORS_HALF_H
#define STORAGE_VECTORS_HALF_H

#include <stdint.h>
#include <string.h>

/* Exact for every value; infinities and NaNs stay what they are. Without a branch, so that loops
 * over it become vector code. */
static inline float half_to_float(uint16_t h)
{
	uint32_t magnitude = h & 0x7fffu, exponent = magnitude >> 10, bits;
	float tiny = (float)(int32_t)magnitude * 0x1p-24f; /* what a subnormal means */

	memcpy(&bits, &tiny, sizeof bits);
	/* The exponent's bias goes from 15 to 127; an all-ones exponent must stay all ones. */
	uint32_t normal = (magnitude << 13) + (112u << 23);
	uint32_t special = normal + (112u << 23);
	bits = exponent == 0 ? bits : exponent == 31 ? special : normal;
	bits |= (uint32_t)(h & 0x8000u) << 16;
	float value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

/* To the nearest, ties to even; from 65520 on an infinity, as IEEE says. */
uint16_t half_from_float(float value);

#endif
