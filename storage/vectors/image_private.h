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
	/* With a FAISS factory string: rows in file order, dead ones too; of unit length for cosine. */
	struct faiss_index *index;
};

#endif
