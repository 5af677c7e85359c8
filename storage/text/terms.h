/*
 * A dictionary: every term has a number, 0, 1, 2 ... in the order of first arrival. Filled by one
 * thread, then looked up by any number.
 */
#ifndef STORAGE_TEXT_TERMS_H
#define STORAGE_TEXT_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/stop.h"

enum { NO_TERM = UINT32_MAX };

struct terms {
	uint32_t n;
	char *pool;    /* the terms' bytes, one after the other */
	size_t *start; /* n + 1, into pool; NULL while there is none */
	/* private: open addressing, a power of two slots, each a number + 1 and bits of its hash */
	struct term_slot *slots;
	size_t n_slots, pool_cap, start_cap;
};

void terms_init(struct terms *t);
void terms_free(struct terms *t);
void terms_trim(struct terms *t); /* no term is to be added any more */
/* Makes of an empty dictionary a copy of another, with the same numbers. False, and still to be
 * freed, when memory ran out, or when stopped. */
bool terms_copy(struct terms *t, const struct terms *from, struct stop *stop);

/* Makes n, pool and start, which are there, a dictionary: no other term is in it, nor will be. False, and
 * still to be freed, when a term is there twice, memory ran out, or when stopped. */
bool terms_index(struct terms *t, struct stop *stop);

/* The term's number, a new one when it was not there; NO_TERM when memory ran out. */
uint32_t terms_add(struct terms *t, const char *term, size_t length);
uint32_t terms_find(const struct terms *t, const char *term, size_t length); /* or NO_TERM */

enum { TERMS_EACH = 16 };

/* The term's numbers in up to TERMS_EACH dictionaries: their memory is waited for together. */
void terms_find_each(
	const struct terms *const *t, size_t n, const char *term, size_t length, uint32_t *numbers);

static inline const char *terms_get(const struct terms *t, uint32_t term, size_t *length)
{
	*length = t->start[term + 1] - t->start[term];
	return t->pool + t->start[term];
}

#endif
