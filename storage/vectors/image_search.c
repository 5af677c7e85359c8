/*
 * Searching exactly, with the speed of single precision.
 *
 * What is promised is the true top k by the double score S of row_score. FAISS computes another
 * number f in floats, in an order of its own that changes with the size of the batch. So it only
 * proposes: k' > k candidates, which are scored anew in double; and a certificate decides whether
 * the k best of them are the k best of all.
 *
 * Take u = 2^-24 and gamma(n) = n u / (1 - n u). A float dot product of dimension d, summed in any
 * order, with or without fused operations, differs from the exact one by at most
 * gamma(d) sum |x_i y_i| <= gamma(d) |x| |y| (Higham, Accuracy and Stability, 3.1).
 *
 *   cosine  FAISS sees x = q/|q| and y = d/|d|, rounded to floats: a factor (1 + u)^2 on every
 *           product more. |f - S| <= gamma(d + 4), the two u that are left over covering the
 *           (d + 6) 2^-53 by which S itself is off.
 *   dot     FAISS sees x = q/|q| and the rows as they are; f stands for S / |q|, and is off by at
 *           most gamma(d + 4) L, with L the longest row.
 *   l2      FAISS sees both as they are, and computes either sum (x_i - y_i)^2, off by at most
 *           gamma(d + 2) |x - y|^2, or |x|^2 + |y|^2 - 2 x.y, off by at most
 *           gamma(d + 2) (|x| + |y|)^2; either way by at most gamma(d + 4) (|q| + L)^2.
 *
 * Where products underflow, each adds at most 2^-126: `tiny` below is more than all of them.
 *
 * Call this bound E. A row that FAISS did not propose has f no better than the worst f of those it
 * did, so its S (in FAISS's units) is at most worst + E. When the k-th best S is beyond that, no
 * such row can be among the k best, not even by a tie. Otherwise (long runs of near-equal scores,
 * one row much longer than all others) the query is answered by scoring every row in double,
 * which needs no proof. So are requests of a few queries, where that is faster, and lists so long
 * that there is nothing to save.
 */
#include "storage/vectors/image_private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/progress.h"
#include "storage/vectors/approximate.h"
#include "storage/vectors/scan.h"

/* One call of image_search. */
struct search {
	const struct image *g;
	const uint32_t *order;
	size_t k;
	atomic_bool *cancelled;
	struct faiss_stop stop;
	size_t ask;   /* k': candidates asked of FAISS a query */
	size_t batch; /* queries a call of FAISS */
	float *query; /* batch x dimension: as FAISS sees them */
	float *score; /* batch x ask */
	int64_t *row; /* batch x ask */
};

static bool asked(void *arg)
{
	return arg && atomic_load_explicit((atomic_bool *)arg, memory_order_relaxed);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static enum code scan(
	const struct search *s, const float *query, struct hit *out, size_t *found, struct error *e)
{
	return scan_rows(s->g, s->order, query, 1, s->k, s->cancelled, out, found, e);
}

/* FAISS's units for S: divide by this. */
static double scale_of(const struct image *g, double norm)
{
	return g->similarity == PB__SIMILARITY__SIMILARITY_DOT ? norm : 1;
}

static double error_bound(const struct image *g, double norm)
{
	double n = g->dimension + 4.0, u = 0x1p-24, gamma = n * u / (1 - n * u);
	double tiny = n * 0x1p-120, longest = g->private->longest;

	switch (g->similarity) {
	case PB__SIMILARITY__SIMILARITY_COSINE:
		return gamma + tiny;
	case PB__SIMILARITY__SIMILARITY_L2:
		return gamma * (norm + longest) * (norm + longest) + tiny;
	default:
		return gamma * longest + tiny;
	}
}

static bool certified(
	const struct search *s, double norm, const float *score, const struct hit *kth)
{
	double worst = score[s->ask - 1];

	if (s->g->similarity == PB__SIMILARITY__SIMILARITY_L2)
		worst = -worst;
	return kth->score / scale_of(s->g, norm) > worst + error_bound(s->g, norm);
}

/* Up to `batch` presentable queries through FAISS at once. */
static enum code search_batch(struct search *s, const float *queries, size_t n, struct hit *out,
	size_t *found, struct error *e)
{
	const struct image *g = s->g;

	for (size_t i = 0; i < n; i++) {
		const float *query = queries + i * g->dimension;
		query_present(g, query, query_norm(g, query), s->query + i * g->dimension);
	}
	if (check_cancelled(s->cancelled, e) || faiss_search(g->private->index, n, s->query, s->ask,
							NULL, s->score, s->row, &s->stop, e))
		return e->code;
	for (size_t i = 0; i < n; i++) {
		const float *query = queries + i * g->dimension;
		struct hit *hits = out + i * s->k;
		double norm = query_norm(g, query);
		found[i] =
			rescore(g, s->order, query, norm, s->row + i * s->ask, s->ask, s->k, hits);
		if (certified(s, norm, s->score + i * s->ask, &hits[s->k - 1]))
			continue;
		if (scan(s, query, hits, &found[i], e))
			return e->code;
	}
	return OK;
}

static size_t presentable_run(const struct search *s, const float *queries, size_t n)
{
	size_t run = 0;

	while (run < n && run < s->batch &&
		query_presentable(s->g, query_norm(s->g, queries + run * s->g->dimension)))
		run++;
	return run;
}

static enum code search_all(struct search *s, const float *queries, size_t nq, struct hit *out,
	size_t *found, struct error *e)
{
	bool l2 = s->g->similarity == PB__SIMILARITY__SIMILARITY_L2;
	size_t worth_a_batch = l2 ? 8 : 4; /* for l2 FAISS measures every row anew, each call */

	for (size_t i = 0, n; i < nq; i += n) {
		const float *query = queries + i * s->g->dimension;
		n = presentable_run(s, query, nq - i);
		enum code rc;
		if (n < worth_a_batch) {
			n = 1;
			rc = scan(s, query, out + i * s->k, &found[i], e);
		} else {
			rc = search_batch(s, query, n, out + i * s->k, found + i, e);
		}
		if (rc)
			return rc;
	}
	return OK;
}

/* How many candidates a query and how many queries at once; false: scanning costs no more. */
static bool plan(struct search *s, size_t nq)
{
	const struct image *g = s->g;
	size_t rows = g->rows, slack = s->k / 4 > 64 ? s->k / 4 : 64;

	s->ask = s->k + slack;
	if (s->ask > rows / 2)
		return false;
	/* Some 50 ms of arithmetic a call, but enough queries to keep BLAS busy. */
	size_t fits = ((size_t)1 << 30) / (rows * g->dimension);
	s->batch = smaller(nq, fits < 32 ? 32 : smaller(fits, 256));
	return true;
}

static enum code search_with_index(struct search *s, const float *queries, size_t nq,
	struct hit *out, size_t *found, struct error *e)
{
	size_t cells = s->batch * s->ask;
	enum code rc;

	s->query = FAULT() ? NULL : malloc(s->batch * s->g->dimension * sizeof *s->query);
	s->score = FAULT() ? NULL : malloc(cells * sizeof *s->score);
	s->row = FAULT() ? NULL : malloc(cells * sizeof *s->row);
	if (s->query && s->score && s->row)
		rc = search_all(s, queries, nq, out, found, e);
	else
		rc = error_memory(e);
	free(s->query);
	free(s->score);
	free(s->row);
	return rc;
}

enum code image_search(const struct image *g, const uint32_t *order, const float *queries,
	size_t nq, size_t k, atomic_bool *cancelled, struct hit *out, size_t *found,
	struct error *e)
{
	struct search s = {
		.g = g, .order = order, .k = k, .cancelled = cancelled, .stop = {asked, cancelled}};

	assert(k > 0);
	if (!g->private->exact)
		return approximate_search(g, NULL, order, queries, nq, k, cancelled, out, found, e);
	if (g->rows && plan(&s, nq))
		return search_with_index(&s, queries, nq, out, found, e);
	for (size_t i = 0; i < nq; i++)
		if (scan(&s, queries + i * g->dimension, out + i * k, &found[i], e))
			return e->code;
	return OK;
}
