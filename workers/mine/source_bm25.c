/* Best BM25 matches of the query's text. */
#include "workers/mine/source.h"

static enum code search_all(const struct mining *m, const struct ask *asks, size_t n,
	struct bm25_scratch *scratch, struct arena *arena, struct found *out, struct error *e)
{
	const struct corpus *corpus = m->view.corpus;

	for (size_t i = 0; i < n; i++) {
		size_t k = asks[i].depth < corpus->n ? asks[i].depth : corpus->n, found;
		struct bm25_request request = bm25_best(asks[i].terms, k);
		struct hit *hits = arena_array(arena, k, sizeof *hits);
		if (!hits)
			return error_memory(e);
		request.cancelled = m->cancelled;
		if (bm25_search(corpus->bm25, &request, scratch, hits, &found, e))
			return e->code;
		out[i] = (struct found){hits, found, found == k && k < corpus->n};
	}
	return OK;
}

enum code source_bm25(const struct mining *m, const struct ask *asks, size_t n, struct arena *arena,
	struct found *out, struct error *e)
{
	struct bm25_scratch *scratch = bm25_scratch_new();

	if (!scratch)
		return error_memory(e);
	enum code rc = search_all(m, asks, n, scratch, arena, out, e);
	bm25_scratch_free(scratch);
	return rc;
}
