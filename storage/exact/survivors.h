/* What the pass keeps of one query: every row that may still be among its k best. */
#ifndef STORAGE_EXACT_SURVIVORS_H
#define STORAGE_EXACT_SURVIVORS_H

#include "storage/exact/codes.h"
#include "storage/exact/query.h"

struct survivor {
	uint32_t row;
	float upper, lower; /* of its sigma */
};

struct survivors {
	/* set by whoever asks */
	const struct codes *codes;
	size_t k;      /* eligible rows that tau must leave */
	double length; /* of the query where sigma has its unit, else 1 */
	double blur;   /* how far a score as computed may be from the true one, in sigma */
	double below;  /* sigmas below this are eligible for certain; or +inf */
	double above;  /* a sigma above this is not wanted for certain; or +inf */
	double floor;  /* nor is one below this; or -inf */

	float tau; /* uppers below it are passed over; +inf: given up */
	bool wide; /* given up: too many, or no memory for them */
	bool gone; /* given up, because nobody wants the answer any more */
	struct survivor *at;
	uint32_t *keys; /* of the same room: scratch */
	size_t n, room;
};

/* Makes room for what s->k needs at least. False: no memory. */
bool survivors_init(struct survivors *s);
void survivors_free(struct survivors *s);

/* Rows t->first + i for the bits i of mask, whose uppers reached tau; raises tau now and then. */
struct tile;
void survivors_offer(struct survivors *s, const struct tile *t, uint32_t mask, const float *upper);

/* Raises tau by what is there, and lets go of what is below it. */
void survivors_settle(struct survivors *s);

/* The other's rows too, which are not among these. */
void survivors_absorb(struct survivors *s, const struct survivors *other);
/* Moves those with the largest lowers to the front and returns how many: k or some more, or all. Lets go
 * of what is not wanted for certain; and, given up, of all. */
size_t survivors_best(struct survivors *s);
/* Passes everything over from now on. */
void survivors_give_up(struct survivors *s);

#endif
