/*
 * Rows whose bytes mislead as far as the bound allows: seen along `aim`, every dimension of a row, once
 * rotated, lies just below the middle of two steps, or just above, and so what is cut off is a vector
 * parallel to the query's. True products differ by less than that. And rows that have no small bytes.
 */
#include <stdlib.h>

#include "tests/storage/exact/turned.h"
#include "tests/storage/exact/world.h"
#include "tests/storage/vectors/sample.h"

enum { TOTAL = 40 };

static void turn_into(const struct world *w, long double *image, float *out)
{
	turned_back(&w->rotation, image);
	for (uint32_t i = 0; i < w->shape.dimension; i++)
		out[i] = (float)image[i];
	free(image);
}

void tight_aim(const struct world *w, float *out)
{
	uint32_t d = w->shape.dimension;
	long double *image = malloc(d * sizeof *image);

	for (uint32_t i = 0; i < d; i++)
		image[i] = 1;
	turn_into(w, image, out);
}

/* Whole numbers that add up to TOTAL, the first 127: it sizes the step. */
static void make_steps(long double *image, uint32_t d, uint64_t *seed)
{
	long double sum = image[0] = 127;

	for (uint32_t i = 1; i < d; i++)
		sum += image[i] = (long double)(sample_next(seed) % 101) - 50;
	while (d > 3 && sum != TOTAL) {
		uint32_t i = 1 + (uint32_t)(sample_next(seed) % (d - 1));
		long double by = sum > TOTAL ? -1 : 1;
		if (image[i] + by < -120 || image[i] + by > 120)
			continue;
		image[i] += by;
		sum += by;
	}
}

void tight_row(const struct world *w, float *out, uint64_t *seed)
{
	uint32_t d = w->shape.dimension;
	long double *image = malloc(d * sizeof *image), sign = sample_next(seed) % 2 ? .49L : -.49L;
	long double off = sign * (d - 1);

	make_steps(image, d, seed);
	for (uint32_t i = 1; i < d; i++)
		image[i] += sign;
	/* What the cutting took from the sum goes to whole steps elsewhere. */
	for (uint32_t i = 1; i < d && (off > .5L || off < -.5L); i++) {
		long double by = off > 0 ? -1 : 1;
		image[i] += by;
		off += by;
	}
	turn_into(w, image, out);
}

void steep_row(const struct world *w, float *out, uint64_t *seed)
{
	uint32_t d = w->shape.dimension;
	long double *image = malloc(d * sizeof *image);

	for (uint32_t i = 0; i < d; i++)
		image[i] = sample_next(seed) % 2 ? 1 : -1;
	turn_into(w, image, out);
}
