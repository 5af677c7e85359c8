/*
 * What every search returns. Lists are sorted by score, highest first, ties by document id in byte
 * order, so that no list depends on who else asked, on threads or on the engine.
 */
#ifndef STORAGE_HIT_H
#define STORAGE_HIT_H

#include <stdbool.h>
#include <stdint.h>

struct hit {
	uint32_t document; /* number */
	double score;
};

/* `order`: the place of each document's id among all ids (struct corpus). */
static inline bool hit_before(const struct hit *a, const struct hit *b, const uint32_t *order)
{
	return a->score != b->score ? a->score > b->score : order[a->document] < order[b->document];
}

#endif
