#include "tests/storage/exact/ask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"
#include "tests/storage/vectors/sample.h"

static uint32_t below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)(sample_next(seed) % n);
}

static double *scores_of(const struct ask *a, size_t vector)
{
	return a->scores + vector * a->w->shape.n;
}

void ask_init(struct ask *a, const struct world *w, uint64_t *seed)
{
	uint32_t d = w->shape.dimension;

	*a = (struct ask){.w = w};
	a->vectors = malloc(ASK_VECTORS * d * sizeof *a->vectors);
	a->scores = malloc((ASK_VECTORS * (size_t)w->shape.n + 1) * sizeof *a->scores);
	for (size_t i = 0; i < ASK_VECTORS; i++) {
		world_query(w, seed, a->vectors + i * d);
		world_scores(w, a->vectors + i * d, scores_of(a, i));
	}
}

static size_t some_k(const struct world *w, uint64_t *seed)
{
	switch (below(seed, 8)) {
	case 0:
		return 1;
	case 1:
		return w->shape.n + 1 + below(seed, 3);
	case 2:
		return 1 + below(seed, w->shape.n + 1);
	default:
		return 1 + below(seed, 12);
	}
}

/* A row's score, or one as near as there is, or any. */
static double some_score(const struct ask *a, size_t vector, uint64_t *seed)
{
	uint32_t n = a->w->shape.n;
	double score = n ? scores_of(a, vector)[below(seed, n)] : 0;

	switch (below(seed, 6)) {
	case 0:
		return nextafter(score, INFINITY);
	case 1:
		return nextafter(score, -INFINITY);
	case 2:
		return score * (1 + 0.1 * (double)sample_value(seed, 20));
	default:
		return score;
	}
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Better rows are excluded more often; a document may have no row. */
static void exclude(const struct ask *a, struct question *t, struct exact_query *q, uint64_t *seed)
{
	const double *scores = scores_of(a, t->vector);
	uint32_t n = a->w->shape.n;

	q->n_excluded = 1 + below(seed, ASK_EXCLUDED);
	for (size_t i = 0; i < q->n_excluded; i++) {
		t->excluded[i] = below(seed, a->w->documents);
		for (int more = 0; n && i % 4 && more < 8; more++) {
			uint32_t row = below(seed, n), was = a->w->row_of[t->excluded[i]];
			if (a->w->numbers[row] == DEAD_ROW)
				continue;
			if (was == UINT32_MAX || scores[row] > scores[was])
				t->excluded[i] = a->w->numbers[row];
		}
	}
	qsort(t->excluded, q->n_excluded, sizeof *t->excluded, by_number);
	q->excluded = t->excluded;
}

/* A hit there may have been, wanted or not, or a ceiling. */
static void put_behind(
	const struct ask *a, struct question *t, struct exact_query *q, uint64_t *seed)
{
	uint32_t row = below(seed, a->w->shape.n + 1), ceiling = below(seed, 2);
	uint32_t document = row < a->w->shape.n ? a->w->numbers[row] : DEAD_ROW;

	if (ceiling || document == DEAD_ROW)
		t->behind = (struct hit){NO_LIMIT, some_score(a, t->vector, seed)};
	else
		t->behind = (struct hit){document, scores_of(a, t->vector)[row]};
	if (!ceiling && document != DEAD_ROW && below(seed, 8) == 0)
		t->behind.score = some_score(a, t->vector, seed);
	q->behind = &t->behind;
}

static void make_question(struct ask *a, size_t i, uint64_t *seed)
{
	struct question *t = &a->questions[i];
	struct exact_query *q = &a->queries[i];

	t->vector = below(seed, ASK_VECTORS);
	*q = (struct exact_query){.vector = a->vectors + t->vector * a->w->shape.dimension,
		.k = some_k(a->w, seed),
		.floor = -INFINITY};
	if (below(seed, 3) == 0)
		exclude(a, t, q, seed);
	if (below(seed, 3) == 0)
		put_behind(a, t, q, seed);
	if (below(seed, 4) == 0)
		q->floor = some_score(a, t->vector, seed);
}

static void forget(struct ask *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->queries[i].out);
}

void ask_questions(struct ask *a, size_t n, uint64_t *seed)
{
	forget(a);
	a->n = n;
	for (size_t i = 0; i < n; i++)
		make_question(a, i, seed);
	ask_again(a);
}

void ask_again(struct ask *a)
{
	forget(a);
	for (size_t i = 0; i < a->n; i++) {
		struct exact_query *q = &a->queries[i];
		q->out = malloc(q->k * sizeof *q->out);
		q->found = q->ahead = SIZE_MAX;
	}
}

void ask_engine(struct ask *a)
{
	struct error e;

	ck_ok(exact_search(&a->w->exact, a->w->order, a->queries, a->n, NULL, &e), &e);
}

void ask_check(const struct ask *a)
{
	for (size_t i = 0; i < a->n; i++)
		world_check(a->w, &a->queries[i], scores_of(a, a->questions[i].vector));
}

void ask_forget(struct ask *a, size_t i)
{
	free(a->queries[i].out);
	a->queries[i] = (struct exact_query){.found = SIZE_MAX};
}

void ask_free(struct ask *a)
{
	forget(a);
	free(a->vectors);
	free(a->scores);
}
