#include "workers/mine/stream.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

struct stream stream_of(
	uint64_t seed, const char *query, enum stream_stage stage, const char *positive)
{
	uint64_t key[4] = {seed, XXH3_64bits(query, strlen(query)), stage,
		positive ? XXH3_64bits(positive, strlen(positive)) : 0};

	return (struct stream){XXH3_64bits(key, sizeof key)};
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t stream_next(struct stream *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Lemire 2019: the high half of a product, drawn again in the few cases that favour some number. */
uint32_t stream_below(struct stream *r, uint32_t n)
{
	assert(n > 0);
	uint64_t product = (stream_next(r) >> 32) * n;
	if ((uint32_t)product < n) {
		uint32_t unfair = -n % n;
		while ((uint32_t)product < unfair)
			product = (stream_next(r) >> 32) * n;
	}
	return product >> 32;
}
