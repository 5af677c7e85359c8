#include "storage/vectors/recall.h"

#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/vectors/approximate.h"
#include "storage/vectors/image_private.h"

enum { BLOCK = 32, NOBODY = UINT32_MAX };

struct measuring {
	const struct image *g;
	exact_top *truth;
	const struct progress *progress;
	const struct vectors *from; /* what is sampled */
	bool among_others;	    /* the sample is documents */
	uint32_t n;		    /* sampled */
	size_t k, ask;		    /* ask: k, and the document itself */
	uint32_t *order;	    /* any will do: equal scores count alike */
	float *queries;		    /* BLOCK x dimension */
	struct hit *best, *got;	    /* BLOCK x ask: what is there, what was found */
	size_t n_best[BLOCK], n_got[BLOCK];
	uint64_t right;
};

static atomic_bool *cancelled(const struct measuring *m)
{
	return m->progress ? m->progress->cancelled : NULL;
}

static void choose_sample(struct measuring *m)
{
	const struct image_private *p = m->g->private;

	m->among_others = p->queries.count < RECALL_LEAST;
	m->from = m->among_others ? &p->documents : &p->queries;
	m->n = m->from->count < RECALL_QUERIES ? m->from->count : RECALL_QUERIES;
	m->k = m->g->rows - (m->among_others ? 1 : 0);
	m->k = m->k < RECALL_K ? m->k : RECALL_K;
	m->ask = m->k + (m->among_others ? 1 : 0);
}

static uint32_t sampled_row(const struct measuring *m, uint32_t i)
{
	return (uint32_t)((uint64_t)i * m->from->count / m->n);
}

static enum code make_room(struct measuring *m, struct error *e)
{
	size_t documents = (size_t)image_last_document(m->g) + 1, cells = BLOCK * m->ask;

	m->order = FAULT() ? NULL : malloc(documents * sizeof *m->order);
	m->queries = FAULT() ? NULL : malloc(BLOCK * m->g->dimension * sizeof *m->queries);
	m->best = FAULT() ? NULL : malloc(cells * sizeof *m->best);
	m->got = FAULT() ? NULL : malloc(cells * sizeof *m->got);
	if (!m->order || !m->queries || !m->best || !m->got)
		return error_memory(e);
	for (size_t i = 0; i < documents; i++)
		m->order[i] = (uint32_t)i;
	return OK;
}

/* Takes the document itself out of its list, and what is past k. */
static size_t others(struct hit *hits, size_t n, uint32_t itself, size_t k)
{
	for (size_t i = 0; i < n; i++)
		if (hits[i].document == itself) {
			memmove(hits + i, hits + i + 1, (--n - i) * sizeof *hits);
			break;
		}
	return n < k ? n : k;
}

static void count_right(struct measuring *m, uint32_t i, uint32_t itself)
{
	struct hit *best = m->best + i * m->ask, *got = m->got + i * m->ask;
	size_t n_best = others(best, m->n_best[i], itself, m->k);
	size_t n_got = others(got, m->n_got[i], itself, m->k);

	for (size_t j = 0; j < n_got; j++)
		m->right += got[j].score >= best[n_best - 1].score;
}

static enum code measure_block(struct measuring *m, uint32_t first, uint32_t n, struct error *e)
{
	for (uint32_t i = 0; i < n; i++)
		vectors_floats(m->from, sampled_row(m, first + i),
			m->queries + (size_t)i * m->g->dimension);
	if (m->truth(m->g, m->order, m->queries, n, m->ask, cancelled(m), m->best, m->n_best, e) ||
		approximate_search(m->g, NULL, m->order, m->queries, n, m->ask, cancelled(m),
			m->got, m->n_got, e))
		return e->code;
	for (uint32_t i = 0; i < n; i++)
		count_right(m, i,
			m->among_others ? m->from->numbers[sampled_row(m, first + i)]
					: (uint32_t)NOBODY);
	return OK;
}

static enum code measure_all(struct measuring *m, struct error *e)
{
	enum code rc = OK;

	for (uint32_t first = 0, n; !rc && first < m->n; first += n) {
		n = m->n - first < BLOCK ? m->n - first : BLOCK;
		progress_report(m->progress, "measure", first, m->n, "queries");
		rc = progress_check(m->progress, e);
		if (!rc)
			rc = measure_block(m, first, n, e);
	}
	return rc;
}

static Pb__Recall result(const struct measuring *m)
{
	struct faiss_parameters with = faiss_settled(m->g->private->index);
	Pb__Recall r = PB__RECALL__INIT;

	r.has_recall = r.has_k = r.has_queries = r.has_sampled = 1;
	r.recall = (double)m->right / ((double)m->n * (double)m->k);
	r.k = (uint32_t)m->k;
	r.queries = m->n;
	r.sampled = m->among_others ? PB__SIDE__SIDE_DOCUMENT : PB__SIDE__SIDE_QUERY;
	r.has_nprobe = with.nprobe > 0;
	r.nprobe = with.nprobe;
	r.has_ef_search = with.ef_search > 0;
	r.ef_search = with.ef_search;
	return r;
}

enum code recall_measure(const struct image *g, exact_top *truth, const struct progress *progress,
	Pb__Recall *out, struct error *e)
{
	struct measuring m = {.g = g, .truth = truth, .progress = progress};

	choose_sample(&m);
	if (m.k == 0)
		return OK;
	enum code rc = make_room(&m, e);
	if (!rc)
		rc = measure_all(&m, e);
	if (!rc)
		*out = result(&m);
	free(m.order);
	free(m.queries);
	free(m.best);
	free(m.got);
	return rc;
}
