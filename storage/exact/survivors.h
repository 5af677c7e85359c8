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
	size_t k;      /* eligible rows that tau must leave, unless it is guessed */
	double length; /* of the query where sigma has its unit, else 1 */
	double blur;   /* how far a score as computed may be from the true one, in sigma */
	double below;  /* sigmas below this are eligible for certain; or +inf */
	double above;  /* a sigma above this is not wanted for certain; or +inf */
	double floor;  /* nor is one below this; or -inf */

	float tau;  /* uppers below it are passed over; +inf: given up */
	float pass; /* rows a chunk that reached the last guess: its rank over the chunks seen */
	bool by_floats; /* made uppers (floats.h), not bytes */
	bool guessed;	/* tau is more than k rows prove (guess.h) */
	bool crowded;	/* given up as soon as others are, too: floats would be faster (pass.c) */
	bool wide;	/* given up, for whatever reason: nothing of it is kept */
	bool gone;	/* given up, because nobody wants the answer any more */
	struct survivor *at;
	uint32_t *keys; /* of the same room: scratch */
	size_t n, room;
	size_t ahead; /* let go of, because they were above `above` */
};

/* Makes room for what s->k needs at least. False: no memory. */
bool survivors_init(struct survivors *s);
size_t survivors_least_room(const struct survivors *s);
void survivors_free(struct survivors *s);

/* Rows of a chunk that may be among them. */
enum {
	CHUNK_BLOCKS = 16 /* 200 KB of codes of 384 dimensions, with their tails */,
	CHUNK_ROWS = CHUNK_BLOCKS * CODE_BLOCK
};
/* A kernel may write a register of sixteen behind the n that are there. */
enum { CANDIDATES_ROOM = CHUNK_ROWS + 16 };
struct candidates {
	uint32_t n;
	uint32_t row[CANDIDATES_ROOM];
	float upper[CANDIDATES_ROOM];
};

/* Rows first + i for the bits i of mask. */
static inline void candidates_add(
	struct candidates *c, uint32_t first, uint32_t mask, const float *upper)
{
	uint32_t n = c->n;

	for (; mask; mask &= mask - 1, n++) {
		int i = __builtin_ctz(mask);
		c->row[n] = first + (uint32_t)i;
		c->upper[n] = upper[i];
	}
	c->n = n;
}

/* Those whose uppers reach tau survive, and raise it now and then. `ratio` is the panel's. */
void survivors_offer(struct survivors *s, const struct candidates *c, float ratio);

/* Raises tau by what is there, and lets go of what is below it. */
void survivors_settle(struct survivors *s);
/* Raises tau, if that is less, to what rows with this lower and larger ones allow, and lets go of what is
 * below it. */
void survivors_raise(struct survivors *s, float lower);

/* The other's rows too, which are not among these. */
void survivors_absorb(struct survivors *s, const struct survivors *other);
/* Moves those with the largest lowers to the front and returns how many: k or some more, or all. Lets go
 * of what is not wanted for certain; and, given up, of all. */
size_t survivors_best(struct survivors *s);
/* Passes everything over from now on. */
void survivors_give_up(struct survivors *s);

#endif
