/* Programs that do what we do, in another's way: they map the same data and answer with seconds. */
#ifndef TESTS_BENCH_PARTNER_H
#define TESTS_BENCH_PARTNER_H

#include "tests/bench/bench.h"

struct partner {
	pid_t pid;
	FILE *in, *out;
	size_t bytes; /* private memory that the data took there */
	char name[64];
};

/* Started by the first who asks. */
struct partner *faiss_of(struct bench *b);	  /* with the environment's BLAS kernel */
struct partner *faiss_avx512_of(struct bench *b); /* with an AVX-512 one */
/* FAISS with other rows of D floats, in a file; the caller stops it. */
struct partner *faiss_with(struct bench *b, const char *documents, uint32_t rows);
/* FAISS IVF<lists>,Flat with these centroids, for n queries of its own; the caller stops it. */
struct partner *faiss_lists_of(
	struct bench *b, const char *queries, size_t n, const char *centroids, uint32_t lists);
struct partner *peer_of(struct bench *b);  /* NULL: peers.sh has not been run */
struct partner *bm25s_of(struct bench *b); /* once peers.sh has been run */
/* bm25s with the words of this folder (words.h); the caller stops it. */
struct partner *bm25s_in(struct bench *b, const char *folder);
/* sentence-transformers with vectors and positives of this folder (peer_st.py); the caller stops it. */
struct partner *st_in(struct bench *b, const char *folder, int dimension);
void partner_stop(struct partner *p); /* NULL is fine */
void partners_stop(struct bench *b);

/* Seconds that a command took there. */
double partner_seconds(struct partner *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
