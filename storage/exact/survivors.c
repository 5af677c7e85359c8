#include "storage/exact/survivors.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/exact/encode.h"
#include "storage/exact/panel.h"

enum {
	LEAST_ROOM = 512,
	MOST_BAND =
		1 << 15 /* rows beside the k that cannot be told from the k-th: more are given up */
};

static bool make_room(struct survivors *s, size_t room)
{
	struct survivor *at = FAULT() ? NULL : realloc(s->at, room * sizeof *at);

	if (at)
		s->at = at;
	struct survivor *scratch =
		!at || FAULT() ? NULL : realloc(s->scratch, room * sizeof *scratch);
	if (!scratch)
		return false;
	s->scratch = scratch;
	s->room = room;
	return true;
}

bool survivors_init(struct survivors *s)
{
	s->tau = (float)fmax(s->floor - 0x1p-22 * fabs(s->floor), -FLT_MAX);
	s->wide = s->gone = false;
	s->at = NULL;
	s->scratch = NULL;
	s->n = 0;
	size_t room = 3 * s->k + LEAST_ROOM, all = (size_t)s->codes->rows + CODE_BLOCK;
	return make_room(s, room < all ? room : all);
}

void survivors_free(struct survivors *s)
{
	free(s->at);
	free(s->scratch);
}

void survivors_give_up(struct survivors *s)
{
	s->wide = true;
	s->tau = INFINITY;
	s->n = 0;
}

/* Moves the k with the largest lowers of n to the front: Hoare's selection, every part of which gets
 * smaller. */
static void select_best(struct survivor *at, size_t n, size_t k)
{
	size_t low = 0, high = n - 1;

	while (k > 0 && k < n && low < high) {
		float pivot = at[low + (high - low) / 2].lower;
		size_t i = low, j = high;
		for (;; i++, j--) {
			while (at[i].lower > pivot)
				i++;
			while (at[j].lower < pivot)
				j--;
			if (i >= j)
				break;
			struct survivor swap = at[i];
			at[i] = at[j];
			at[j] = swap;
		}
		if (k - 1 <= j)
			high = j;
		else
			low = j + 1;
	}
}

/* From an upper, by what row i of the tile is uncertain. */
static float lower_of(const struct survivors *s, const struct tile *t, float upper, int i)
{
	double lower = upper - 2 * s->length * t->margin[i] * (1 + 0x1p-19);

	lower -= 2 * square_loss(s->codes->dimension) * t->less[i];
	return (float)(lower - 0x1p-22 * fabs(lower));
}

/* Lets go of what is below tau. */
static void drop_passed(struct survivors *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		s->at[kept] = s->at[i];
		kept += s->at[i].upper >= s->tau;
	}
	s->n = kept;
}

static void drop_unwanted(struct survivors *s)
{
	size_t kept = 0;

	if (s->above == INFINITY && !s->wide)
		return;
	for (size_t i = 0; i < s->n; i++) {
		s->at[kept] = s->at[i];
		kept += !(s->at[i].lower > s->above);
	}
	s->n = s->wide ? 0 : kept;
}

void survivors_settle(struct survivors *s)
{
	size_t eligible = 0;

	drop_unwanted(s);
	for (size_t i = 0; i < s->n; i++)
		if (s->at[i].upper < s->below)
			s->scratch[eligible++].lower = s->at[i].lower;
	if (eligible < s->k)
		return;
	select_best(s->scratch, eligible, s->k);
	double kth = s->scratch[0].lower;
	for (size_t i = 1; i < s->k; i++)
		kth = fmin(kth, s->scratch[i].lower);
	float tau = (float)(kth - 2 * s->blur - 0x1p-22 * fabs(kth));
	if (tau > s->tau)
		s->tau = tau;
	drop_passed(s);
}

/* Those whose lowers reach tau are k at least when they came before tau, and not many more. */
static size_t split(struct survivors *s)
{
	size_t front = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct survivor one = s->at[i];
		s->at[i] = s->at[front];
		s->at[front] = one;
		front += one.lower >= s->tau;
	}
	return front;
}

size_t survivors_best(struct survivors *s)
{
	drop_unwanted(s);
	size_t best = split(s);
	if (best >= s->k && best <= 2 * s->k)
		return best;
	best = s->k < s->n ? s->k : s->n;
	select_best(s->at, s->n, best);
	return best;
}

static void settle_full(struct survivors *s)
{
	survivors_settle(s);
	if (s->n < s->room / 4 * 3)
		return;
	if (s->room > 3 * s->k + MOST_BAND || !make_room(s, 2 * s->room))
		survivors_give_up(s);
}

void survivors_offer(struct survivors *s, const struct tile *t, uint32_t mask, const float *upper)
{
	for (; mask; mask &= mask - 1) {
		int i = __builtin_ctz(mask);
		s->at[s->n++] = (struct survivor){
			t->first + (uint32_t)i, upper[i], lower_of(s, t, upper[i], i)};
	}
	if (s->n + CODE_BLOCK > s->room)
		settle_full(s);
}

void survivors_absorb(struct survivors *s, const struct survivors *other)
{
	if (other->wide)
		survivors_give_up(s);
	if (other->tau > s->tau)
		s->tau = other->tau;
	for (size_t i = 0; i < other->n && !s->wide; i++)
		if (other->at[i].upper >= s->tau) {
			s->at[s->n++] = other->at[i];
			if (s->n + CODE_BLOCK > s->room)
				settle_full(s);
		}
}
