/* Vectors for tests, and images made of them by way of real files. */
#ifndef TESTS_STORAGE_VECTORS_SAMPLE_H
#define TESTS_STORAGE_VECTORS_SAMPLE_H

#include "storage/vectors/file.h"
#include "storage/vectors/image_open.h"

uint64_t sample_next(uint64_t *seed);
/* In [-1, 1], a multiple of 2^-bits: dot products of such numbers are exact in double. */
float sample_value(uint64_t *seed, int bits);

struct sample {
	uint32_t n, dimension;
	uint32_t *numbers; /* n */
	float *values;	   /* n x dimension */
};

struct sample sample_make(uint32_t n, uint32_t dimension); /* numbers 0 .. n-1, values 0 */
struct sample sample_random(uint32_t n, uint32_t dimension, uint64_t seed, int bits);
void sample_free(struct sample *s);
/* A permutation of 0 .. n-1. */
uint32_t *sample_order(uint32_t n, uint64_t seed);

void sample_write(const struct sample *s, const struct vectors_about *about, const char *path);
/* Writes the file below `dir` and opens it with `index`; cache at <dir>/cache. */
struct image *sample_image(const struct sample *s, Pb__Similarity similarity, Pb__Dtype dtype,
	const char *index, const char *dir);

/* Searches for nq queries, row-major: hits is nq x k. */
enum code sample_search(const struct image *g, const uint32_t *order, const float *queries,
	size_t nq, size_t k, atomic_bool *cancelled, struct hit *hits, size_t *found,
	struct error *e);

#endif
