/* Documents and queries as numbers of words: what the partner bm25s reads. */
#ifndef TESTS_BENCH_WORDS_H
#define TESTS_BENCH_WORDS_H

#include <stddef.h>
#include <stdint.h>

struct words {
	uint32_t *word; /* of all, one after the other */
	size_t *start;	/* n + 1 */
	size_t n;
};

/* As the files words, starts, query_words and query_starts of a folder. Every word of a query is one of
 * some document. */
void words_write(const char *folder, const struct words *documents, const struct words *queries);

#endif
