/*
 * A segment: some documents of a BM25 index, each by itself. Immutable once made and counted, so that
 * an index and its successors share it: nothing in it depends on the other documents. Within a
 * segment documents have places 0, 1, 2 ... in the order of their numbers, and terms numbers of
 * their own; a term may be without a document.
 *
 *   rows      a document's terms, rising, as variable-length integers: the step from the previous
 *             term, then how often it occurs (tf). Some 2.5 bytes an entry.
 *   postings  a term's documents, rising. Places are cut into ranges of 65,536, so that a posting
 *             needs 16 bits of its place: 4 bytes a posting with its code (bm25_codes.h) and its
 *             tf. A term's postings within one range are a chunk.
 */
#ifndef STORAGE_TEXT_BM25_SEGMENT_H
#define STORAGE_TEXT_BM25_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/stop.h"
#include "storage/text/terms.h"

enum { RANGE = 65536, MANY = 255 /* a tf of this or more stands in the row alone */ };

struct chunk {
	uint32_t range;
	uint32_t first; /* counted from the term's first posting */
};

struct segment {
	atomic_int references;
	uint32_t n;	    /* documents */
	uint32_t filled;    /* of them have a token */
	uint64_t n_tokens;  /* in all of them */
	uint32_t *document; /* a place: the document's number, rising */
	struct terms terms;
	unsigned char *rows;
	size_t *row_start;     /* n + 1, into rows */
	uint32_t *length;      /* a document: its tokens */
	size_t *posting_start; /* terms + 1, into place and tf */
	uint16_t *place;       /* low 16 bits */
	uint8_t *tf;
	size_t *chunk_start; /* terms + 1, into chunks */
	struct chunk *chunks;
};

enum { NO_PLACE = UINT32_MAX };

/* With one reference; NULL when memory ran out. */
struct segment *segment_new(void);
struct segment *segment_acquire(struct segment *s);
void segment_release(struct segment *s); /* NULL is fine */
/* Makes the postings of a segment that has its rows, lengths and terms. frequency[t]: documents with
 * the term. False when memory ran out, or when stopped. */
bool segment_post(struct segment *s, const uint32_t *frequency, struct stop *stop);

/* How often a term occurs in the document at a place. */
uint32_t segment_occurrences(const struct segment *s, uint32_t term, uint32_t place);
/* Where a document is in the segment, or NO_PLACE. */
uint32_t segment_place(const struct segment *s, uint32_t document);

static inline double bm25_norm(double k1, double b, double average, double length)
{
	return k1 * (1 - b + b * length / average);
}

static inline double bm25_saturated(uint32_t tf, double norm)
{
	return tf / (tf + norm);
}

/* A document's share of work on all rows, near enough. */
static inline size_t segment_row_bytes(const struct segment *s, uint32_t place)
{
	return s->row_start[place + 1] - s->row_start[place] + 1;
}

static inline size_t segment_frequency(const struct segment *s, uint32_t term)
{
	return s->posting_start[term + 1] - s->posting_start[term];
}

/* A document's row, read from the left. */
struct bm25_row {
	const unsigned char *at, *end;
	uint32_t term, tf;
};

static inline struct bm25_row segment_row(const struct segment *s, uint32_t place)
{
	return (struct bm25_row){
		.at = s->rows + s->row_start[place], .end = s->rows + s->row_start[place + 1]};
}

static inline uint32_t bm25_row_integer(struct bm25_row *row)
{
	uint32_t value = *row->at & 0x7f;

	for (unsigned shift = 7; *row->at++ & 0x80; shift += 7)
		value |= (uint32_t)(*row->at & 0x7f) << shift;
	return value;
}

/* False at the row's end. */
static inline bool bm25_row_next(struct bm25_row *row)
{
	if (row->at == row->end)
		return false;
	row->term += bm25_row_integer(row);
	row->tf = bm25_row_integer(row);
	return true;
}

#endif
