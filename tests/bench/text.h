/*
 * The documents of the BM25 lines: seeded, of 20 to 83 words, half of them by Zipf's law from one
 * vocabulary, half by Zipf's law from the words of the document's topic. Queries are six different
 * words of a random document: whichever come (stop words among them), or none of the thousand most
 * frequent.
 */
#ifndef TESTS_BENCH_TEXT_H
#define TESTS_BENCH_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct bench;

enum { SETS = 2, TEXT_QUERIES = 500, QUERY_WORDS = 6, LONGEST_WORD = 12, LONGEST_TEXT = 84 };

struct text {
	uint32_t n;	 /* documents */
	uint32_t *words; /* of all documents, one after the other */
	size_t *start;	 /* n + 1 */
	uint32_t queries[SETS][TEXT_QUERIES][QUERY_WORDS];
};

/* As many documents as the bench has rows; also in its directory, for the partner (words.h): the queries
 * of the one set, then those of the other. */
struct text *text_new(const struct bench *b);
void text_free(struct text *d);

/* Words as text, LONGEST_WORD bytes each at most. */
void text_spell(char *out, const uint32_t *words, size_t n);

#endif
