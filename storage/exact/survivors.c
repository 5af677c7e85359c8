#include "storage/exact/survivors.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/exact/encode.h"
#include "storage/exact/kth.h"
#include "storage/exact/margin.h"

/* MOST_BAND: rows beside the k that cannot be told from the k-th; of more the pass is given up. And so it
 * is by floats where it would not be much faster than to score all. */
enum { LEAST_ROOM = 512, MOST_BAND = 1 << 15, MOST_SHARE = 16 };

static size_t most_band(const struct survivors *s)
{
	size_t share = s->codes->rows / MOST_SHARE;

	return s->by_floats && share < MOST_BAND ? share : MOST_BAND;
}

size_t survivors_least_room(const struct survivors *s)
{
	return 3 * s->k + LEAST_ROOM;
}

static bool make_room(struct survivors *s, size_t room)
{
	struct survivor *at = FAULT() ? NULL : realloc(s->at, room * sizeof *at);

	if (at)
		s->at = at;
	uint32_t *keys = !at || FAULT() ? NULL : realloc(s->keys, room * sizeof *keys);
	if (!keys)
		return false;
	s->keys = keys;
	s->room = room;
	return true;
}

bool survivors_init(struct survivors *s)
{
	s->tau = (float)fmax(s->floor - 0x1p-22 * fabs(s->floor), -FLT_MAX);
	s->by_floats = s->guessed = s->crowded = s->wide = s->gone = false;
	s->at = NULL;
	s->keys = NULL;
	s->n = s->ahead = 0;
	size_t room = survivors_least_room(s), all = (size_t)s->codes->rows + 1;
	return make_room(s, room < all ? room : all);
}

void survivors_free(struct survivors *s)
{
	free(s->at);
	free(s->keys);
	s->at = NULL;
	s->keys = NULL;
	s->n = s->room = 0;
}

void survivors_give_up(struct survivors *s)
{
	s->wide = true;
	s->tau = INFINITY;
	s->n = 0;
}

/* From an upper, by what the row is uncertain. */
static float lower_of(const struct survivors *s, float ratio, uint32_t row, float upper)
{
	Pb__Similarity similarity = s->codes->similarity;
	struct codes_block b = codes_block(s->codes, row / CODE_BLOCK);
	float weight = b.weight[row % CODE_BLOCK];
	float slack = s->by_floats ? floats_slack(s->codes) : b.slack[row % CODE_BLOCK];
	double loss = s->by_floats ? FLOATS_LOSS : square_loss(s->codes->dimension);
	double margin = row_margin(slack, row_size(similarity, weight), ratio);
	double lower = upper - 2 * s->length * margin * (1 + 0x1p-19);

	if (similarity == PB__SIMILARITY__SIMILARITY_L2)
		lower -= 2 * loss * weight;
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
	s->ahead += s->n - kept;
	s->n = s->wide ? 0 : kept;
}

void survivors_raise(struct survivors *s, float lower)
{
	float tau = (float)(lower - 2 * s->blur - 0x1p-22 * fabs(lower));

	if (tau > s->tau)
		s->tau = tau;
	drop_passed(s);
}

void survivors_settle(struct survivors *s)
{
	size_t eligible = 0;

	drop_unwanted(s);
	for (size_t i = 0; i < s->n; i++) {
		s->keys[eligible] = kth_key(s->at[i].lower);
		eligible += s->at[i].upper < s->below;
	}
	if (eligible >= s->k)
		survivors_raise(s, kth_largest(s->keys, eligible, s->k));
}

/* Moves those whose lowers reach `least` to the front, and returns how many. */
static size_t split(struct survivors *s, float least)
{
	size_t front = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct survivor one = s->at[i];
		s->at[i] = s->at[front];
		s->at[front] = one;
		front += one.lower >= least;
	}
	return front;
}

size_t survivors_best(struct survivors *s)
{
	drop_unwanted(s);
	if (s->n <= s->k)
		return s->n;
	/* When tau was last raised they were k, mostly. */
	size_t best = split(s, s->tau);
	if (best >= s->k && best <= 2 * s->k)
		return best;
	for (size_t i = 0; i < s->n; i++)
		s->keys[i] = kth_key(s->at[i].lower);
	return split(s, kth_largest(s->keys, s->n, s->k));
}

static void settle_full(struct survivors *s)
{
	survivors_settle(s);
	if (s->n < s->room / 4 * 3)
		return;
	if (s->room > 3 * s->k + most_band(s) || !make_room(s, 2 * s->room))
		survivors_give_up(s);
}

void survivors_offer(struct survivors *s, const struct candidates *c, float ratio)
{
	for (uint32_t i = 0; i < c->n; i++) {
		float upper = c->upper[i];
		if (!(upper >= s->tau))
			continue;
		s->at[s->n++] =
			(struct survivor){c->row[i], upper, lower_of(s, ratio, c->row[i], upper)};
		if (s->n == s->room)
			settle_full(s);
	}
}

void survivors_absorb(struct survivors *s, const struct survivors *other)
{
	if (other->wide)
		survivors_give_up(s);
	if (other->tau > s->tau)
		s->tau = other->tau;
	s->guessed |= other->guessed;
	s->ahead += other->ahead;
	for (size_t i = 0; i < other->n && !s->wide; i++)
		if (other->at[i].upper >= s->tau) {
			s->at[s->n++] = other->at[i];
			if (s->n == s->room)
				settle_full(s);
		}
}
