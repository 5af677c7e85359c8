#include "storage/text/random.h"

#include <math.h>

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void random_seed(struct random *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&seed);
}

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

uint64_t random_next(struct random *r)
{
	uint64_t *s = r->s, result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

/* In (0, 1]: its logarithm is finite. */
static double uniform(struct random *r)
{
	return (double)((random_next(r) >> 11) + 1) * 0x1p-53;
}

void random_normal(struct random *r, float *out, size_t n)
{
	for (size_t i = 0; i < n; i += 2) {
		double radius = sqrt(-2 * log(uniform(r))), angle = 2 * M_PI * uniform(r);
		out[i] = (float)(radius * cos(angle));
		if (i + 1 < n)
			out[i + 1] = (float)(radius * sin(angle));
	}
}
