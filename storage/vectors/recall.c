#include "storage/vectors/recall.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/vectors/approximate.h"
#include "storage/vectors/image_private.h"

enum { NOBODY = UINT32_MAX };

/* One way to search, and how much it found. */
struct attempt {
	uint32_t nprobe; /* 0: as the index is settled */
	uint64_t right;
};

enum { MOST_ATTEMPTS = 32 };

struct measuring {
	struct image *g;
	exact_answer *truth;
	const struct progress *progress;
	const struct vectors *from; /* what is sampled */
	bool among_others;	    /* the sample is documents */
	uint32_t n;		    /* sampled */
	uint32_t row[RECALL_QUERIES];
	size_t k, ask;	  /* ask: k, and the document itself */
	uint32_t *order;  /* any will do: equal scores count alike */
	float *vectors;	  /* RECALL_BLOCK x dimension */
	struct hit *hits; /* 2 x RECALL_BLOCK x ask */
	struct exact_query best[RECALL_BLOCK], got[RECALL_BLOCK];
	struct attempt attempts[MOST_ATTEMPTS];
	size_t n_attempts;
};

/* Every so many of the live rows. */
static void choose_rows(struct measuring *m)
{
	uint64_t live = 0;

	m->n = m->from->live < RECALL_QUERIES ? m->from->live : RECALL_QUERIES;
	for (uint32_t row = 0, i = 0; i < m->n; row++)
		if (m->from->numbers[row] != DEAD_ROW &&
			live++ == (uint64_t)i * m->from->live / m->n)
			m->row[i++] = row;
}

static void choose_sample(struct measuring *m)
{
	const struct image_private *p = m->g->private;

	m->among_others = p->queries.live < RECALL_LEAST;
	m->from = m->among_others ? &p->documents : &p->queries;
	choose_rows(m);
	m->ask = RECALL_K + (m->among_others ? 1 : 0);
	if (m->ask > m->g->rows)
		m->ask = m->g->rows;
	m->k = m->ask - (m->among_others ? 1 : 0);
}

/* Of lists each of which finds what the one before found: twice as many, and in the end all. */
static void choose_attempts(struct measuring *m)
{
	uint32_t lists = m->g->lists, nprobe = 1;

	for (; nprobe < lists; nprobe *= 2)
		m->attempts[m->n_attempts++].nprobe = nprobe;
	m->attempts[m->n_attempts++].nprobe = lists;
}

static void put_query(
	const struct measuring *m, struct exact_query *q, const float *vector, struct hit *out)
{
	*q = (struct exact_query){.vector = vector, .k = m->ask, .floor = -INFINITY, .out = out};
}

static enum code make_room(struct measuring *m, struct error *e)
{
	size_t documents = (size_t)image_last_document(m->g) + 1;

	m->order = FAULT() ? NULL : malloc(documents * sizeof *m->order);
	m->vectors = FAULT() ? NULL : malloc(RECALL_BLOCK * m->g->dimension * sizeof *m->vectors);
	m->hits = FAULT() ? NULL : malloc(2 * RECALL_BLOCK * m->ask * sizeof *m->hits);
	if (!m->order || !m->vectors || !m->hits)
		return error_memory(e);
	for (size_t i = 0; i < documents; i++)
		m->order[i] = (uint32_t)i;
	for (size_t i = 0; i < RECALL_BLOCK; i++) {
		const float *vector = m->vectors + i * m->g->dimension;
		put_query(m, &m->best[i], vector, m->hits + i * m->ask);
		put_query(m, &m->got[i], vector, m->hits + (RECALL_BLOCK + i) * m->ask);
	}
	return OK;
}

/* The document that a sampled row is of, where that is not to be found. */
static uint32_t itself(const struct measuring *m, uint32_t i)
{
	return m->among_others ? m->from->numbers[m->row[i]] : (uint32_t)NOBODY;
}

/* Takes the document itself out of its list, and what is past k. */
static void leave_others(const struct measuring *m, struct exact_query *q, uint32_t own)
{
	for (size_t i = 0; i < q->found; i++)
		if (q->out[i].document == own) {
			memmove(q->out + i, q->out + i + 1, (--q->found - i) * sizeof *q->out);
			break;
		}
	if (q->found > m->k)
		q->found = m->k;
}

static uint64_t count_right(const struct measuring *m, uint32_t first, uint32_t n)
{
	uint64_t right = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct exact_query *best = &m->best[i];
		struct exact_query got = m->got[i];
		leave_others(m, &got, itself(m, first + i));
		for (size_t j = 0; j < got.found; j++)
			right += got.out[j].score >= best->out[best->found - 1].score;
	}
	return right;
}

/* Each attempt at the same queries; once one finds everything, those after it do. */
static enum code try_all(
	struct measuring *m, const struct shared_request *r, uint32_t first, struct error *e)
{
	uint64_t all = r->n * m->k, right = 0;

	for (size_t i = 0; i < m->n_attempts; i++) {
		struct faiss_parameters how = {.nprobe = m->attempts[i].nprobe};
		if (right < all) {
			if (approximate_search(m->g, &how, r, e))
				return e->code;
			right = count_right(m, first, (uint32_t)r->n);
		}
		m->attempts[i].right += right;
	}
	return OK;
}

static enum code measure_block(struct measuring *m, uint32_t first, uint32_t n, struct error *e)
{
	atomic_bool *cancelled = m->progress ? m->progress->cancelled : NULL;
	struct shared_request r = {.queries = m->best,
		.n = n,
		.order = m->order,
		.bulk = true,
		.cancelled = cancelled,
		.crew = progress_crew(m->progress)};

	for (uint32_t i = 0; i < n; i++)
		vectors_floats(
			m->from, m->row[first + i], m->vectors + (size_t)i * m->g->dimension);
	if (m->truth(m->g, &r, e))
		return e->code;
	for (uint32_t i = 0; i < n; i++)
		leave_others(m, &m->best[i], itself(m, first + i));
	r.queries = m->got;
	return try_all(m, &r, first, e);
}

static enum code measure_all(struct measuring *m, struct error *e)
{
	enum code rc = OK;

	for (uint32_t first = 0, n; !rc && first < m->n; first += n) {
		n = m->n - first < RECALL_BLOCK ? m->n - first : RECALL_BLOCK;
		progress_report(m->progress, "measure", first, m->n, "queries");
		rc = progress_check(m->progress, e);
		if (!rc)
			rc = measure_block(m, first, n, e);
	}
	return rc;
}

/* The last attempt at lists, which looks into all, finds everything. */
static const struct attempt *settle(const struct measuring *m)
{
	const struct attempt *a = m->attempts;
	double enough = RECALL_SETTLED * (double)m->n * (double)m->k;

	while (a < m->attempts + m->n_attempts - 1 && (double)a->right < enough)
		a++;
	if (m->g->lists)
		m->g->private->lists->nprobe = a->nprobe;
	return a;
}

static Pb__Recall result(const struct measuring *m)
{
	const struct attempt *settled = settle(m);
	struct faiss_parameters with = approximate_settled(m->g);
	Pb__Recall r = PB__RECALL__INIT;

	r.has_recall = r.has_k = r.has_queries = r.has_sampled = 1;
	r.recall = (double)settled->right / ((double)m->n * (double)m->k);
	r.k = (uint32_t)m->k;
	r.queries = m->n;
	r.sampled = m->among_others ? PB__SIDE__SIDE_DOCUMENT : PB__SIDE__SIDE_QUERY;
	r.has_nprobe = with.nprobe > 0;
	r.nprobe = with.nprobe;
	r.has_ef_search = with.ef_search > 0;
	r.ef_search = with.ef_search;
	return r;
}

enum code recall_measure(struct image *g, exact_answer *truth, const struct progress *progress,
	Pb__Recall *out, struct error *e)
{
	struct measuring m = {.g = g, .truth = truth, .progress = progress};

	choose_sample(&m);
	choose_attempts(&m);
	if (m.k == 0)
		return OK;
	enum code rc = make_room(&m, e);
	if (!rc)
		rc = measure_all(&m, e);
	if (!rc)
		*out = result(&m);
	free(m.order);
	free(m.vectors);
	free(m.hits);
	return rc;
}
