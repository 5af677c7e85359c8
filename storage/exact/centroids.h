/*
 * Centroids, and the nearest of them to each of many rows. They are rows of an exact engine of their
 * own, so that who is near whom does not depend on company, threads or the instruction set.
 *
 * Nearest by l2 is the smallest distance, by cosine and dot the largest product. Of equals the first.
 */
#ifndef STORAGE_EXACT_CENTROIDS_H
#define STORAGE_EXACT_CENTROIDS_H

#include "storage/crew.h"
#include "storage/exact/pass.h"

struct centroids {
	float *at;	  /* n x dimension */
	uint32_t *number; /* 0 .. n - 1: their numbers, and their order */
	struct vectors vectors;
	struct codes *codes;
	struct exact exact; /* of the two */
};

/* Of rows such as these. n of them, n > 0, are copied to where they stay: it is not to be moved. They
 * are encoded in this basis; NULL: in their own. Errors are those of codes_builder_add, after which there
 * is nothing to free. */
enum code centroids_init(struct centroids *c, const struct vectors_about *about,
	const struct basis *basis, const float *at, uint32_t n, struct error *e);
void centroids_free(struct centroids *c); /* also a zeroed one */

/* Rows, each of which looks for the centroid nearest to it. */
struct assignment {
	const struct centroids *to;
	uint32_t n;
	void (*read)(void *arg, uint32_t i, float *row); /* the i-th; any thread */
	void (*told)(void *arg, uint32_t done);		 /* now and then, on the calling thread */
	void *arg;
	/* Filled in. `near`: there already are good guesses there, which save time. */
	uint32_t *nearest;
	bool near;
	atomic_bool *cancelled; /* may be NULL */
};

/* On the calling thread and a crew's; the answer is the same. CANCELLED, RESOURCE_EXHAUSTED. */
enum code centroids_assign(const struct assignment *a, const struct crew *crew, struct error *e);

#endif
