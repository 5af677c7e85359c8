/*
 * NFCorpus's training set to mine: vectors that the embedded encoder makes of its texts, and as positives
 * what was judged relevant.
 */
#ifndef TESTS_BENCH_TRAINING_H
#define TESTS_BENCH_TRAINING_H

#include "tests/bench/nfcorpus.h"
#include "tests/bench/served.h"

struct training {
	uint32_t n, documents;
	size_t n_judged;
	float *query, *document; /* n x D, documents x D */
	struct judged *judged;	 /* rising; every query has some */
	struct shelf shelf;	 /* collection "training" of the daemon under test */
	char folder[4096];	 /* with the files queries, documents and judged */
};

/* Of NFCorpus, which is there. */
struct training *training_new(struct bench *b);
void training_free(struct training *t);

#endif
