/*
 * Queries that gave the pass up, and to whom floats say no more (floats.h): every row is scored, or
 * every row of the lists looked into. All of a pass's go over the rows together, some rows at a time, so
 * that a row is read from memory once for all of them and the work can be done in portions.
 */
#ifndef STORAGE_EXACT_WIDE_H
#define STORAGE_EXACT_WIDE_H

#include "storage/exact/pass.h"

/* All zero at first. */
struct wide {
	struct wide_query *query;
	size_t n, room;
	/* Row, or code of lists; from the first one scored on, no query may be added. */
	uint32_t next;
};

/* Query i of the pass is one of them, said once or again. */
enum code wide_add(struct wide *w, struct pass *p, size_t i, struct error *e);
bool wide_is_done(const struct wide *w, const struct pass *p);
size_t wide_left(const struct wide *w, const struct pass *p); /* scores */
/* Makes about so many scores, and fills in `found` of all when there are no more rows. */
enum code wide_score(
	struct wide *w, struct pass *p, size_t scores, atomic_bool *cancelled, struct error *e);
void wide_free(struct wide *w);

#endif
