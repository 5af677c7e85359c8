/*
 * The one door to FAISS. Behind it: no exception comes out, no thread pool starts, every call works
 * on the calling thread alone. FAISS is never shown a value that is not finite, nor a file that we
 * did not write ourselves.
 *
 * An index is built by one thread, then searched by any number.
 */
#ifndef STORAGE_VECTORS_FAISS_H
#define STORAGE_VECTORS_FAISS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct faiss_index;

enum faiss_metric { FAISS_INNER_PRODUCT, FAISS_SQUARED_L2 };

/* Asked now and then during long calls, on the calling thread; true stops with CANCELLED. `asked`
 * may be NULL. */
struct faiss_stop {
	bool (*asked)(void *arg);
	void *arg;
};

/* An empty index by its factory string ("Flat", "IVF1024,Flat", "HNSW32", ...).
 * INVALID_ARGUMENT/BAD_INDEX at "index" for a string that FAISS or we refuse. */
enum code faiss_new(const char *factory, uint32_t dimension, enum faiss_metric metric,
	struct faiss_index **out, struct error *e);
void faiss_free(struct faiss_index *index); /* NULL is fine */

bool faiss_wants_training(const struct faiss_index *index);
/* FAILED_PRECONDITION/INDEX_NOT_BUILDABLE when these rows are too few or otherwise unfit. */
enum code faiss_train(struct faiss_index *index, size_t n, const float *rows,
	const struct faiss_stop *stop, struct error *e);
/* Rows are numbered 0, 1, ... in the order they are added. */
enum code faiss_add(struct faiss_index *index, size_t n, const float *rows,
	const struct faiss_stop *stop, struct error *e);
size_t faiss_rows(const struct faiss_index *index);

/* n x k: inner products falling or squared distances rising, and row numbers; -1 where there is
 * nothing. 0 < k <= faiss_rows. */
enum code faiss_search(const struct faiss_index *index, size_t n, const float *queries, size_t k,
	float *scores, int64_t *rows, const struct faiss_stop *stop, struct error *e);

/* To bytes, malloc'd, and back. Unpack only what a keyed hash proved to be ours: FAISS believes
 * whatever it reads. */
enum code faiss_pack(
	const struct faiss_index *index, unsigned char **bytes, size_t *n, struct error *e);
enum code faiss_unpack(
	const unsigned char *bytes, size_t n, struct faiss_index **out, struct error *e);

#ifdef __cplusplus
}
#endif

#endif
