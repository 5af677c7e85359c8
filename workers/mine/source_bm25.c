/* Best BM25 matches of the query's text. */
#include <string.h>

#include "workers/mine/source.h"

static const struct found nothing = {0};

static const struct found *kept(const struct ask *ask)
{
	return ask->before ? &ask->before[PB__SOURCE_KIND__SOURCE_KIND_BM25] : &nothing;
}

/* What was found before stays found, and the list continues behind it. */
static enum code continue_list(const struct mining *m, const struct ask *ask,
	struct bm25_scratch *scratch, struct found *list, struct error *e)
{
	const struct found *before = kept(ask);
	const struct corpus *corpus = m->view.corpus;
	size_t depth = ask->depth < corpus->n ? ask->depth : corpus->n, found;
	struct bm25_request request = bm25_best(ask->terms, depth - before->n);

	if (before->n) {
		memcpy(list->hits, before->hits, before->n * sizeof *list->hits);
		request.after = &list->hits[before->n - 1];
		request.up_to_after = before->n;
	}
	request.cancelled = m->cancelled;
	if (bm25_search(corpus->bm25, &request, scratch, list->hits + before->n, &found, e))
		return e->code;
	list->n = before->n + found;
	list->more = list->n == depth && depth < corpus->n;
	return OK;
}

static enum code search_all(const struct mining *m, const struct ask *asks, size_t n,
	struct bm25_scratch *scratch, struct arena *arena, struct found *out, struct error *e)
{
	uint32_t documents = m->view.corpus->n;

	for (size_t i = 0; i < n; i++) {
		const struct found *before = kept(&asks[i]);
		size_t depth = asks[i].depth < documents ? asks[i].depth : documents;
		out[i] = *before;
		if (before->n && !before->more)
			continue;
		out[i].hits = arena_array(arena, depth, sizeof *out[i].hits);
		if (!out[i].hits)
			return error_memory(e);
		if (continue_list(m, &asks[i], scratch, &out[i], e))
			return e->code;
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
