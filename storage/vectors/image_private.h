/* What an image is made of, shared by those who open, search and read it. */
#ifndef STORAGE_VECTORS_IMAGE_PRIVATE_H
#define STORAGE_VECTORS_IMAGE_PRIVATE_H

#include "storage/exact/lists.h"
#include "storage/exact/pass.h"
#include "storage/exact/shared.h"
#include "storage/vectors/faiss.h"
#include "storage/vectors/file.h"
#include "storage/vectors/image.h"
#include "storage/progress.h"

struct image_private {
	struct vectors documents, queries; /* queries.count 0: none */
	struct lsa *lsa;		   /* what image.lsa points to */
	/* Of the documents' rows, dead ones taken out; with other engines than "exact" only until their
	 * recall is measured. */
	struct codes *codes;
	/* With lists: */
	struct lists *lists;
	/* With either, by these codes or the lists': */
	struct exact exact;
	struct shared *shared;
	/* With a FAISS factory string: live rows in file order, of unit length for cosine. */
	struct faiss_index *index;
	uint32_t *live; /* the row of each of the index's numbers; NULL: they are the same */
};

/* Codes from the uploads, which are taken, or from an earlier start, or made now: then every row is
 * verified on the way. `cache` may be NULL. */
enum code get_codes(struct image *g, struct codes_builder **codes, const char *cache,
	const struct progress *progress, struct error *e);

/* The row that FAISS calls by this number. */
static inline uint32_t indexed_row(const struct image *g, size_t number)
{
	return g->private->live ? g->private->live[number] : (uint32_t)number;
}

#endif
