/*
 * Positives of the other queries of the request, all of them. The order is a random one that
 * depends on the seed, the query and the document, so that which queries come first does not matter.
 */
#include <math.h>
#include <stdlib.h>

#include "workers/mine/stream.h"
#include "workers/mine/source.h"

static int by_document(const void *a, const void *b)
{
	const struct batch_positive *x = a, *y = b;

	return (x->document > y->document) - (x->document < y->document);
}

enum code batch_positives(const struct query *queries, size_t n, struct arena *arena,
	const struct batch_positive **out, size_t *n_out, struct error *e)
{
	size_t all = 0, kept = 0;

	for (size_t i = 0; i < n; i++)
		all += queries[i].n_positives;
	struct batch_positive *at = arena_array(arena, all, sizeof *at);
	if (!at)
		return error_memory(e);
	all = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < queries[i].n_positives; j++)
			at[all++] = (struct batch_positive){queries[i].positives[j], i};
	qsort(at, all, sizeof *at, by_document);
	for (size_t i = 0; i < all; i++)
		if (kept && at[kept - 1].document == at[i].document)
			at[kept - 1].owner = SEVERAL_OWNERS;
		else
			at[kept++] = at[i];
	*out = at;
	*n_out = kept;
	return OK;
}

struct drawn {
	uint64_t key;
	uint32_t document;
};

static int by_key(const void *a, const void *b)
{
	const struct drawn *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->document > y->document) - (x->document < y->document);
}

static enum code others(const struct mining *m, const struct query *q, struct arena *arena,
	struct found *out, struct error *e)
{
	struct drawn *drawn = arena_array(arena, m->n_batch, sizeof *drawn);
	struct hit *hits = arena_array(arena, m->n_batch, sizeof *hits);
	size_t n = 0;

	if (!drawn || !hits)
		return error_memory(e);
	for (size_t i = 0; i < m->n_batch; i++) {
		const struct batch_positive *p = &m->batch[i];
		if (p->owner == q->index)
			continue;
		struct stream r = stream_of(
			m->recipe->seed, q->id, STREAM_IN_BATCH, m->view.corpus->id[p->document]);
		drawn[n++] = (struct drawn){stream_next(&r), p->document};
	}
	qsort(drawn, n, sizeof *drawn, by_key);
	for (size_t i = 0; i < n; i++)
		hits[i] = (struct hit){drawn[i].document, NAN};
	*out = (struct found){hits, n, false};
	return OK;
}

enum code source_in_batch(const struct mining *m, const struct ask *asks, size_t n,
	struct arena *arena, struct found *out, struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (others(m, asks[i].query, arena, &out[i], e))
			return e->code;
	return OK;
}
