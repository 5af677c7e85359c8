#include "storage/text/bm25_codes.h"

#include <math.h>
#include <stdlib.h>

#include "storage/text/array.h"

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

/* What a term's postings weigh, into value[]. False when stopped. */
static bool values_of(
	const struct segment *s, uint32_t t, const double *norm, double *value, struct stop *stop)
{
	size_t first = s->posting_start[t], n = segment_frequency(s, t);
	const struct chunk *c = s->chunks + s->chunk_start[t],
			   *end = s->chunks + s->chunk_start[t + 1];

	for (size_t i = 0; i < n; i++) {
		if (c + 1 < end && c[1].first == i)
			c++;
		uint32_t document = c->range * RANGE + s->place[first + i];
		uint32_t tf = s->tf[first + i];
		uint64_t steps = tf == MANY ? s->length[document] : 1; /* at most */
		if (tf == MANY)
			tf = segment_occurrences(s, t, document);
		value[i] = bm25_saturated(tf, norm[document]);
		if (stop_after(stop, steps))
			return false;
	}
	return true;
}

static void put_best(const uint32_t *reach, size_t n, uint8_t *best)
{
	uint64_t seen = 0;
	unsigned j = 0;

	for (int code = TOP; code >= 0; code--)
		for (seen += reach[code]; (size_t)1 << j <= n && seen >= (uint64_t)1 << j; j++)
			best[j] = (uint8_t)code;
}

/* False when stopped. */
static bool code_term(struct bm25_codes *codes, const struct segment *s, uint32_t t,
	const double *value, struct stop *stop)
{
	size_t n = segment_frequency(s, t);
	uint8_t *code = codes->code + s->posting_start[t];
	double lowest = n ? INFINITY : 0, highest = 0;
	uint32_t reach[TOP + 1] = {0};

	for (size_t i = 0; i < n; i++) {
		lowest = value[i] < lowest ? value[i] : lowest;
		highest = value[i] > highest ? value[i] : highest;
	}
	struct scale scale = codes->scale[t] = scale_over(lowest, highest);
	double inverse = scale.step > 0 ? 1 / (double)scale.step : 0;
	for (size_t i = 0; i < n; i++) {
		code[i] = code_of(scale, inverse, value[i]);
		reach[code[i]]++;
		if (stop_after(stop, 1))
			return false;
	}
	put_best(reach, n, codes->best + codes->best_start[t]);
	return true;
}

/* log2(n) + 1 */
static size_t bits(size_t n)
{
	size_t b = 0;

	for (; n; n >>= 1)
		b++;
	return b;
}

bool bm25_codes_start(struct bm25_codes *c, const struct segment *s)
{
	uint32_t n = s->terms.n;

	c->best_start = array_new((size_t)n + 1, sizeof *c->best_start);
	for (uint32_t t = 0; c->best_start && t < n; t++)
		c->best_start[t + 1] = c->best_start[t] + bits(segment_frequency(s, t));
	return c->best_start;
}

static bool make_room(struct bm25_codes *c, const struct segment *s)
{
	uint32_t n = s->terms.n;

	c->code = array_new(s->posting_start[n], 1);
	c->scale = array_new(n, sizeof *c->scale);
	if (!c->code || !c->scale || !bm25_codes_start(c, s))
		return false;
	c->best = array_new(c->best_start[n], 1);
	return c->best;
}

static size_t most_frequent(const struct segment *s)
{
	size_t most = 0;

	for (uint32_t t = 0; t < s->terms.n; t++)
		most = segment_frequency(s, t) > most ? segment_frequency(s, t) : most;
	return most;
}

static bool weigh(
	struct bm25_codes *c, const struct segment *s, double k1, double b, struct stop *stop)
{
	double *norm = array_new(s->n, sizeof *norm);
	double *value = array_new(most_frequent(s), sizeof *value);
	bool done = norm && value && make_room(c, s);

	for (uint32_t d = 0; done && d < s->n; d++) {
		norm[d] = bm25_norm(k1, b, c->average, s->length[d]);
		done = !stop_after(stop, 1);
	}
	for (uint32_t t = 0; done && t < s->terms.n; t++)
		done = values_of(s, t, norm, value, stop) && code_term(c, s, t, value, stop);
	free(norm);
	free(value);
	return done;
}

struct bm25_codes *bm25_codes_empty(double average)
{
	struct bm25_codes *c = array_new(1, sizeof *c);

	if (!c)
		return NULL;
	atomic_init(&c->references, 1);
	c->average = average;
	return c;
}

struct bm25_codes *bm25_codes_new(
	const struct segment *s, double k1, double b, double average, struct stop *stop)
{
	struct bm25_codes *c = bm25_codes_empty(average);

	if (!c || weigh(c, s, k1, b, stop))
		return c;
	bm25_codes_release(c);
	return NULL;
}

struct bm25_codes *bm25_codes_acquire(struct bm25_codes *c)
{
	atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
	return c;
}

void bm25_codes_release(struct bm25_codes *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) != 1)
		return;
	free(c->code);
	free(c->scale);
	free(c->best_start);
	free(c->best);
	free(c);
}
