/*
 * One published generation in memory: its rows mapped read-only, its engine, its encoder if the
 * daemon has one. Immutable and counted; any number of threads search it.
 *
 * Scores are computed in double from the stored rows, in one fixed order of operations: the same
 * pair gives the same score whoever asks, in whatever company. For cosine the score is
 * q.d / (|q| |d|), for dot q.d, for l2 -|q-d|^2.
 */
#ifndef STORAGE_VECTORS_IMAGE_H
#define STORAGE_VECTORS_IMAGE_H

#include <stdatomic.h>

#include "hardminer/v1/miner.pb-c.h"
#include "storage/exact/shared.h"

struct lsa;

struct image {
	atomic_int references;
	uint64_t generation;
	char *encoder;
	int64_t step;
	uint32_t dimension;
	Pb__Similarity similarity;
	char *index;
	bool exact;	       /* the index is "exact" */
	uint32_t lists;	       /* of "lists<n>"; 0: it is another. Neither: FAISS's */
	uint32_t rows;	       /* documents with a vector */
	bool made_anew;	       /* its codes or its index, from rows of an earlier start */
	const struct lsa *lsa; /* encodes texts, or NULL */
	Pb__Recall recall;     /* of its index; nothing in it where search is exact */
	struct image_private *private;
};

struct image *image_acquire(struct image *g);
struct image *image_release(struct image *g); /* NULL is fine; always returns NULL */

/* Answers the request's queries (storage/exact/query.h, shared.h); its order is corpus->order of a
 * corpus at least as new as the generation. With the engine "exact" an answer is the true top k by
 * the score above, boundary ties included; with "lists<n>" it is that of the lists looked into; with
 * a FAISS factory string it is what that index proposed, scored. CANCELLED when the request is. Any
 * thread. */
enum code image_search(const struct image *g, const struct shared_request *r, struct error *e);

/* What image_search with the engine "exact" would answer: by the codes while there are any, with the
 * help of the request's crew; else by scoring every row, on the calling thread. */
enum code image_truth(const struct image *g, const struct shared_request *r, struct error *e);
/* Frees codes that the engine does not search by, once its recall is measured. Nobody else has the
 * image yet. */
void image_measured(struct image *g);

/* The score of any document for a query vector, the same number image_search gives it; NaN when the
 * generation has no vector for it. */
double image_score(const struct image *g, const float *query, uint32_t document);

/* The highest number of a document with a vector; there must be one. */
uint32_t image_last_document(const struct image *g);

/* The stored vector of a query by number, or of a document, into `out`; false when there is none. */
bool image_query_vector(const struct image *g, uint32_t query, float *out);
bool image_document_vector(const struct image *g, uint32_t document, float *out);

#endif
