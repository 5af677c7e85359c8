/*
 * Which lists a query looks into: those of the nprobe centroids that are nearest to it by the scores
 * of score.h, of equals the first. That depends on nothing but the query.
 *
 * Who is among them is all that matters, so most centroids are never scored: by their bounds (query.h)
 * some are certainly in, for fewer than nprobe others can reach their lowers, and some certainly out.
 * Only those between are, and the best of them fill up.
 */
#ifndef STORAGE_EXACT_NEAREST_H
#define STORAGE_EXACT_NEAREST_H

#include "storage/exact/pass_private.h"

/* Some queries of a pass over lists, whole panels of it from the first query on; the last panel may be
 * short. */
struct seekers {
	struct pass *p;
	size_t first, n;  /* queries */
	const size_t *at; /* n + 1: the i-th query finds at[i + 1] - at[i] lists, */
	uint32_t *list;	  /* and they go here, one query's after another's */
};

/* The first NEAREST_FIRST lists of each query come nearest first, as near as bytes tell; the rest as
 * they will. Queries that are gone find nothing. RESOURCE_EXHAUSTED. */
enum { NEAREST_FIRST = 16 };
enum code nearest_find(const struct seekers *s, struct error *e);

#endif
