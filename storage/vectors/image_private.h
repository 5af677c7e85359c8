/* What an image is made of, shared by those who open, search and read it. */
#ifndef STORAGE_VECTORS_IMAGE_PRIVATE_H
#define STORAGE_VECTORS_IMAGE_PRIVATE_H

#include "storage/exact/pass.h"
#include "storage/exact/shared.h"
#include "storage/vectors/faiss.h"
#include "storage/vectors/file.h"
#include "storage/vectors/image.h"

struct image_private {
	struct vectors documents, queries; /* queries.count 0: none */
	struct lsa *lsa;		   /* what image.lsa points to */
	/* With the engine "exact": */
	struct codes *codes; /* of the documents' rows, dead ones taken out */
	struct exact exact;
	struct shared *shared;
	/* With a FAISS factory string: live rows in file order, of unit length for cosine. */
	struct faiss_index *index;
	uint32_t *live; /* the row of each of the index's numbers; NULL: they are the same */
};

/* The row that FAISS calls by this number. */
static inline uint32_t indexed_row(const struct image *g, size_t number)
{
	return g->private->live ? g->private->live[number] : (uint32_t)number;
}

#endif
