#include "storage/text/terms.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "storage/text/array.h"

struct term_slot {
	uint32_t term; /* + 1; 0: empty */
	uint32_t hash; /* low bits: enough to grow to 2^32 slots without the terms */
};

void terms_init(struct terms *t)
{
	*t = (struct terms){0};
}

void terms_free(struct terms *t)
{
	free(t->pool);
	free(t->start);
	free(t->slots);
	terms_init(t);
}

void terms_trim(struct terms *t)
{
	array_trim(&t->pool, t->n ? t->start[t->n] : 0, 1);
	array_trim(&t->start, (size_t)t->n + 1, sizeof *t->start);
}

bool terms_copy(struct terms *t, const struct terms *from, struct stop *stop)
{
	size_t bytes = from->n ? from->start[from->n] : 0;

	if (!from->n)
		return true;
	t->slots = array_new(from->n_slots, sizeof *t->slots);
	if (!t->slots || !array_grow(&t->pool, &t->pool_cap, bytes, 1) ||
		!array_grow(&t->start, &t->start_cap, (size_t)from->n + 1, sizeof *t->start))
		return false;
	t->n = from->n;
	t->n_slots = from->n_slots;
	return stop_copy(stop, t->slots, from->slots, from->n_slots * sizeof *t->slots) &&
	       stop_copy(stop, t->pool, from->pool, bytes) &&
	       stop_copy(stop, t->start, from->start, ((size_t)from->n + 1) * sizeof *t->start);
}

/* The slot of the term, or the empty one where it belongs. */
static struct term_slot *slot_of(
	const struct terms *t, const char *term, size_t length, uint32_t hash)
{
	for (size_t i = hash;; i++) {
		struct term_slot *s = &t->slots[i & (t->n_slots - 1)];
		size_t other;
		if (!s->term)
			return s;
		if (s->hash == hash) {
			const char *bytes = terms_get(t, s->term - 1, &other);
			if (other == length && !memcmp(bytes, term, length))
				return s;
		}
	}
}

/* Keeps at least every third slot empty. */
static bool make_room(struct terms *t)
{
	if (t->n_slots && (size_t)t->n + 1 <= t->n_slots / 3 * 2)
		return true;
	size_t n = t->n_slots ? t->n_slots * 2 : 64;
	struct term_slot *slots = array_new(n, sizeof *slots);
	if (!slots)
		return false;
	for (size_t i = 0; i < t->n_slots; i++) {
		size_t to = t->slots[i].hash;
		if (!t->slots[i].term)
			continue;
		while (slots[to & (n - 1)].term)
			to++;
		slots[to & (n - 1)] = t->slots[i];
	}
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	return true;
}

uint32_t terms_add(struct terms *t, const char *term, size_t length)
{
	uint32_t hash = (uint32_t)XXH3_64bits(term, length);

	if (t->n == NO_TERM - 1 || !make_room(t))
		return NO_TERM;
	struct term_slot *s = slot_of(t, term, length, hash);
	if (s->term)
		return s->term - 1;
	size_t end = t->n ? t->start[t->n] : 0;
	if (!array_grow(&t->pool, &t->pool_cap, end + length, 1) ||
		!array_grow(&t->start, &t->start_cap, (size_t)t->n + 2, sizeof *t->start))
		return NO_TERM;
	memcpy(t->pool + end, term, length);
	t->start[t->n] = end;
	t->start[++t->n] = end + length;
	*s = (struct term_slot){t->n, hash};
	return t->n - 1;
}

bool terms_index(struct terms *t, struct stop *stop)
{
	size_t n = 64, length;

	while (t->n > n / 3 * 2)
		n *= 2;
	t->slots = t->n ? array_new(n, sizeof *t->slots) : NULL;
	t->n_slots = t->slots ? n : 0;
	for (uint32_t term = 0; term < t->n_slots && term < t->n; term++) {
		const char *bytes = terms_get(t, term, &length);
		uint32_t hash = (uint32_t)XXH3_64bits(bytes, length);
		struct term_slot *s = slot_of(t, bytes, length, hash);
		if (s->term || stop_after(stop, 1))
			return false;
		*s = (struct term_slot){term + 1, hash};
	}
	return !t->n || t->slots;
}

static uint32_t find_hashed(const struct terms *t, const char *term, size_t length, uint32_t hash)
{
	return t->n ? slot_of(t, term, length, hash)->term - 1 : NO_TERM;
}

uint32_t terms_find(const struct terms *t, const char *term, size_t length)
{
	return find_hashed(t, term, length, (uint32_t)XXH3_64bits(term, length));
}

/* Where the bytes start of the term that is likely the one with the hash; NULL: there is none. */
static const size_t *likely(const struct terms *t, uint32_t hash)
{
	for (size_t i = hash; t->n; i++) {
		const struct term_slot *s = &t->slots[i & (t->n_slots - 1)];
		if (!s->term)
			break;
		if (s->hash == hash)
			return &t->start[s->term - 1];
	}
	return NULL;
}

void terms_find_each(
	const struct terms *const *t, size_t n, const char *term, size_t length, uint32_t *numbers)
{
	uint32_t hash = (uint32_t)XXH3_64bits(term, length);
	const size_t *start[TERMS_EACH];

	for (size_t i = 0; i < n; i++)
		if (t[i]->n)
			__builtin_prefetch(&t[i]->slots[hash & (t[i]->n_slots - 1)]);
	for (size_t i = 0; i < n; i++)
		if ((start[i] = likely(t[i], hash)))
			__builtin_prefetch(start[i]);
	for (size_t i = 0; i < n; i++)
		if (start[i])
			__builtin_prefetch(t[i]->pool + *start[i]);
	for (size_t i = 0; i < n; i++)
		numbers[i] = find_hashed(t[i], term, length, hash);
}
