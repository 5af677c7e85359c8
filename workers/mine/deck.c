#include "workers/mine/deck.h"

#include <assert.h>
#include <stdbool.h>

struct deck_slot {
	uint32_t place, card; /* place is off by one: 0 marks an empty slot */
};

void deck_init(struct deck *d, struct stream random, uint32_t n, struct arena *arena)
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
	uint32_t from = top + stream_below(&d->random, d->n - top);
	*card = card_at(d, from);
	struct deck_slot *slot = slot_of(d->slots, d->mask, from);
	d->used += !slot->place;
	*slot = (struct deck_slot){from + 1, card_at(d, top)};
	return OK;
}
