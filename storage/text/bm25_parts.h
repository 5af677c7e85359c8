/* The parts of an index: which documents each has lost, and when parts become one. */
#ifndef STORAGE_TEXT_BM25_PARTS_H
#define STORAGE_TEXT_BM25_PARTS_H

#include "storage/text/bm25_matrix.h"

enum { LOSING = 32 /* units (stop.h) that a document to lose takes, as it is searched for */ };

/* Gives the index the parts of `before` (NULL: none), which lose the documents of `fresh`, and that
 * segment; few parts in the end, and none of them with many lost. The segment is shared. False when
 * memory ran out, or when stopped: what is there then bm25_free frees. */
bool parts_succeed(
	struct bm25 *b, const struct bm25 *before, struct segment *fresh, struct stop *stop);
/* Counts the documents that are there, and gives codes to the parts that have none or outdated ones.
 * False likewise. */
bool parts_weigh(struct bm25 *b, struct stop *stop);
void parts_free(struct part *parts, size_t n);

/* One segment of the documents that live in these parts, by rising number. NULL when memory ran
 * out, or when stopped. */
struct segment *parts_merge(const struct part *parts, size_t n, struct stop *stop);

#endif
