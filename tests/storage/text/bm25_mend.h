/*
 * Bytes of a file of a BM25 index (bm25_file.h) with the hashes made right, so that what is looked at
 * behind them is: and what is done to an index that was believed, whatever it came from.
 */
#ifndef TESTS_STORAGE_TEXT_BM25_MEND_H
#define TESTS_STORAGE_TEXT_BM25_MEND_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/text/bm25_file.h"
#include "storage/text/bm25_parts.h"

enum { HEADER = 128, BODY_HASH = HEADER - 8, HEADER_HASHED = 8 };

static inline void bm25_mend(unsigned char *bytes, size_t n)
{
	if (n < HEADER)
		return;
	uint64_t body = XXH3_64bits(bytes + HEADER, n - HEADER);
	memcpy(bytes + BODY_HASH, &body, sizeof body);
	uint64_t header = XXH3_64bits(bytes + HEADER_HASHED, HEADER - HEADER_HASHED);
	memcpy(bytes, &header, sizeof header);
}

/* Asks for every term alone and all documents; whether answers are documents, best first. */
static inline bool bm25_asked(const struct bm25 *b, uint32_t documents)
{
	struct bm25_scratch *scratch = bm25_scratch_new();
	struct hit *hits = calloc(documents + 1, sizeof *hits);
	bool good = scratch && hits;
	struct error e;
	size_t found;

	for (size_t p = 0; p < b->n_parts; p++) {
		const struct terms *terms = &b->parts[p].segment->terms;
		for (uint32_t t = 0; good && t < terms->n && t < 200; t++) {
			size_t length;
			const char *bytes = terms_get(terms, t, &length);
			char *text = calloc(length + 1, 1);
			memcpy(text, bytes, length);
			struct bm25_query *q = bm25_query(b, text);
			struct bm25_request r = bm25_best(q, documents);
			good = !bm25_search(b, &r, scratch, hits, &found, &e) && found <= documents;
			for (size_t i = 0; good && i < found; i++) {
				good = hits[i].document < documents && hits[i].score > 0 &&
				       (!i || hits[i - 1].score >= hits[i].score);
				bm25_score(b, q, hits[i].document);
			}
			bm25_query_free(q);
			free(text);
		}
	}
	bm25_scratch_free(scratch);
	free(hits);
	return good;
}

/* Asks what follows the index, as it is, and with every third document replaced. */
static inline bool bm25_followed(const struct bm25_kept *k)
{
	uint32_t *order = calloc((size_t)k->n + 2, sizeof *order);
	bool good = order;

	for (uint32_t d = 0; order && d < k->n + 1; d++)
		order[d] = d;
	for (int changed = 0; good && changed < 2; changed++) {
		struct bm25_builder *builder = bm25_builder_after(k->index);
		struct bm25 *next = NULL;
		struct error e;
		for (uint32_t d = 0; changed && d <= k->n; d += d + 3 > k->n ? 1 : 3)
			good = good && !bm25_builder_put(builder, d, NULL, "w1 w2 x", &e);
		good = !bm25_build(builder, order, &next, &e) && good;
		good = good && next->n >= k->n && bm25_asked(next, next->n);
		bm25_free(next);
	}
	free(order);
	return good;
}

#endif
