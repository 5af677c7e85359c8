/*
 * The documents and queries of the dense lines: seeded, clustered, and with the spectrum that neural
 * embeddings have. A document is a unit vector
 *
 *   sqrt(.2) mean + sqrt(.2) topic + sqrt(.2) sub-cluster + sqrt(.4) its own
 *
 * of one of 64 topics and one of 80 sub-clusters of it, both with Zipf's sizes. All four parts are
 * drawn alike: on axis i of 384 nearly normal with variance in proportion to exp(-i/256) / (i + 32),
 * after which the space is turned by one random rotation. So documents of a sub-cluster, of a topic,
 * of different topics are about .6, .4, .2 alike, and of the energy some .18 lies beyond the first
 * 128 principal axes, .09 beyond 192. (The MiniLM vectors of 1,400 abstracts on one subject: .07 and
 * .03. A corpus of everything is flatter, which makes an engine's bounds no easier.)
 *
 * A query is a document with noise, .85 like it, made from the first `rows`.
 */
#ifndef TESTS_BENCH_DATA_H
#define TESTS_BENCH_DATA_H

#include "storage/exact/pass.h"
#include "tests/bench/bench.h"

enum { D = 384, Q = 1024 };

struct data {
	struct vectors documents; /* rows of them, or twice as many; row i is document number i */
	float *queries;		  /* Q x D */
	uint32_t source[Q];	  /* the document that each was made from */
	uint32_t *numbers;	  /* of row i: i */
	const uint32_t *order;	  /* of all ids, as they are numbered */
	char documents_path[4096], queries_path[4096];
};

/* Made in the bench's directory by the first who asks. */
const struct data *data_of(struct bench *b);
/* n others, made likewise, also as a file. For the caller to free. */
float *more_queries(struct bench *b, size_t n, const char *path);
/* The first b->rows documents and their codes. */
const struct exact *exact_of(struct bench *b);
/* The first `rows` of them; `rows` lives as long as the answer. For the caller to free. */
struct codes *codes_of(const struct vectors *rows);
struct vectors first_rows(const struct data *d, uint32_t rows);

#endif
