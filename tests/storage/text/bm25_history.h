/*
 * Documents that change, and the indexes that follow: of each, what an update may cost is checked, and
 * what was met on the way is noted.
 */
#ifndef TESTS_STORAGE_TEXT_BM25_HISTORY_H
#define TESTS_STORAGE_TEXT_BM25_HISTORY_H

#include "storage/text/bm25_parts.h"
#include "tests/storage/text/bm25_truth.h"

/* Documents that change. An emptied one stays as a number, as a deleted one does. */
enum { MOST = 80000, LONGEST = 64 };

struct history {
	uint32_t n, vocabulary;
	double k1, b;
	uint32_t anew; /* what an update may write anew */
	uint8_t length[MOST];
	uint32_t words[MOST][LONGEST];
	bool changed[MOST]; /* since the last index */
	/* what was met on the way, so that it is known to have been tried */
	size_t most_parts, seeds; /* of these, useful ones */
	bool lost, merged, drifted, in_pieces;
};

/* Freed by free(). */
struct history *history_new(uint32_t vocabulary);
/* The document says other words, at most so many, or nothing. */
void history_change(struct history *h, uint32_t d, uint32_t longest);
/* New documents, and others anew. */
void history_upload(struct history *h, uint32_t fresh, uint32_t again, uint32_t longest);
/* The documents as they are, without an index. */
struct text history_text(const struct history *h);
/* Builds t->index: what follows `before` (NULL: all documents at once). */
enum code history_succeed(const struct history *h, const struct bm25 *before, struct stop *stop,
	struct text *t, struct error *e);
/* Checks what the update cost, and that parts that it can make whole are; notes what is met. */
void history_look(struct history *h, const struct bm25 *before, const struct bm25 *b);
/* The successor, as the history has it now, looked at. */
struct text history_next(struct history *h, const struct text *before);
/* The same in its place. */
void history_go_on(struct history *h, struct text *now);
/* The part that has the segment; NULL when none does. */
const struct part *history_part(const struct bm25 *b, const struct segment *segment);
/* No part is worn or outdated. */
void ck_kept(const struct bm25 *b);

#endif
