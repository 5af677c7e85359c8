/* Nearest documents of the query's vector, many queries at once. */
#include <string.h>

#include "workers/mine/parameters.h"
#include "workers/mine/source.h"

enum { GRAIN = 32 };

/* How many are searched for: more than asked, so that queries whose depths differ by a few
 * positives share a search. It depends on the query's own depth alone: an approximate index may
 * answer differently for another k. */
static size_t searched(uint32_t depth, uint32_t rows)
{
	size_t k = ((size_t)depth + GRAIN - 1) / GRAIN * GRAIN;

	return k < rows ? k : rows;
}

static void take(struct found *out, struct hit *hits, size_t n, uint32_t depth, uint32_t rows)
{
	*out = (struct found){hits, n < depth ? n : depth, n >= depth && depth < rows};
}

static enum code search(const struct mining *m, const float *vectors, size_t n, size_t k,
	struct hit *hits, size_t *found, struct error *e)
{
	const struct image *image = m->view.image;
	const uint32_t *order = m->view.corpus->order;
	struct faiss_parameters how;

	if (parameters_brought(m->recipe, &how))
		return approximate_search(
			image, &how, order, vectors, n, k, m->cancelled, hits, found, e);
	return image_search(image, order, vectors, n, k, m->cancelled, hits, found, e);
}

/* Searches for all queries that want k like the first of them. */
static enum code search_alike(const struct mining *m, const struct ask *asks, size_t n, size_t k,
	struct arena *arena, struct found *out, struct error *e)
{
	const struct image *image = m->view.image;
	size_t alike = 0, row = 0;

	for (size_t i = 0; i < n; i++)
		alike += searched(asks[i].depth, image->rows) == k;
	float *vectors = arena_array(arena, alike, image->dimension * sizeof *vectors);
	struct hit *hits = arena_array(arena, alike, k * sizeof *hits);
	size_t *found = arena_array(arena, alike, sizeof *found);
	if (!vectors || !hits || !found)
		return error_memory(e);
	for (size_t i = 0; i < n; i++)
		if (searched(asks[i].depth, image->rows) == k)
			memcpy(vectors + row++ * image->dimension, asks[i].vector,
				image->dimension * sizeof *vectors);
	if (search(m, vectors, alike, k, hits, found, e))
		return e->code;
	row = 0;
	for (size_t i = 0; i < n; i++)
		if (searched(asks[i].depth, image->rows) == k) {
			take(&out[i], hits + row * k, found[row], asks[i].depth, image->rows);
			row++;
		}
	return OK;
}

static bool first_of_its_kind(const struct ask *asks, size_t i, uint32_t rows)
{
	for (size_t j = 0; j < i; j++)
		if (searched(asks[j].depth, rows) == searched(asks[i].depth, rows))
			return false;
	return true;
}

enum code source_dense(const struct mining *m, const struct ask *asks, size_t n,
	struct arena *arena, struct found *out, struct error *e)
{
	uint32_t rows = m->view.image->rows;

	for (size_t i = 0; i < n && rows > 0; i++)
		if (first_of_its_kind(asks, i, rows) &&
			search_alike(m, asks, n, searched(asks[i].depth, rows), arena, out, e))
			return e->code;
	return OK;
}
