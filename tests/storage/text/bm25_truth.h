/*
 * BM25 by brute force: every document scored in double by the formula, and sorted. An index must give
 * the same documents and bits of score, for any k, bounds and continuation.
 */
#ifndef TESTS_STORAGE_TEXT_BM25_TRUTH_H
#define TESTS_STORAGE_TEXT_BM25_TRUTH_H

#include "storage/text/bm25.h"
#include "tests/runner.h"

/* Random numbers of all that is made here. */
void text_seed(uint64_t seed);
uint32_t text_below(uint32_t n);

/* Words are numbers; document d has words[start[d]..start[d + 1]). */
struct text {
	uint32_t n, vocabulary;
	size_t n_words, cap;
	uint32_t *words, *order;
	size_t *start;
	double k1, b;
	struct bm25 *index;
};

struct text text_new(uint32_t n, uint32_t vocabulary);
void text_free(struct text *t); /* and its index */
/* The next document: `length` words, or a copy of an earlier document. */
void text_put(struct text *t, uint32_t d, const uint32_t *words, size_t length);
/* Random documents. Frequent words are frequent: the lowest of two draws. Some are empty, some the same
 * as another, some say one word very often. */
void text_fill(struct text *t, uint32_t longest);
/* A random order of documents, for ties. */
void text_shuffle(struct text *t);
/* An order, and the index of all documents at once. */
void text_build(struct text *t);
char *text_spelled(const uint32_t *words, size_t n); /* freed by the caller */

/* The whole list by brute force. */
struct truth {
	struct hit *hits;
	size_t n;
};

struct question {
	uint32_t words[64];
	size_t n;
};

struct question question_new(const struct text *t);
struct truth truth_of(const struct text *t, const struct question *q); /* hits are the caller's */
void truth_sort(struct truth *all, const uint32_t *order);
/* A score that occurs, or one beside it. */
double truth_score(const struct truth *all);

/* Asks and compares with those of the truth that the request allows. */
void ck_answer(const struct text *t, const struct truth *all, struct bm25_request r,
	struct bm25_scratch *scratch);
/* Asks for many depths, within bounds, and page by page. */
void ck_question(
	const struct text *t, const struct question *question, struct bm25_scratch *scratch);
void ck_questions(const struct text *t, int n); /* random ones */

#endif
