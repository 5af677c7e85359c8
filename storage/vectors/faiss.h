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

/* Told now and then how far a training is, on the calling thread: vectors assigned to their nearest
 * centroid, over all iterations of all its k-means; 0 of 0 where an index trains by other means. */
struct faiss_watch { /* may be NULL, and so may `told` */
	void (*told)(void *arg, uint64_t done, uint64_t total);
	void *arg;
};

/* An empty index by its factory string ("Flat", "IVF1024,Flat", "HNSW32", ...).
 * INVALID_ARGUMENT/BAD_INDEX at "index" for a string that FAISS or we refuse. */
enum code faiss_new(const char *factory, uint32_t dimension, enum faiss_metric metric,
	struct faiss_index **out, struct error *e);
void faiss_free(struct faiss_index *index); /* NULL is fine */

bool faiss_wants_training(const struct faiss_index *index);
/* FAILED_PRECONDITION/INDEX_NOT_BUILDABLE when these rows are too few or otherwise unfit. Seeds are
 * fixed: the same rows make the same index, byte for byte. */
enum code faiss_train(struct faiss_index *index, size_t n, const float *rows,
	const struct faiss_stop *stop, const struct faiss_watch *watch, struct error *e);
/* Rows are numbered 0, 1, ... in the order they are added. Where an index takes them all at once or
 * not at all (faiss_wants_all), a second call is refused. */
bool faiss_wants_all(const struct faiss_index *index);
enum code faiss_add(struct faiss_index *index, size_t n, const float *rows,
	const struct faiss_stop *stop, struct error *e);
size_t faiss_rows(const struct faiss_index *index);

/* How hard one search tries; 0: as the index is settled, or, of an index, that it has no such
 * parameter that a call may bring. */
struct faiss_parameters {
	uint32_t nprobe; /* lists visited, of an IVF's */
	uint32_t
		ef_search; /* length of the queue in a HNSW graph; the coarse one, of IVF<n>_HNSW<m> */
	uint32_t lists;	   /* there are, in an IVF; not for a search to bring */
};
/* What a search does that brings none. */
struct faiss_parameters faiss_settled(const struct faiss_index *index);

/* n x k: inner products falling or squared distances rising, and row numbers; -1 where there is
 * nothing. 0 < k <= faiss_rows. `how` may be NULL; it travels with the call, so searches that bring
 * different ones do not meet. What it brings must be there in faiss_settled. */
enum code faiss_search(const struct faiss_index *index, size_t n, const float *queries, size_t k,
	const struct faiss_parameters *how, float *scores, int64_t *rows,
	const struct faiss_stop *stop, struct error *e);

/* To bytes, malloc'd, and back. Unpack only what a keyed hash proved to be ours: FAISS believes
 * whatever it reads. */
enum code faiss_pack(
	const struct faiss_index *index, unsigned char **bytes, size_t *n, struct error *e);
enum code faiss_unpack(
	const unsigned char *bytes, size_t n, struct faiss_index **out, struct error *e);

/* K-means: `lists` centroids (lists x dimension) of n rows, by Lloyd's iterations from randomly chosen
 * rows; a centroid that nobody is nearest to takes half of a crowded one's. All rows count. Spherical:
 * centroids are of unit length. FAISS does the steps; rows and who is nearest to whom are asked of the
 * caller, on the calling thread: what it answers alike makes the same bits. Rows are not kept: beside
 * KMEANS_BYTES of them at a time, or one, it takes 16 bytes a row.
 * FAILED_PRECONDITION/INDEX_NOT_BUILDABLE for fewer rows than lists. lists, dimension > 0. */
enum { KMEANS_BYTES = 1 << 24 };
struct faiss_kmeans {
	uint32_t dimension, lists, iterations;
	int seed;
	bool spherical;
	void (*read)(void *arg, uint32_t row, float *out);
	/* From now on these are the centroids: told anew after each iteration. */
	enum code (*learn)(void *arg, const float *centroids, struct error *e);
	/* To each of the next n rows, which are given: the number of the one nearest to it. They come
	 * in order, all of them in each iteration. */
	enum code (*assign)(
		void *arg, size_t n, const float *rows, int64_t *nearest, struct error *e);
	void *arg;
};
enum code faiss_kmeans(const struct faiss_kmeans *how, uint32_t n, float *centroids,
	const struct faiss_stop *stop, struct error *e);

#ifdef __cplusplus
}
#endif

#endif
