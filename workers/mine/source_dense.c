/* Nearest documents of the query's vector. */
#include <math.h>
#include <string.h>

#include "workers/mine/parameters.h"
#include "workers/mine/source.h"

/* From how many queries on a request is made to give way to small ones. */
enum { BULK_QUERIES = 128 };

/* What an exact engine found before stays found, and it continues behind that; so do lists, of which
 * every round looks into the same. A FAISS index proposes anew for every depth. */
static size_t kept(const struct mining *m, const struct ask *ask)
{
	const struct image *image = m->view.image;

	return (image->exact || image->lists) && ask->before
		       ? ask->before[PB__SOURCE_KIND__SOURCE_KIND_DENSE].n
		       : 0;
}

static uint32_t depth_of(const struct mining *m, const struct ask *ask)
{
	uint32_t rows = m->view.image->rows;

	return ask->depth < rows ? ask->depth : rows;
}

/* Makes room for the whole list and puts what was kept at its front. */
static enum code begin(const struct mining *m, const struct ask *ask, struct arena *arena,
	struct found *out, struct error *e)
{
	*out = (struct found){.n = kept(m, ask)};
	out->hits = arena_array(arena, depth_of(m, ask), sizeof *out->hits);
	if (!out->hits)
		return error_memory(e);
	if (out->n)
		memcpy(out->hits, ask->before[PB__SOURCE_KIND__SOURCE_KIND_DENSE].hits,
			out->n * sizeof *out->hits);
	return OK;
}

/* What is missing. */
static struct exact_query rest(const struct ask *ask, uint32_t depth, const struct found *list)
{
	return (struct exact_query){.vector = ask->vector,
		.k = depth - list->n,
		.floor = -INFINITY,
		.behind = list->n ? &list->hits[list->n - 1] : NULL,
		.out = list->hits + list->n};
}

static enum code search(
	const struct mining *m, struct exact_query *queries, size_t n, struct error *e)
{
	struct shared_request request = {.queries = queries,
		.n = n,
		.order = m->view.corpus->order,
		.bulk = m->n_queries > BULK_QUERIES,
		.cancelled = m->cancelled,
		.crew = m->crew.threads ? &m->crew : NULL};
	struct faiss_parameters how;

	if (n == 0)
		return OK;
	if (parameters_brought(m->recipe, &how))
		return approximate_search(m->view.image, &how, &request, e);
	return image_search(m->view.image, &request, e);
}

enum code source_dense(const struct mining *m, const struct ask *asks, size_t n,
	struct arena *arena, struct found *out, struct error *e)
{
	struct exact_query *queries = arena_array(arena, n, sizeof *queries);
	size_t asked = 0;

	if (!queries)
		return error_memory(e);
	for (size_t i = 0; i < n; i++) {
		uint32_t depth = depth_of(m, &asks[i]);
		if (begin(m, &asks[i], arena, &out[i], e))
			return e->code;
		if (depth > out[i].n)
			queries[asked++] = rest(&asks[i], depth, &out[i]);
	}
	if (search(m, queries, asked, e))
		return e->code;
	for (size_t i = 0, next = 0; i < n; i++) {
		uint32_t depth = depth_of(m, &asks[i]);
		if (depth > out[i].n)
			out[i].n += queries[next++].found;
		out[i].more = out[i].n == depth && depth < m->view.image->rows;
	}
	return OK;
}
