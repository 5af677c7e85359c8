#include "storage/exact/guess.h"

#include <math.h>

#include "storage/exact/kth.h"

#define DEVIATIONS 3
#define WORTH .85 /* of what passes since the last guess: less is worth another */

static size_t rank_for(size_t k, const struct seen *seen, double effect)
{
	double f = (double)seen->chunks / seen->all, expected = (double)k * f;
	double rank = expected + DEVIATIONS * sqrt(effect * expected * (1 - f)) + DEVIATIONS;

	return rank < (double)k ? (size_t)ceil(rank) : k;
}

/* What a sigma is not below by all likelihood, of those halfway from lower to upper by their bytes; with
 * -margins, not above. */
static float likely(const struct survivor *x, float margins)
{
	return x->upper / 2 + x->lower / 2 - margins * (x->upper / 2 - x->lower / 2);
}

static float margins_of(const struct survivors *s)
{
	return DEVIATIONS / sqrtf((float)s->codes->dimension);
}

static bool is_eligible(const struct survivors *s, const struct survivor *x, float margins)
{
	return likely(x, -margins) < s->below;
}

/* Of those that are likely to reach `least`: those of one chunk stand together. */
static double effect_of(const struct survivors *s, float least, const struct seen *seen)
{
	double n = 0, squares = 0, run = 0;
	float margins = margins_of(s);
	uint32_t chunk = UINT32_MAX;

	for (size_t i = 0; i < s->n; i++) {
		if (!is_eligible(s, &s->at[i], margins) || likely(&s->at[i], margins) < least)
			continue;
		if (s->at[i].row / CHUNK_ROWS != chunk)
			run = 0;
		chunk = s->at[i].row / CHUNK_ROWS;
		squares += 2 * run + 1; /* (run + 1)^2 - run^2 */
		run++;
		n++;
	}
	double effect = n > 0 ? squares / n - n / seen->chunks : 1;
	return effect > 1 ? effect : 1;
}

/* The rank-th largest of what is likely; false: there are not so many. */
static bool likely_at(struct survivors *s, size_t rank, float *out)
{
	float margins = margins_of(s);
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		s->keys[n] = kth_key(likely(&s->at[i], margins));
		n += is_eligible(s, &s->at[i], margins);
	}
	if (n < rank)
		return false;
	*out = kth_largest(s->keys, n, rank);
	return true;
}

/* More rows may be more alike, which asks for more rows. */
static bool sure_at(struct survivors *s, size_t rank, const struct seen *seen, float *out)
{
	for (size_t was = 0; rank > was;) {
		if (!likely_at(s, rank, out))
			return false;
		was = rank;
		rank = rank_for(s->k, seen, effect_of(s, *out, seen));
	}
	return true;
}

void survivors_guess(struct survivors *s, const struct seen *seen)
{
	size_t rank = rank_for(s->k, seen, 1);
	double pass = (double)rank / seen->chunks;
	float least, was = s->tau;

	if (s->wide || (s->guessed && pass > WORTH * s->pass) || !sure_at(s, rank, seen, &least))
		return;
	survivors_raise(s, least);
	if (s->tau == was) /* the floor is more, or what is proved */
		return;
	s->guessed = true;
	s->pass = (float)pass;
}
