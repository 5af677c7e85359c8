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
#include "storage/corpus.h"

struct lsa;

struct image {
	atomic_int references;
	uint64_t generation;
	char *encoder;
	int64_t step;
	uint32_t dimension;
	Pb__Similarity similarity;
	char *index;
	uint32_t rows;	       /* documents with a vector */
	const struct lsa *lsa; /* encodes texts, or NULL */
	Pb__Recall recall;     /* of its index; nothing in it where search is exact */
	struct image_private *private;
};

struct image *image_acquire(struct image *g);
struct image *image_release(struct image *g); /* NULL is fine; always returns NULL */

/* The k best documents for each of nq query vectors (row-major, nq x dimension): out is nq x k,
 * found[i] says how many of row i are there (fewer when the image has fewer). Sorted, ties by
 * `order` (corpus->order of a corpus at least as new as the generation). With the engine "exact"
 * this is the true top k by the score above, boundary ties included; with a FAISS factory string
 * it is what that index found, rescored. Stops with CANCELLED when `cancelled` (may be NULL) turns
 * true. Query vectors must be finite and, for cosine, not zero. */
enum code image_search(const struct image *g, const uint32_t *order, const float *queries,
	size_t nq, size_t k, atomic_bool *cancelled, struct hit *out, size_t *found,
	struct error *e);

/* The score of any document for a query vector, the same number image_search gives it; NaN when the
 * generation has no vector for it. */
double image_score(const struct image *g, const float *query, uint32_t document);

/* The highest number of a document with a vector; there must be one. */
uint32_t image_last_document(const struct image *g);

/* The stored vector of a query by number, or of a document, into `out`; false when there is none. */
bool image_query_vector(const struct image *g, uint32_t query, float *out);
bool image_document_vector(const struct image *g, uint32_t document, float *out);

#endif
