/* NFCorpus as BEIR has it: documents, the queries of its training set, and what was judged relevant. */
#ifndef TESTS_BENCH_NFCORPUS_H
#define TESTS_BENCH_NFCORPUS_H

#include "storage/text/bm25.h"
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
	struct bm25 *index;    /* made when asked for */
	uint32_t *order;       /* of its documents */
};

/* Read by the first who asks. NULL: $HARDMINER_SHARED has no data/nfcorpus/beir. */
const struct nfcorpus *nfcorpus_of(struct bench *b);
/* BM25 of all documents, which are there. */
const struct bm25 *nfcorpus_index(struct bench *b);
void nfcorpus_free(struct bench *b);

#endif
