#include "storage/vectors/approximate.h"

#include <stdlib.h>

#include "proto/fault.h"
#include "storage/exact/score.h"
#include "storage/progress.h"
#include "storage/vectors/image_private.h"
#include "storage/vectors/scan.h"

static enum code refuse(struct error *e, const char *field, const struct image *g)
{
	error_set(e, INVALID_ARGUMENT, "NO_SUCH_PARAMETER",
		g->exact ? "Generation %llu is searched exactly (index \"%s\"); there is "
			   "no %s to set."
			 : "Generation %llu has the index \"%s\", which takes no %s with a "
			   "request.",
		(unsigned long long)g->generation, g->index, field);
	return error_field(e, "%s", field);
}

struct faiss_parameters approximate_settled(const struct image *g)
{
	const struct lists *l = g->private->lists;

	if (g->exact)
		return (struct faiss_parameters){0};
	if (l)
		return (struct faiss_parameters){.nprobe = l->nprobe, .lists = l->n};
	return faiss_settled(g->private->index);
}

enum code approximate_check(
	const struct image *g, const struct faiss_parameters *how, struct error *e)
{
	struct faiss_parameters has = approximate_settled(g);

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

/* What one query needs, made anew for each: FAISS's work is far more than a malloc. */
struct search {
	const struct image *g;
	const struct faiss_parameters *how;
	const struct shared_request *request;
	struct exact_query *q;
	double length; /* of the query */
	size_t ask;    /* candidates wanted of FAISS */
	float *vector; /* as FAISS sees it */
	float *score;  /* ask */
	int64_t *row;  /* ask */
};

/* Whether FAISS can be shown the query: it must have a direction where only that counts, and its
 * squared distances must not overflow floats. */
static bool presentable(const struct search *s)
{
	return s->g->similarity == PB__SIMILARITY__SIMILARITY_L2 ? s->length < 1e15 : s->length > 0;
}

static void present(const struct search *s)
{
	bool as_is = s->g->similarity == PB__SIMILARITY__SIMILARITY_L2;

	for (uint32_t j = 0; j < s->g->dimension; j++)
		s->vector[j] = as_is ? s->q->vector[j] : (float)(s->q->vector[j] / s->length);
}

static enum code propose(struct search *s, struct top *top, struct error *e)
{
	struct faiss_stop stop = {is_cancelled, s->request->cancelled};

	present(s);
	if (faiss_search(
		    s->g->private->index, 1, s->vector, s->ask, s->how, s->score, s->row, &stop, e))
		return e->code;
	for (size_t i = 0; i < s->ask; i++)
		if (s->row[i] >= 0)
			score_offer(&s->g->private->documents, s->q, s->length,
				indexed_row(s->g, (size_t)s->row[i]), top);
	return OK;
}

static enum code scan(const struct search *s, struct error *e)
{
	struct shared_request alone = *s->request;

	alone.queries = s->q;
	alone.n = 1;
	return scan_rows(s->g, &alone, e);
}

/* One at a time, because FAISS's answer depends on its company. */
static enum code search_one(struct search *s, struct error *e)
{
	struct top top = {s->q->out, 0, s->q->k, s->request->order};

	if (check_cancelled(s->request->cancelled, e))
		return e->code;
	s->length = vector_length(s->q->vector, s->g->dimension);
	if (!presentable(s))
		return scan(s, e);
	if (propose(s, &top, e))
		return e->code;
	top_sort(&top);
	s->q->found = top.n;
	return OK;
}

/* Twice as many as wanted: FAISS's order is not ours. */
static size_t candidates(const struct image *g, size_t k)
{
	size_t ask = k + (k > 64 ? k : 64);

	return ask < g->rows ? ask : g->rows;
}

static enum code search_with_room(const struct image *g, const struct faiss_parameters *how,
	const struct shared_request *r, struct exact_query *q, struct error *e)
{
	struct search s = {.g = g, .how = how, .request = r, .q = q, .ask = candidates(g, q->k)};

	s.vector = FAULT() ? NULL : malloc(g->dimension * sizeof *s.vector);
	s.score = FAULT() ? NULL : malloc(s.ask * sizeof *s.score);
	s.row = FAULT() ? NULL : malloc(s.ask * sizeof *s.row);
	enum code rc = s.vector && s.score && s.row ? search_one(&s, e) : error_memory(e);
	free(s.vector);
	free(s.score);
	free(s.row);
	return rc;
}

static enum code search_lists(const struct image *g, const struct faiss_parameters *how,
	const struct shared_request *r, struct error *e)
{
	for (size_t i = 0; i < r->n; i++)
		r->queries[i].nprobe = how ? how->nprobe : 0;
	return shared_search(g->private->shared, r, e);
}

enum {
	SLICE = 8 /* queries, of .05 to 100 ms each: what one thread does before others may go first */
};

struct search_all {
	const struct image *g;
	const struct faiss_parameters *how;
	const struct shared_request *request;
};

static enum code search_slice(void *arg, size_t slice, struct error *e)
{
	const struct search_all *all = arg;
	const struct shared_request *r = all->request;

	for (size_t i = slice * SLICE; i < r->n && i < (slice + 1) * SLICE; i++) {
		struct exact_query *q = &r->queries[i];
		q->found = 0;
		if (all->g->rows && search_with_room(all->g, all->how, r, q, e))
			return e->code;
	}
	return OK;
}

enum code approximate_search(const struct image *g, const struct faiss_parameters *how,
	const struct shared_request *r, struct error *e)
{
	struct search_all all = {g, how, r};
	struct slices slices = {.n = (r->n + SLICE - 1) / SLICE, .each = search_slice, .arg = &all};

	return g->lists ? search_lists(g, how, r, e) : crew_slices(r->crew, &slices, e);
}
