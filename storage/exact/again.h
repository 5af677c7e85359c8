/*
 * Queries that are scanned again, all of a pass's together, in a pass of their own: those whose guesses
 * were too high (guess.h), without guessing; and those who gave the pass up, by floats (floats.h). Where
 * there is no memory to do that, or they are so few that it would take longer, the second are left for
 * wide.c.
 */
#ifndef STORAGE_EXACT_AGAIN_H
#define STORAGE_EXACT_AGAIN_H

#include "storage/exact/pass.h"

/* All zero at first. */
struct again {
	bool by_floats; /* or without guessing */
	size_t *query;	/* n, of the pass they are from; NOBODY: answered, or nobody wants it */
	size_t n, room;
	struct pass *pass; /* of all n, once there is */
	struct exact_query *copies;
	uint32_t scanned; /* chunks */
	size_t finished;  /* queries */
};

/* Query i of the pass is one of them; while none is scanned yet. */
enum code again_add(struct again *a, size_t i, struct error *e);
/* Nobody wants the answer of query i of the pass any more, one of these or not. */
void again_drop(struct again *a, size_t i);
bool again_is_done(const struct again *a);
/* About how many scores take as long as what is left to do. */
size_t again_left(const struct again *a, const struct pass *p);
/* Does about as much as it takes to make so many scores; fills in `found` of all when there is no more to
 * do. */
enum code again_go_on(
	struct again *a, struct pass *p, size_t scores, atomic_bool *cancelled, struct error *e);
void again_free(struct again *a);

#endif
