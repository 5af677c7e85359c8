/*
 * How a query asks deeper. Depth doubles, and where the recipe has one source, which ranks by the very
 * score that filters look at, the list's end says what is yet to come: nothing but what is rejected,
 * which settles the query, or a stretch of it, which the source is told to leave out.
 *
 * Neither changes which negatives a query gets, nor their ranks.
 */
#ifndef WORKERS_MINE_DEEPEN_H
#define WORKERS_MINE_DEEPEN_H

#include "workers/mine/attempt.h"

/* What sources have not given yet. */
struct unseen {
	bool some;   /* there is more, and it may be asked for */
	double best; /* no score of it is better */
};

struct unseen unseen_of(const struct attempt *a, const struct found *found);
/* False: filters reject all of it. */
bool unseen_may_pass(const struct unseen *u, const struct pair *p);

/* Makes a->ask.depth what sources went to: more than was asked where some were left out. */
void deepen_reached(struct attempt *a, const struct found *found);
/* Makes a->ask the next to ask, after what was found for it, and keeps what it goes on from. */
enum code deepen(struct attempt *a, const struct found *found, struct error *e);

#endif
