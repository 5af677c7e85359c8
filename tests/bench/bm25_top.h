/* What the BM25 lines time: one query, from its text to the sorted hits. */
#ifndef TESTS_BENCH_BM25_TOP_H
#define TESTS_BENCH_BM25_TOP_H

#include "storage/text/bm25.h"

enum { TOP = 100 };

/* Searches for the best TOP with scores up to the ceiling, or INFINITY: how many there are. */
size_t bm25_top(const struct bm25 *index, const char *text, double ceiling,
	struct bm25_scratch *scratch, struct hit *hits);

#endif
