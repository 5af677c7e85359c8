/*
 * Vectors as a caller sends them become rows as a generation keeps them: checked, and converted to
 * its dtype. What passes is finite, not longer than 1e6, and for cosine not zero, also after
 * rounding to half precision.
 */
#ifndef STORAGE_VECTORS_UPLOAD_H
#define STORAGE_VECTORS_UPLOAD_H

#include "storage/vectors/file.h"

struct upload {
	uint32_t n;
	const unsigned char *rows; /* n x dimension in the generation's dtype */
	unsigned char *own; /* where they are when they had to be converted; else in the request */
};

/* Reads either `vectors` or `data` of the request: one row an id. INVALID_ARGUMENT at vectors[i][j],
 * data[i][j] or whatever it is about: WRONG_DIMENSION, NOT_FINITE, NORM_TOO_LARGE, ZERO_VECTOR,
 * BAD_NPY, WRONG_LENGTH, HALF_OVERFLOW. */
enum code upload_read(const Pb__UpsertVectorsRequest *req, const struct vectors_about *to,
	struct upload *out, struct error *e);
void upload_free(struct upload *u);

/* The checks alone, for a query's own vector: `field` names it, and errors point at field[j]. */
enum code vector_check(const float *values, size_t dimension, Pb__Similarity similarity,
	const char *field, struct error *e);

#endif
