/*
 * A random corpus, and the plainest reading of the rules: sort every document, walk down the list, ask
 * each rule in turn. Vectors are small dyadic numbers, so that a dot product is exact and ties are many.
 */
#ifndef TESTS_WORKERS_MINE_TRUTH_H
#define TESTS_WORKERS_MINE_TRUTH_H

#include "tests/workers/mine/world.h"

enum { DOCUMENTS = 150, QUERIES = 40, MOST_POSITIVES = 3, DIMENSION = 3 };

extern struct truth_document {
	const char *id, *text, *group;
	float row[DIMENSION];
} documents[DOCUMENTS];

extern struct truth_query {
	const char *id, *text, *group;
	float row[DIMENSION];
	int positives[MOST_POSITIVES], n_positives;
} queries[QUERIES];

/* Publishes them. */
void truth_fill(struct world *w);

int below(int n);			 /* the same numbers in every run */
bool same(const char *a, const char *b); /* strings, not NULL */

/* Results so far that went by what no filter keeps: whose lists left some out, and that did not look on. */
extern int left_out, gave_up;

/* Aborts the test unless it is what the rules say of query q; only: the positive it is for, by its place,
 * or -1. `r` is the recipe that ran. */
void ck_result(const Pb__MineNegativesRequest *r, int q, int only, const Pb__MineResult *got);

#endif
