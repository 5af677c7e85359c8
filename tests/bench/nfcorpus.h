/* NFCorpus as BEIR has it: documents, the queries of its training set, and what was judged relevant. */
#ifndef TESTS_BENCH_NFCORPUS_H
#define TESTS_BENCH_NFCORPUS_H

#include "tests/bench/bench.h"

struct judged {
	uint32_t query, document;
};

struct nfcorpus {
	uint32_t n, n_queries;
	size_t n_judged;
	char **text;	       /* n: title, space, text */
	char **query;	       /* n_queries: their texts */
	struct judged *judged; /* rising */
};

/* Read by the first who asks. NULL: $HARDMINER_SHARED has no data/nfcorpus/beir. */
const struct nfcorpus *nfcorpus_of(struct bench *b);
void nfcorpus_free(struct bench *b);

#endif
