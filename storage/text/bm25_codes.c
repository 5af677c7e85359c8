/* The codes of a segment's postings: see bm25_segment.h. */
#include <math.h>
#include <stdlib.h>

#include "storage/text/array.h"
#include "storage/text/bm25_segment.h"

enum { TOP = 255 };

/* From the lowest to the highest value of a term: code_value(0) is at most the lowest, code_value(TOP)
 * at least the highest, as computed. */
static struct scale scale_over(double lowest, double highest)
{
	struct scale scale = {(float)lowest, 0};

	if (scale.base > lowest)
		scale.base = nextafterf(scale.base, 0);
	scale.step = (float)((highest - scale.base) / TOP);
	while (code_value(scale, TOP) < highest)
		scale.step = nextafterf(scale.step, INFINITY);
	return scale;
}

/* The lowest code whose value is not below; the first guess is off by one at most. */
static uint8_t code_of(struct scale scale, double inverse, double value)
{
	int code = (int)((value - scale.base) * inverse);

	code = code > TOP ? TOP : code;
	while (code_value(scale, (unsigned)code) < value)
		code++;
	while (code > 0 && code_value(scale, (unsigned)code - 1) >= value)
		code--;
	return (uint8_t)code;
}

/* What a term's postings weigh, into value[]. */
static void values_of(const struct segment *s, uint32_t t, const double *norm, double *value)
{
	size_t first = s->posting_start[t], n = segment_frequency(s, t);
	const struct chunk *c = s->chunks + s->chunk_start[t],
			   *end = s->chunks + s->chunk_start[t + 1];

	for (size_t i = 0; i < n; i++) {
		if (c + 1 < end && c[1].first == i)
			c++;
		uint32_t document = c->range * RANGE + s->place[first + i];
		uint32_t tf = s->tf[first + i];
		if (tf == MANY)
			tf = segment_occurrences(s, t, document);
		value[i] = bm25_saturated(tf, norm[document]);
	}
}

static void put_best(const uint32_t *reach, size_t n, uint8_t *best)
{
	uint64_t seen = 0;
	unsigned j = 0;

	for (int code = TOP; code >= 0; code--)
		for (seen += reach[code]; (size_t)1 << j <= n && seen >= (uint64_t)1 << j; j++)
			best[j] = (uint8_t)code;
}

static void code_term(struct segment *s, uint32_t t, const double *value)
{
	size_t n = segment_frequency(s, t);
	uint8_t *code = s->code + s->posting_start[t];
	double lowest = INFINITY, highest = 0;
	uint32_t reach[TOP + 1] = {0};

	for (size_t i = 0; i < n; i++) {
		lowest = value[i] < lowest ? value[i] : lowest;
		highest = value[i] > highest ? value[i] : highest;
	}
	s->scale[t] = scale_over(lowest, highest);
	double inverse = s->scale[t].step > 0 ? 1 / (double)s->scale[t].step : 0;
	for (size_t i = 0; i < n; i++) {
		code[i] = code_of(s->scale[t], inverse, value[i]);
		reach[code[i]]++;
	}
	put_best(reach, n, s->best + s->best_start[t]);
}

/* log2(n) + 1 */
static size_t bits(size_t n)
{
	size_t b = 0;

	for (; n; n >>= 1)
		b++;
	return b;
}

static bool make_room(struct segment *s)
{
	uint32_t n = s->terms.n;

	s->scale = array_new(n, sizeof *s->scale);
	s->best_start = array_new((size_t)n + 1, sizeof *s->best_start);
	if (!s->scale || !s->best_start)
		return false;
	for (uint32_t t = 0; t < n; t++)
		s->best_start[t + 1] = s->best_start[t] + bits(segment_frequency(s, t));
	s->best = array_new(s->best_start[n], 1);
	return s->best;
}

static size_t most_frequent(const struct segment *s)
{
	size_t most = 0;

	for (uint32_t t = 0; t < s->terms.n; t++)
		most = segment_frequency(s, t) > most ? segment_frequency(s, t) : most;
	return most;
}

bool segment_weigh(struct segment *s, double k1, double b, double average)
{
	double *norm = array_new(s->n, sizeof *norm);
	double *value = array_new(most_frequent(s), sizeof *value);
	bool done = norm && value && make_room(s);

	s->average = average;
	for (uint32_t d = 0; done && d < s->n; d++)
		norm[d] = bm25_norm(k1, b, average, s->length[d]);
	for (uint32_t t = 0; done && t < s->terms.n; t++) {
		values_of(s, t, norm, value);
		code_term(s, t, value);
	}
	free(norm);
	free(value);
	return done;
}
