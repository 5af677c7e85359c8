/*
 * BM25 as Lucene scores it: idf = ln(1 + (N - df + 0.5) / (df + 0.5)),
 * score = sum over query terms of idf * tf / (tf + k1 * (1 - b + b * len / avglen)),
 * with exact document lengths, k1 0.9 and b 0.4. N and avglen count the documents that have a
 * token. A term twice in the query counts twice. A score is summed in double in the order in which
 * the query names its terms, so it is the same number whoever asks and however the index came about.
 *
 * An index is built and never changed: any number of threads read it. When documents come or change,
 * a successor is built beside it, which shares what stayed the same: that costs what the new
 * documents cost, and some memory traffic for the others; now and then, when parts of it are made one
 * or the average length has moved, it costs what writing BM25_ANEW documents anew does, or four times
 * what came. Documents are counted, not their words: it takes .3 s if they have 50, 2.6 s if they have
 * 500. bm25_builder_stop can make an end of it.
 */
#ifndef STORAGE_TEXT_BM25_H
#define STORAGE_TEXT_BM25_H

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "storage/hit.h"
#include "storage/stop.h"

struct bm25;
struct bm25_builder;
struct bm25_query;
struct bm25_scratch;

enum { BM25_ANEW = 65536 };

struct bm25_options {
	double k1, b;	     /* 0.9, 0.4; k1 from 0 on, b from 0 to 1 */
	const char *stemmer; /* Snowball's name ("english"), or NULL */
};

/* NULL when memory ran out. */
struct bm25_builder *bm25_builder_new(const struct bm25_options *options);
/* Builds what follows `before`, with its options: the documents that are put replace those of the
 * same number there, all others are as before. `before` is read until the builder is gone. */
struct bm25_builder *bm25_builder_after(const struct bm25 *before);
/* Documents in rising order of number, every number once. Indexed is title, space, text; either may
 * be NULL. INVALID_ARGUMENT/UNKNOWN_STEMMER at "stemmer" when Snowball does not know it,
 * INVALID_ARGUMENT/OUT_OF_RANGE at "k1" or "b". */
enum code bm25_builder_put(struct bm25_builder *b, uint32_t document, const char *title,
	const char *text, struct error *e);
/* Puts the document whose number is next; the first is 0. */
enum code bm25_builder_add(
	struct bm25_builder *b, const char *title, const char *text, struct error *e);
/* bm25_build asks `stop` from then on, every few milliseconds at most, and fails with
 * CANCELLED/CANCELLED when it says so. It is the caller's until the builder is gone; NULL: none. */
void bm25_builder_stop(struct bm25_builder *b, struct stop *stop);
/* For tests, which have few documents: how many bm25_build may write anew, so that the index stays a few
 * parts; BM25_ANEW unless this says else. Four times those that were put, if that is more. What is found
 * is the same. */
void bm25_builder_anew(struct bm25_builder *b, uint32_t most);
void bm25_builder_free(struct bm25_builder *b);
/* Consumes the builder, also when it fails. `order` breaks ties: lower first; one for each number up to
 * the highest of the index, kept by reference. */
enum code bm25_build(
	struct bm25_builder *b, const uint32_t *order, struct bm25 **out, struct error *e);
/* Its successors stay. */
void bm25_free(struct bm25 *b);
/* Not the successor of another index: the same documents give the same bytes of it. */
bool bm25_at_once(const struct bm25 *b);

/* A query's terms, looked up, for this index alone. NULL when memory ran out. A text without a known
 * term matches nothing. */
struct bm25_query *bm25_query(const struct bm25 *b, const char *text);
void bm25_query_free(struct bm25_query *q);

/* What is asked for: the k best documents with a score above 0 within the bounds. */
struct bm25_request {
	const struct bm25_query *query;
	size_t k;
	double below;	 /* scores under it; INFINITY: any */
	double at_most;	 /* scores up to it; INFINITY: any */
	double at_least; /* scores from it on; 0: any */
	/* Only what ranks behind this hit, by score and then order: asked with the last hit of a
	 * list, what follows continues the list. NULL: from the top. */
	const struct hit *after;
	/* How many documents rank before `after`, and itself: known, as of the last hit of a list
	 * without bounds, it makes the search as fast as one from the top. 0: not known. */
	size_t up_to_after;
	atomic_bool *cancelled; /* NULL: cannot be */
};

static inline struct bm25_request bm25_best(const struct bm25_query *q, size_t k)
{
	return (struct bm25_request){.query = q, .k = k, .below = INFINITY, .at_most = INFINITY};
}

/* Room to search in: some 200 KB, and what k and the query's terms need, whatever the index. One
 * thread at a time, for any queries and indexes, one after the other. NULL when memory ran out. */
struct bm25_scratch *bm25_scratch_new(void);
void bm25_scratch_free(struct bm25_scratch *s);

/* Writes the hits to out[0..k), best first, and how many there are. Exact: a document, its place and
 * its score are those of summing up every document. CANCELLED within milliseconds. */
enum code bm25_search(const struct bm25 *b, const struct bm25_request *r, struct bm25_scratch *s,
	struct hit *out, size_t *found, struct error *e);
/* Any document's score, the same number that bm25_search gives it; 0 without a common term. */
double bm25_score(const struct bm25 *b, const struct bm25_query *q, uint32_t document);

#endif
