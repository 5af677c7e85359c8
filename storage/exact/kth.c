#include "storage/exact/kth.h"

enum { DIGIT = 8, DIGITS = 1 << DIGIT };

/* The digit of the k-th largest; *k becomes its rank among those with that digit. */
static uint32_t find_digit(const uint32_t *keys, size_t n, int shift, size_t *k)
{
	uint32_t count[DIGITS] = {0}, digit = DIGITS - 1;

	for (size_t i = 0; i < n; i++)
		count[keys[i] >> shift & (DIGITS - 1)]++;
	while (*k > count[digit])
		*k -= count[digit--];
	return digit;
}

/* How far the first digit stands from the right in which any differ: scores are near each other, and
 * all that they have in common would tell nothing. */
static int first_shift(const uint32_t *keys, size_t n)
{
	uint32_t differ = 0;

	for (size_t i = 1; i < n; i++)
		differ |= keys[i] ^ keys[0];
	int bits = differ ? 32 - __builtin_clz(differ) : 0;
	return bits > DIGIT ? bits - DIGIT : 0;
}

float kth_largest(uint32_t *keys, size_t n, size_t k)
{
	/* The last digit overlaps the one before: those that are left agree in it. */
	for (int shift = first_shift(keys, n);; shift = shift > DIGIT ? shift - DIGIT : 0) {
		uint32_t digit = find_digit(keys, n, shift, &k);
		size_t kept = 0;
		for (size_t i = 0; i < n; i++) {
			uint32_t key = keys[i];
			keys[kept] = key;
			kept += (key >> shift & (DIGITS - 1)) == digit;
		}
		n = kept;
		if (shift == 0)
			return kth_number(keys[0]);
	}
}
