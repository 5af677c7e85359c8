/*
 * Numbers that a seed decides: xoshiro256++ (Blackman, Vigna 2019), its state filled by SplitMix64
 * as its authors advise. Not for secrets.
 */
#ifndef STORAGE_TEXT_RANDOM_H
#define STORAGE_TEXT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t s[4];
};

void random_seed(struct random *r, uint64_t seed);
uint64_t random_next(struct random *r);
/* n draws from the standard normal distribution (Box and Muller 1958), in pairs: the odd one of the
 * last pair is thrown away. */
void random_normal(struct random *r, float *out, size_t n);

#endif
