#include "storage/vectors/image_private.h"

#include <math.h>
#include <stdlib.h>

#include "storage/exact/score.h"
#include "storage/text/lsa.h"
#include "storage/vectors/approximate.h"
#include "storage/vectors/scan.h"

struct image *image_acquire(struct image *g)
{
	atomic_fetch_add_explicit(&g->references, 1, memory_order_relaxed);
	return g;
}

struct image *image_release(struct image *g)
{
	if (!g || atomic_fetch_sub_explicit(&g->references, 1, memory_order_acq_rel) != 1)
		return NULL;
	if (g->private) {
		shared_free(g->private->shared);
		lists_free(g->private->lists);
		codes_free(g->private->codes);
		faiss_free(g->private->index);
		free(g->private->live);
		lsa_free(g->private->lsa);
		vectors_close(&g->private->documents);
		vectors_close(&g->private->queries);
		free(g->private);
	}
	free(g->encoder);
	free(g->index);
	free(g);
	return NULL;
}

enum code image_truth(const struct image *g, const struct shared_request *r, struct error *e)
{
	const struct exact x = {&g->private->documents, g->private->codes, NULL};

	if (!x.codes)
		return scan_rows(g, r, e);
	if (!r->crew)
		return exact_search(&x, r->order, r->queries, r->n, r->cancelled, e);
	struct shared *shared = shared_new(&x);
	enum code rc = shared ? shared_search(shared, r, e) : error_memory(e);
	shared_free(shared);
	return rc;
}

void image_measured(struct image *g)
{
	if (g->exact)
		return;
	codes_free(g->private->codes);
	g->private->codes = NULL;
}

enum code image_search(const struct image *g, const struct shared_request *r, struct error *e)
{
	if (g->private->index)
		return approximate_search(g, NULL, r, e);
	return shared_search(g->private->shared, r, e);
}

double image_score(const struct image *g, const float *query, uint32_t document)
{
	const struct vectors *documents = &g->private->documents;
	uint32_t row = vectors_find(documents, document);

	if (row == UINT32_MAX)
		return NAN;
	return score_row(documents, query, vector_length(query, g->dimension), row);
}

uint32_t image_last_document(const struct image *g)
{
	return g->private->documents.last;
}

static bool copy_row(const struct vectors *v, uint32_t number, float *out)
{
	uint32_t row = vectors_find(v, number);

	if (row == UINT32_MAX)
		return false;
	vectors_floats(v, row, out);
	return true;
}

bool image_query_vector(const struct image *g, uint32_t query, float *out)
{
	return copy_row(&g->private->queries, query, out);
}

bool image_document_vector(const struct image *g, uint32_t document, float *out)
{
	return copy_row(&g->private->documents, document, out);
}
