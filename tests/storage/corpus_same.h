/* Random uploads to the collection "demo", and whether two corpora of it are the same. */
#ifndef TESTS_STORAGE_CORPUS_SAME_H
#define TESTS_STORAGE_CORPUS_SAME_H

#include "storage/corpus.h"
#include "tests/storage/rows/fixture.h"

void upload_seed(uint64_t seed);
uint32_t upload_below(uint32_t n);
/* Up to `most` documents of a few hundred ids, in no order: some are new, some are not. */
void upload(uint32_t most);

/* What a text finds, and each document's score, to the bit. */
void ck_same_answers(const struct corpus *a, const struct corpus *b, const char *text);
/* All that can be asked of them. */
void ck_same_corpus(const struct corpus *a, const struct corpus *b);

#endif
