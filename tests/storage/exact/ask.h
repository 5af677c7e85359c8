/*
 * Questions of every sort about one world, asked many at a time, and their answers looked at. Scores of
 * a vector are counted out once for all questions with it.
 */
#ifndef TESTS_STORAGE_EXACT_ASK_H
#define TESTS_STORAGE_EXACT_ASK_H

#include "tests/storage/exact/world.h"

enum { ASK_VECTORS = 6, ASK_MOST = 40, ASK_EXCLUDED = 12 };

/* What a question is made of. */
struct question {
	size_t vector;
	struct hit behind;
	uint32_t excluded[ASK_EXCLUDED];
};

struct ask {
	const struct world *w;
	float *vectors; /* ASK_VECTORS x dimension */
	double *scores; /* ASK_VECTORS x n */
	struct question questions[ASK_MOST];
	struct exact_query queries[ASK_MOST];
	size_t n;
};

void ask_init(struct ask *a, const struct world *w, uint64_t *seed);
/* Makes n new questions in the place of those before. */
void ask_questions(struct ask *a, size_t n, uint64_t *seed);
/* Room for the answers, exactly; forgets those that are there. */
void ask_again(struct ask *a);
/* Asks them of exact_search. */
void ask_engine(struct ask *a);
/* Aborts the test unless all answers are true. */
void ask_check(const struct ask *a);
/* Question i's answer may not be looked at any more. */
void ask_forget(struct ask *a, size_t i);
void ask_free(struct ask *a);

#endif
