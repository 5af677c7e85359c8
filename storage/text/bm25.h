/*
 * BM25 as Lucene scores it: idf = ln(1 + (N - df + 0.5) / (df + 0.5)),
 * score = sum over query terms of idf * tf / (tf + k1 * (1 - b + b * len / avglen)),
 * with exact document lengths, k1 0.9 and b 0.4. N and avglen count the documents that have a
 * token. A term twice in the query counts twice. A score is summed in double in one order of terms,
 * so it is the same number whoever asks.
 * Built once, then read by any number of threads.
 */
#ifndef STORAGE_TEXT_BM25_H
#define STORAGE_TEXT_BM25_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "storage/hit.h"

struct bm25;
struct bm25_builder;
struct bm25_query;

struct bm25_options {
	double k1, b;	     /* 0.9, 0.4 */
	const char *stemmer; /* Snowball's name ("english"), or NULL */
};

/* NULL when memory ran out. */
struct bm25_builder *bm25_builder_new(const struct bm25_options *options);
/* Documents in rising order of number, every number once. Indexed is title, space, text; either may
 * be NULL. INVALID_ARGUMENT/UNKNOWN_STEMMER at "stemmer" when Snowball does not know it. */
enum code bm25_builder_add(
	struct bm25_builder *b, const char *title, const char *text, struct error *e);
void bm25_builder_free(struct bm25_builder *b);
/* Consumes the builder, also when it fails. `order` breaks ties: lower first; n of them, kept by reference. */
enum code bm25_build(
	struct bm25_builder *b, const uint32_t *order, struct bm25 **out, struct error *e);
void bm25_free(struct bm25 *b);

/* A query's terms, looked up. NULL when memory ran out. A text without a known term matches
 * nothing. */
struct bm25_query *bm25_query(const struct bm25 *b, const char *text);
void bm25_query_free(struct bm25_query *q);
/* The k best documents with a score above 0, sorted; returns how many. Exact. SIZE_MAX when memory
 * ran out. */
size_t bm25_search(const struct bm25 *b, const struct bm25_query *q, size_t k, struct hit *out);
/* Any document's score, the same number that bm25_search gives it; 0 without a common term. */
double bm25_score(const struct bm25 *b, const struct bm25_query *q, uint32_t document);

#endif
