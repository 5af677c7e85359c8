/*
 * The numbers 0 .. n-1 in random order, one at a time and none twice: a Fisher-Yates shuffle of
 * which only the touched part is kept. What is dealt first does not depend on how much is dealt
 * after it.
 */
#ifndef WORKERS_MINE_DECK_H
#define WORKERS_MINE_DECK_H

#include "proto/arena.h"
#include "proto/error.h"
#include "workers/mine/stream.h"

struct deck {
	struct stream random;
	uint32_t n, dealt;
	struct arena *arena;
	struct deck_slot *slots; /* place -> card, where they differ */
	size_t used, mask;
};

void deck_init(struct deck *d, struct stream random, uint32_t n, struct arena *arena);
/* The next number into *card, while d->dealt is below d->n. */
enum code deck_deal(struct deck *d, uint32_t *card, struct error *e);

#endif
