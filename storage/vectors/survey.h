/*
 * What an image needs to know of every row of documents, learnt in one pass over them in the order
 * of the file: while they are uploaded, or at a start while their checksums are verified. So nobody
 * reads the rows again when a generation is published.
 *
 * One thread at a time.
 */
#ifndef STORAGE_VECTORS_SURVEY_H
#define STORAGE_VECTORS_SURVEY_H

#include "storage/vectors/file.h"

struct survey {
	Pb__Dtype dtype;
	Pb__Similarity similarity;
	uint32_t dimension;
	uint32_t count; /* rows seen */
	double *norm;	/* of each */
	double longest; /* of them */
	/* private */
	size_t room;
	float *row;
};

enum code survey_new(const struct vectors_about *about, struct survey **out, struct error *e);
struct survey *survey_free(struct survey *s); /* NULL is fine; returns NULL */
/* The next n rows, as the file has them. After a failure it is as if they had not come.
 * DATA_LOSS/CORRUPT_FILE for a row that no upload would have let in. */
enum code survey_add(struct survey *s, const void *rows, uint32_t n, struct error *e);

#endif
