/*
 * Queries that gave the pass over bytes up are compared with the rows themselves, in floats, before
 * anything is scored in double: a pass of their own (again.h), with the limits, thresholds and
 * certificates of any other, whose bound (floats.c) is some thousand times closer than that of bytes.
 */
#ifndef STORAGE_EXACT_FLOATS_H
#define STORAGE_EXACT_FLOATS_H

#include "storage/exact/pass_private.h"

/* Makes a pass that was just begun, and has no lists, one by floats. False: no memory. */
bool floats_begin(struct pass *p);
void floats_free(struct floats *f); /* NULL is fine */
/* Whether a query may be asked of such a pass. */
bool floats_can_do(const struct pass *p, size_t query);

/* The queries of one of its panels, by number. */
void floats_encode(struct pass *p, size_t panel);
/* Offers its survivors what it finds in a chunk. */
void floats_compare(struct pass *p, uint32_t chunk);

/* About how many rows are compared with a query in the time that it takes to score one, where there are
 * FLOATS_COMPANY queries or more. */
enum { FLOATS_COMPANY = 16 };
uint32_t floats_a_score(void);
#endif
