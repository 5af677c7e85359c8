#include "workers/mine/random.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

struct random random_stream(
	uint64_t seed, const char *query, enum random_stage stage, const char *positive)
{
	uint64_t key[4] = {seed, XXH3_64bits(query, strlen(query)), stage,
		positive ? XXH3_64bits(positive, strlen(positive)) : 0};

	return (struct random){XXH3_64bits(key, sizeof key)};
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Lemire 2019: the high half of a product, drawn again in the few cases that favour some number. */
uint32_t random_below(struct random *r, uint32_t n)
{
	assert(n > 0);
	uint64_t product = (random_next(r) >> 32) * n;
	if ((uint32_t)product < n) {
		uint32_t unfair = -n % n;
		while ((uint32_t)product < unfair)
			product = (random_next(r) >> 32) * n;
	}
	return product >> 32;
}

struct deck_slot {
	uint32_t place, card; /* place is off by one: 0 marks an empty slot */
};

void deck_init(struct deck *d, struct random random, uint32_t n, struct arena *arena)
{
	*d = (struct deck){.random = random, .n = n, .arena = arena};
}

static struct deck_slot *slot_of(struct deck_slot *slots, size_t mask, uint32_t place)
{
	size_t i = (place * 0x9e3779b97f4a7c15 >> 32) & mask;

	while (slots[i].place && slots[i].place != place + 1)
		i = (i + 1) & mask;
	return &slots[i];
}

/* Room for one more, at most half full. */
static bool make_room(struct deck *d)
{
	if (d->slots && d->used < (d->mask + 1) / 2)
		return true;
	size_t size = d->slots ? (d->mask + 1) * 2 : 64;
	struct deck_slot *slots = arena_array(d->arena, size, sizeof *slots);
	if (!slots)
		return false;
	for (size_t i = 0; d->slots && i <= d->mask; i++)
		if (d->slots[i].place)
			*slot_of(slots, size - 1, d->slots[i].place - 1) = d->slots[i];
	d->slots = slots;
	d->mask = size - 1;
	return true;
}

static uint32_t card_at(const struct deck *d, uint32_t place)
{
	const struct deck_slot *slot = slot_of(d->slots, d->mask, place);

	return slot->place ? slot->card : place;
}

enum code deck_deal(struct deck *d, uint32_t *card, struct error *e)
{
	assert(d->dealt < d->n);
	if (!make_room(d))
		return error_memory(e);
	uint32_t top = d->dealt++;
	uint32_t from = top + random_below(&d->random, d->n - top);
	*card = card_at(d, from);
	struct deck_slot *slot = slot_of(d->slots, d->mask, from);
	d->used += !slot->place;
	*slot = (struct deck_slot){from + 1, card_at(d, top)};
	return OK;
}
