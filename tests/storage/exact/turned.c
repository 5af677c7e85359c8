#include "tests/storage/exact/turned.h"

#include <math.h>
#include <string.h>

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

/* Two rounds on the n dimensions from `first` on. */
static void turn_part(const struct rotation *r, long double *x, uint32_t first, uint32_t n)
{
	uint32_t span = span_of(n);

	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = first; i < first + n; i++)
			x[i] *= r->sign[round * r->dimension + i];
		transform(x + first, span);
		if (span < n)
			transform(x + first + n - span, span);
	}
}

static void change_basis(const struct rotation *r, long double *x)
{
	static long double image[BASIS_MOST];

	for (uint32_t i = 0; i < r->dimension; i++) {
		image[i] = 0;
		for (uint32_t j = 0; j < r->dimension; j++)
			image[i] += r->basis.row[(size_t)i * r->dimension + j] * x[j];
	}
	memcpy(x, image, r->dimension * sizeof *x);
}

void turned(const struct rotation *r, long double *x)
{
	uint32_t head = r->basis.head;

	if (r->basis.row)
		change_basis(r, x);
	turn_part(r, x, 0, head);
	if (head < r->dimension)
		turn_part(r, x, head, r->dimension - head);
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
