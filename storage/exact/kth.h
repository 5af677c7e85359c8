/*
 * The k-th largest of many numbers, by their digits: unlike selection by comparing, it mispredicts
 * nothing, and no order of the numbers makes it slow.
 */
#ifndef STORAGE_EXACT_KTH_H
#define STORAGE_EXACT_KTH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Keys are ordered as numbers are; but -0 comes before 0. Not for NaN. */
static inline uint32_t kth_key(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof bits);
	return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static inline float kth_number(uint32_t key)
{
	uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
	float x;

	memcpy(&x, &bits, sizeof x);
	return x;
}

/* k is from 1 to n. Overwrites the keys. */
float kth_largest(uint32_t *keys, size_t n, size_t k);

#endif
