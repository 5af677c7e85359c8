/* A segment in the making: document by document, each a row of terms and how often they occur. */
#ifndef STORAGE_TEXT_BM25_FILL_H
#define STORAGE_TEXT_BM25_FILL_H

#include "storage/text/bm25_segment.h"

struct entry {
	uint32_t term, tf;
};

struct filling {
	struct segment *segment; /* its terms are added by whoever fills it */
	struct entry *row;	 /* the document at hand, each term once */
	uint32_t *frequency;	 /* a term: documents with it, and the one at hand */
	size_t row_n, row_cap, frequency_cap;
	size_t rows_n, rows_cap, row_start_cap, length_cap, document_cap; /* of the segment */
};

/* False when memory ran out, as of the others; fill_close frees what is there either way. */
bool fill_open(struct filling *f);
void fill_close(struct filling *f);
/* Puts a term into the row at hand. */
bool fill_entry(struct filling *f, uint32_t term, uint32_t tf);
/* Ends the row at hand: it is that of this document, above all before. */
bool fill_document(struct filling *f, uint32_t document, uint32_t length);
/* Starts with these terms, one or more, under the numbers that they have. Returns how many documents
 * have each, zeroes, for the caller to set to what fill_packed will put; NULL when memory ran out, or
 * when stopped. */
uint32_t *fill_start(struct filling *f, const struct terms *terms, struct stop *stop);
/* Puts a document whose row is packed, of the terms of fill_start, instead of a row at hand. */
bool fill_packed(struct filling *f, const unsigned char *row, size_t bytes, uint32_t document,
	uint32_t length);
/* The segment of all documents, with its postings; the caller's. NULL when memory ran out, or when
 * stopped. */
struct segment *fill_done(struct filling *f, struct stop *stop);

/* Zeroed room for n numbers in *array. */
bool fill_reach(uint32_t **array, size_t *cap, size_t n);

#endif
