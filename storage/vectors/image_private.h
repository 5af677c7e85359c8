/* What an image is made of, shared by those who open, search and read it. */
#ifndef STORAGE_VECTORS_IMAGE_PRIVATE_H
#define STORAGE_VECTORS_IMAGE_PRIVATE_H

#include "storage/vectors/faiss.h"
#include "storage/vectors/file.h"
#include "storage/vectors/image.h"

struct image_private {
	struct vectors documents, queries; /* queries.count 0: none */
	double *norm;			   /* of each document row */
	double longest;			   /* of them */
	struct lsa *lsa;		   /* what image.lsa points to */
	bool exact;			   /* the engine is our own, not a FAISS string */
	struct faiss_index *index;	   /* rows in file order; of unit length for cosine */
};

/* |q|, and the score of a row for a query of that length: the only place scores are made. */
double query_norm(const struct image *g, const float *query);
double row_score(const struct image *g, const float *query, double norm, uint32_t row);

static inline struct hit score_row(
	const struct image *g, const float *query, double norm, uint32_t row)
{
	return (struct hit){g->private->documents.numbers[row], row_score(g, query, norm, row)};
}

#endif
