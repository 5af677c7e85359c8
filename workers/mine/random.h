/*
 * Chance that can be repeated. Every draw comes from a stream named by the request's seed, the
 * query's id, the stage and, where a query is mined once a positive, that positive's id: so it does
 * not matter which queries are neighbours, or which thread comes first.
 *
 * The streams are SplitMix64 from a key hashed of those four. Both, and the numbers of the stages,
 * are a promise: they decide which negatives a seed stands for.
 */
#ifndef WORKERS_MINE_RANDOM_H
#define WORKERS_MINE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/arena.h"
#include "proto/error.h"

enum random_stage {
	RANDOM_SOURCE = 1,
	RANDOM_IN_BATCH = 2,
	RANDOM_ANCHOR = 3,
	RANDOM_SAMPLE = 4,
	RANDOM_FILL = 5
};

struct random {
	uint64_t state;
};

/* `positive` may be NULL. */
struct random random_stream(
	uint64_t seed, const char *query, enum random_stage stage, const char *positive);
uint64_t random_next(struct random *r);
/* Uniform in 0 .. n-1, without the bias of a remainder; n above 0. */
uint32_t random_below(struct random *r, uint32_t n);

/*
 * The numbers 0 .. n-1 in random order, one at a time and none twice: a Fisher-Yates shuffle of
 * which only the touched part is kept. What is dealt first does not depend on how much is dealt
 * after it.
 */
struct deck {
	struct random random;
	uint32_t n, dealt;
	struct arena *arena;
	struct deck_slot *slots; /* place -> card, where they differ */
	size_t used, mask;
};

void deck_init(struct deck *d, struct random random, uint32_t n, struct arena *arena);
/* The next number into *card, while d->dealt is below d->n. */
enum code deck_deal(struct deck *d, uint32_t *card, struct error *e);

#endif
