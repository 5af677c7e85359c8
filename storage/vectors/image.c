#include "storage/vectors/image_private.h"

#include <math.h>
#include <stdlib.h>

#include "storage/text/lsa.h"
#include "storage/vectors/kernels.h"

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
		vectors_close(&g->private->documents);
		vectors_close(&g->private->queries);
		faiss_free(g->private->index);
		lsa_free(g->private->lsa);
		survey_free(g->private->survey);
		free(g->private);
	}
	free(g->encoder);
	free(g->index);
	free(g);
	return NULL;
}

static double row_dot(const struct vectors *v, const float *query, uint32_t row)
{
	const void *at = vectors_row(v, row);

	if (v->about.dtype == PB__DTYPE__DTYPE_F16)
		return dot_f16(query, at, v->about.dimension);
	return dot_f32(query, at, v->about.dimension);
}

static double row_l2(const struct vectors *v, const float *query, uint32_t row)
{
	const void *at = vectors_row(v, row);

	if (v->about.dtype == PB__DTYPE__DTYPE_F16)
		return l2_f16(query, at, v->about.dimension);
	return l2_f32(query, at, v->about.dimension);
}

double query_norm(const struct image *g, const float *query)
{
	return sqrt(dot_f32(query, query, g->dimension));
}

double row_score(const struct image *g, const float *query, double norm, uint32_t row)
{
	const struct image_private *p = g->private;

	switch (g->similarity) {
	case PB__SIMILARITY__SIMILARITY_COSINE:
		return row_dot(&p->documents, query, row) / (norm * p->norm[row]);
	case PB__SIMILARITY__SIMILARITY_L2:
		return 0 - row_l2(&p->documents, query, row); /* never -0 */
	default:
		return row_dot(&p->documents, query, row);
	}
}

double image_score(const struct image *g, const float *query, uint32_t document)
{
	uint32_t row = vectors_find(&g->private->documents, document);

	return row == UINT32_MAX ? NAN : row_score(g, query, query_norm(g, query), row);
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
