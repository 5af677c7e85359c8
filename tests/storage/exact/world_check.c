/* The true answer. */
#include <math.h>
#include <string.h>

#include "tests/runner.h"
#include "tests/storage/exact/world.h"

/* Element i goes to lane i mod 8, lanes are added 0 + 4, 1 + 5, 2 + 6, 3 + 7, and these as a tree. */
static double lanes_sum(const double *lane)
{
	return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
	       ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

static double product(const float *a, const float *b, uint32_t d)
{
	double lane[8] = {0};

	for (uint32_t i = 0; i < d; i++)
		lane[i & 7] += (double)a[i] * (double)b[i];
	return lanes_sum(lane);
}

static double distance(const float *a, const float *b, uint32_t d)
{
	double lane[8] = {0};

	for (uint32_t i = 0; i < d; i++) {
		double gap = (double)a[i] - (double)b[i];
		lane[i & 7] += gap * gap;
	}
	return lanes_sum(lane);
}

double world_score(const struct world *w, const float *query, uint32_t row)
{
	uint32_t d = w->shape.dimension;
	const float *x = w->value + (size_t)row * d;

	switch (w->shape.similarity) {
	case PB__SIMILARITY__SIMILARITY_COSINE:
		return product(query, x, d) /
		       (sqrt(product(query, query, d)) * sqrt(product(x, x, d)));
	case PB__SIMILARITY__SIMILARITY_L2:
		return -distance(query, x, d);
	default:
		return product(query, x, d);
	}
}

void world_scores(const struct world *w, const float *query, double *out)
{
	for (uint32_t row = 0; row < w->shape.n; row++)
		out[row] = world_score(w, query, row);
}

/* Does (score, document) come before the other? */
static bool before(const struct world *w, double score, uint32_t document, const struct hit *other)
{
	if (score != other->score)
		return score > other->score;
	return w->order[document] < w->order[other->document];
}

static bool is_ahead(
	const struct world *w, const struct exact_query *q, const double *scores, uint32_t row)
{
	struct hit hit = {w->numbers[row], scores[row]};

	if (!q->behind)
		return false;
	if (q->behind->document == NO_LIMIT)
		return scores[row] >= q->behind->score;
	return !before(w, q->behind->score, q->behind->document, &hit);
}

static bool wanted(
	const struct world *w, const struct exact_query *q, const double *scores, uint32_t row)
{
	uint32_t document = w->numbers[row];

	if (document == UINT32_MAX || scores[row] < q->floor)
		return false;
	for (size_t i = 0; i < q->n_excluded; i++)
		if (q->excluded[i] == document)
			return false;
	return !is_ahead(w, q, scores, row);
}

static void check_ahead(const struct world *w, const struct exact_query *q, const double *scores)
{
	size_t n = 0;

	if (q->behind && q->floor > q->behind->score)
		return;
	for (uint32_t row = 0; row < w->shape.n; row++)
		n += w->numbers[row] != UINT32_MAX && is_ahead(w, q, scores, row);
	if (q->ahead != n)
		ck_abort_msg("%s: %zu are said to be ahead, not %zu", world_name(w), q->ahead, n);
}

/* Hits of wanted rows with their scores, one strictly before the next. */
static void check_hits(const struct world *w, const struct exact_query *q, const double *scores)
{
	for (size_t i = 0; i < q->found; i++) {
		const struct hit *h = &q->out[i];
		uint32_t row = h->document < w->documents ? w->row_of[h->document] : UINT32_MAX;
		if (row == UINT32_MAX || !wanted(w, q, scores, row))
			ck_abort_msg("%s: hit %zu is document %u, which is not wanted",
				world_name(w), i, h->document);
		if (h->score != scores[row] || isnan(h->score))
			ck_abort_msg("%s: document %u scores %a, not %a", world_name(w),
				h->document, scores[row], h->score);
		if (i && !before(w, h[-1].score, h[-1].document, h))
			ck_abort_msg("%s: hit %zu stands where it should not", world_name(w), i);
	}
}

void world_check(const struct world *w, const struct exact_query *q, const double *scores)
{
	size_t all = 0, as_good = 0;
	const struct hit *last = q->found ? &q->out[q->found - 1] : NULL;

	check_hits(w, q, scores);
	check_ahead(w, q, scores);
	for (uint32_t row = 0; row < w->shape.n; row++) {
		if (!wanted(w, q, scores, row))
			continue;
		all++;
		as_good += last && (w->numbers[row] == last->document ||
					   before(w, scores[row], w->numbers[row], last));
	}
	if (q->found != (q->k < all ? q->k : all))
		ck_abort_msg("%s: %zu found, k %zu of %zu", world_name(w), q->found, q->k, all);
	if (as_good != q->found)
		ck_abort_msg("%s: %zu found, but %zu are as good, k %zu of %zu", world_name(w),
			q->found, as_good, q->k, all);
}
