/* Nearest documents of the query's vector. */
#include <assert.h>
#include <math.h>

#include "workers/mine/parameters.h"
#include "workers/mine/source.h"

/* From how many queries on a request is made to give way to small ones. */
enum { BULK_QUERIES = 128 };

bool dense_continues(const struct mining *m)
{
	const struct image *image = m->view.image;

	return image->exact || image->lists;
}

/* What an exact engine found before stays found, and it continues behind that; so do lists, of which
 * every round looks into the same. A FAISS index proposes anew for every depth. */
static struct found kept(const struct mining *m, const struct ask *ask)
{
	return dense_continues(m) && ask->before ? ask->before[PB__SOURCE_KIND__SOURCE_KIND_DENSE]
						 : (struct found){0};
}

static uint32_t depth_of(const struct mining *m, const struct ask *ask)
{
	uint32_t rows = m->view.image->rows;

	return ask->depth < rows ? ask->depth : rows;
}

static bool leaves_out(const struct ask *ask)
{
	return ask->below < INFINITY;
}

/* How many hits are missing. */
static uint32_t missing(const struct mining *m, const struct ask *ask, const struct found *list)
{
	uint32_t depth = depth_of(m, ask), reached = (uint32_t)list->n + list->unlisted;

	return depth > reached ? depth - reached : 0;
}

/* Makes room for the whole list and puts what was kept at its front. */
static enum code begin(const struct mining *m, const struct ask *ask, struct arena *arena,
	struct found *out, struct error *e)
{
	struct found before = kept(m, ask);
	size_t room = before.n + missing(m, ask, &before);
	bool ranked = leaves_out(ask) || before.ranks;

	*out = before;
	out->hits = arena_array(arena, room, sizeof *out->hits);
	out->ranks = ranked ? arena_array(arena, room, sizeof *out->ranks) : NULL;
	if (!out->hits || (ranked && !out->ranks))
		return error_memory(e);
	for (size_t i = 0; i < before.n; i++) {
		out->hits[i] = before.hits[i];
		if (ranked)
			out->ranks[i] = found_rank(&before, i);
	}
	return OK;
}

/* What is missing, from behind the last hit on, or from behind a ceiling. */
static struct exact_query rest(const struct mining *m, const struct ask *ask,
	const struct found *list, struct hit *ceiling)
{
	*ceiling = (struct hit){NO_LIMIT, ask->below};
	return (struct exact_query){.vector = ask->vector,
		.k = missing(m, ask, list),
		.floor = -INFINITY,
		.behind = leaves_out(ask) ? ceiling
			  : list->n	  ? &list->hits[list->n - 1]
					  : NULL,
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

/* All that is listed so far is ahead of a ceiling. */
static void take(const struct ask *ask, const struct exact_query *q, struct found *list)
{
	size_t listed = list->n, found = q->found;

	if (leaves_out(ask)) {
		size_t ahead = q->ahead < ask->most ? q->ahead : ask->most;
		assert(ahead >= listed);
		list->unlisted = (uint32_t)(ahead - listed);
		found = found < ask->most - ahead ? found : ask->most - ahead;
	}
	list->n += found;
	for (size_t i = listed; list->ranks && i < list->n; i++)
		list->ranks[i] = (uint32_t)i + list->unlisted;
}

enum code source_dense(const struct mining *m, const struct ask *asks, size_t n,
	struct arena *arena, struct found *out, struct error *e)
{
	struct exact_query *queries = arena_array(arena, n, sizeof *queries);
	struct hit *ceilings = arena_array(arena, n, sizeof *ceilings);
	size_t asked = 0;

	if (!queries || !ceilings)
		return error_memory(e);
	for (size_t i = 0; i < n; i++) {
		if (begin(m, &asks[i], arena, &out[i], e))
			return e->code;
		if (missing(m, &asks[i], &out[i]))
			queries[asked++] = rest(m, &asks[i], &out[i], &ceilings[i]);
	}
	if (search(m, queries, asked, e))
		return e->code;
	for (size_t i = 0, next = 0; i < n; i++) {
		uint32_t wanted = missing(m, &asks[i], &out[i]);
		size_t before = out[i].n;
		if (wanted)
			take(&asks[i], &queries[next++], &out[i]);
		out[i].more = out[i].n == before + wanted &&
			      out[i].n + out[i].unlisted < m->view.image->rows;
	}
	return OK;
}
