/* Whether bytes that were read make a part of a BM25 index that can be searched and succeeded. */
#ifndef STORAGE_TEXT_BM25_CHECK_H
#define STORAGE_TEXT_BM25_CHECK_H

#include "storage/text/bm25_parts.h"

/* How long the arrays of a part are. */
struct bm25_sizes {
	uint32_t documents, terms;
	uint64_t term_bytes, row_bytes, postings, chunks, best;
	uint64_t lost; /* words; 0: none is */
	double average;
};

/* A part of these sizes, with all but posting_start and what only its whole tells: those are made here.
 * `lost` is what the part has lost, to be counted. Every document has a number below `documents`. False
 * when it cannot be one, memory ran out, or when stopped. */
bool bm25_check(struct part *p, const struct bm25_sizes *z, const uint64_t *lost,
	uint32_t documents, struct stop *stop);

#endif
