#include "tests/storage/exact/turned.h"

#include <math.h>

/* Sylvester: H of 2n is H H over H -H. */
static void hadamard(long double *x, uint32_t n)
{
	for (uint32_t h = 1; h < n; h *= 2)
		for (uint32_t i = 0; i < n; i++) {
			if (i & h)
				continue;
			long double a = x[i], b = x[i + h];
			x[i] = a + b;
			x[i + h] = a - b;
		}
}

static void transform(long double *x, uint32_t n)
{
	hadamard(x, n);
	for (uint32_t i = 0; i < n; i++)
		x[i] /= sqrtl(n);
}

static uint32_t span_of(uint32_t d)
{
	uint32_t span = 1;

	while (2 * span <= d)
		span *= 2;
	return span;
}

static void signs(const struct rotation *r, uint32_t round, long double *x)
{
	for (uint32_t i = 0; i < r->dimension; i++)
		x[i] *= r->sign[round * r->dimension + i];
}

void turned(const struct rotation *r, long double *x)
{
	uint32_t span = span_of(r->dimension);

	for (uint32_t round = 0; round < 2; round++) {
		signs(r, round, x);
		transform(x, span);
		if (span < r->dimension)
			transform(x + r->dimension - span, span);
	}
}

/* A transform is its own inverse. */
void turned_back(const struct rotation *r, long double *x)
{
	uint32_t span = span_of(r->dimension);

	for (uint32_t round = 2; round-- > 0;) {
		if (span < r->dimension)
			transform(x + r->dimension - span, span);
		transform(x, span);
		signs(r, round, x);
	}
}

long double length_of(const long double *x, uint32_t d)
{
	long double sum = 0;

	for (uint32_t i = 0; i < d; i++)
		sum += x[i] * x[i];
	return sqrtl(sum);
}

long double left_over(
	const struct rotation *r, const long double *turned, double scale, const lanes *x, int lane)
{
	long double sum = 0;

	for (uint32_t i = 0; i < r->dimension; i++) {
		long double left = turned[i] - (long double)scale * x[i][lane];
		sum += left * left;
	}
	return sqrtl(sum);
}
