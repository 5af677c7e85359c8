#include "workers/mine/distribution.h"

#include <math.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "proto/limits.h"
#include "workers/mine/put.h"

/* A report has four of these; together they stay within a request's memory. */
enum { MOST = LIMIT_REQUEST_MEMORY / 4 / sizeof(double) };

enum code numbers_add(struct numbers *c, double value, struct error *e)
{
	if (c->n == c->room) {
		size_t room = c->room ? c->room * 2 : 1024;
		double *at = FAULT() || room > MOST ? NULL : realloc(c->at, room * sizeof *at);
		if (!at)
			return error_memory(e);
		c->at = at;
		c->room = room;
	}
	c->at[c->n++] = value;
	return OK;
}

void numbers_free(struct numbers *c)
{
	free(c->at);
	*c = (struct numbers){0};
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void sort(struct numbers *c)
{
	if (c->n)
		qsort(c->at, c->n, sizeof *c->at, by_value);
}

static double sorted_quantile(const struct numbers *c, double q)
{
	double place = q * (c->n - 1);
	size_t low = place;
	double above = low + 1 < c->n ? c->at[low + 1] : c->at[low];

	return c->at[low] + (above - c->at[low]) * (place - low);
}

double numbers_quantile(struct numbers *c, double q)
{
	sort(c);
	return c->n ? sorted_quantile(c, q) : NAN;
}

static double mean(const struct numbers *c)
{
	double sum = 0;

	for (size_t i = 0; i < c->n; i++)
		sum += c->at[i];
	return sum / c->n;
}

static double deviation(const struct numbers *c, double m)
{
	double sum = 0;

	for (size_t i = 0; i < c->n; i++)
		sum += (c->at[i] - m) * (c->at[i] - m);
	return sqrt(sum / (c->n - 1));
}

void numbers_describe(struct numbers *c, Pb__Distribution *out)
{
	pb__distribution__init(out);
	PUT(out, count, c->n);
	if (c->n == 0)
		return;
	sort(c);
	PUT(out, mean, mean(c));
	if (c->n > 1)
		PUT(out, std, deviation(c, out->mean));
	PUT(out, min, c->at[0]);
	PUT(out, q25, sorted_quantile(c, .25));
	PUT(out, median, sorted_quantile(c, .5));
	PUT(out, q75, sorted_quantile(c, .75));
	PUT(out, max, c->at[c->n - 1]);
}
