/* Best BM25 matches of the query's text. */
#include "workers/mine/source.h"

enum code source_bm25(const struct mining *m, const struct ask *asks, size_t n, struct arena *arena,
	struct found *out, struct error *e)
{
	const struct corpus *corpus = m->view.corpus;

	for (size_t i = 0; i < n; i++) {
		size_t k = asks[i].depth < corpus->n ? asks[i].depth : corpus->n;
		struct hit *hits = arena_array(arena, k, sizeof *hits);
		if (!hits)
			return error_memory(e);
		size_t found = bm25_search(corpus->bm25, asks[i].terms, k, hits);
		if (found == SIZE_MAX)
			return error_memory(e);
		out[i] = (struct found){hits, found, found == k && k < corpus->n};
	}
	return OK;
}
