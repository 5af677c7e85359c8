#include "storage/vectors/approximate.h"

#include <stdlib.h>

#include "proto/fault.h"
#include "storage/progress.h"
#include "storage/vectors/image_private.h"
#include "storage/vectors/scan.h"
#include "storage/vectors/top.h"

bool query_presentable(const struct image *g, double norm)
{
	return g->similarity == PB__SIMILARITY__SIMILARITY_L2 ? norm < 1e15 : norm > 0;
}

void query_present(const struct image *g, const float *query, double norm, float *out)
{
	bool as_is = g->similarity == PB__SIMILARITY__SIMILARITY_L2;

	for (uint32_t j = 0; j < g->dimension; j++)
		out[j] = as_is ? query[j] : (float)(query[j] / norm);
}

size_t rescore(const struct image *g, const uint32_t *order, const float *query, double norm,
	const int64_t *row, size_t n, size_t k, struct hit *out)
{
	struct top top = {out, 0, k, order};

	for (size_t i = 0; i < n; i++)
		if (row[i] >= 0)
			top_offer(&top, score_row(g, query, norm, (uint32_t)row[i]));
	top_sort(&top);
	return top.n;
}

static enum code refuse(struct error *e, const char *field, const struct image *g)
{
	error_set(e, INVALID_ARGUMENT, "NO_SUCH_PARAMETER",
		g->private->exact
			? "Generation %llu is searched exactly (index \"%s\"); there is "
			  "no %s to set."
			: "Generation %llu has the index \"%s\", which takes no %s with a "
			  "request.",
		(unsigned long long)g->generation, g->index, field);
	return error_field(e, "%s", field);
}

enum code approximate_check(
	const struct image *g, const struct faiss_parameters *how, struct error *e)
{
	struct faiss_parameters has = {0};

	if (!g->private->exact)
		has = faiss_settled(g->private->index);
	if (how->nprobe && !has.nprobe)
		return refuse(e, "nprobe", g);
	if (how->ef_search && !has.ef_search)
		return refuse(e, "ef_search", g);
	if (how->nprobe <= has.lists)
		return OK;
	error_set(e, INVALID_ARGUMENT, "OUT_OF_RANGE",
		"nprobe is 1 to %u, the lists of \"%s\", not %u.", has.lists, g->index,
		how->nprobe);
	return error_field(e, "nprobe");
}

/* One call of approximate_search. */
struct search {
	const struct image *g;
	const struct faiss_parameters *how;
	const uint32_t *order;
	size_t k, ask; /* ask: candidates wanted of FAISS */
	atomic_bool *cancelled;
	float *query; /* as FAISS sees it */
	float *score; /* ask */
	int64_t *row; /* ask */
};

static bool asked(void *arg)
{
	return arg && atomic_load_explicit((atomic_bool *)arg, memory_order_relaxed);
}

/* One at a time, because FAISS's answer depends on its company. */
static enum code search_one(
	const struct search *s, const float *query, struct hit *out, size_t *found, struct error *e)
{
	struct faiss_stop stop = {asked, s->cancelled};
	double norm = query_norm(s->g, query);

	if (check_cancelled(s->cancelled, e))
		return e->code;
	if (!query_presentable(s->g, norm))
		return scan_rows(s->g, s->order, query, 1, s->k, s->cancelled, out, found, e);
	query_present(s->g, query, norm, s->query);
	if (faiss_search(
		    s->g->private->index, 1, s->query, s->ask, s->how, s->score, s->row, &stop, e))
		return e->code;
	*found = rescore(s->g, s->order, query, norm, s->row, s->ask, s->k, out);
	return OK;
}

/* Twice as many as wanted: FAISS's order is not ours. */
static size_t candidates(const struct image *g, size_t k)
{
	size_t ask = k + (k > 64 ? k : 64);

	return ask < g->rows ? ask : g->rows;
}

enum code approximate_search(const struct image *g, const struct faiss_parameters *how,
	const uint32_t *order, const float *queries, size_t nq, size_t k, atomic_bool *cancelled,
	struct hit *out, size_t *found, struct error *e)
{
	struct search s = {.g = g,
		.how = how,
		.order = order,
		.k = k,
		.ask = candidates(g, k),
		.cancelled = cancelled};

	s.query = FAULT() ? NULL : malloc(g->dimension * sizeof *s.query);
	s.score = FAULT() ? NULL : malloc((s.ask + 1) * sizeof *s.score);
	s.row = FAULT() ? NULL : malloc((s.ask + 1) * sizeof *s.row);
	enum code rc = s.query && s.score && s.row ? OK : error_memory(e);
	for (size_t i = 0; !rc && i < nq; i++) {
		found[i] = 0;
		if (g->rows)
			rc = search_one(&s, queries + i * g->dimension, out + i * k, &found[i], e);
	}
	free(s.query);
	free(s.score);
	free(s.row);
	return rc;
}
