#include "workers/mine/source.h"

#include <math.h>

#include "workers/mine/recipe.h"

enum { MOST_KEPT = 4096 }; /* hits of a list */

static enum code need_vector(
	struct ask *ask, const struct image *image, struct arena *arena, struct error *e)
{
	float *vector = arena_array(arena, image->dimension, sizeof *vector);

	if (!vector)
		return error_memory(e);
	if (query_vector(ask->query, image, vector, e))
		return e->code;
	ask->vector = vector;
	return OK;
}

static enum code need_terms(struct ask *ask, const struct bm25 *bm25, struct error *e)
{
	const struct query *q = ask->query;

	if (!q->text) {
		error_set(e, FAILED_PRECONDITION, "NO_QUERY_TEXT",
			"BM25 needs the text of the query \"%s\", and there is none. Send one "
			"with the query.",
			q->id);
		return error_field(e, "queries[%zu].text", q->index);
	}
	ask->terms = bm25_query(bm25, q->text);
	return ask->terms ? OK : error_memory(e);
}

enum code ask_begin(struct ask *ask, const struct mining *m, const struct query *q,
	struct arena *arena, struct error *e)
{
	*ask = (struct ask){.query = q, .below = INFINITY};
	if (recipe_needs_vector(m->recipe) && need_vector(ask, m->view.image, arena, e))
		return e->code;
	if (recipe_needs_text(m->recipe) && need_terms(ask, m->view.corpus->bm25, e))
		return e->code;
	return OK;
}

void ask_end(struct ask *ask)
{
	if (ask->terms)
		bm25_query_free(ask->terms);
	ask->terms = NULL;
}

static enum code (*const sources[N_SOURCES])(const struct mining *m, const struct ask *asks,
	size_t n, struct arena *arena, struct found *out, struct error *e) = {
	[PB__SOURCE_KIND__SOURCE_KIND_DENSE] = source_dense,
	[PB__SOURCE_KIND__SOURCE_KIND_BM25] = source_bm25,
	[PB__SOURCE_KIND__SOURCE_KIND_IN_BATCH] = source_in_batch,
	[PB__SOURCE_KIND__SOURCE_KIND_RANDOM] = source_random,
	[PB__SOURCE_KIND__SOURCE_KIND_GIVEN] = source_given,
};

/* A source with a quota is asked for no more, and has no more. */
static enum code ask_one(const struct mining *m, const Pb__Source *source, struct ask *asks,
	size_t n, struct arena *arena, struct found (*out)[N_SOURCES], struct error *e)
{
	struct found *found = arena_array(arena, n, sizeof *found);
	uint32_t quota = source->has_quota ? source->quota : UINT32_MAX;

	if (!found)
		return error_memory(e);
	for (size_t i = 0; i < n; i++)
		if (asks[i].depth > quota)
			asks[i].depth = quota;
	if (sources[source->kind](m, asks, n, arena, found, e))
		return e->code;
	for (size_t i = 0; i < n; i++) {
		if (found[i].n >= quota) {
			found[i].n = quota;
			found[i].more = false;
		}
		out[i][source->kind] = found[i];
	}
	return OK;
}

static enum code keep(struct found *f, struct arena *arena, struct error *e)
{
	f->hits = arena_copy(arena, f->hits, f->n * sizeof *f->hits);
	if (f->ranks)
		f->ranks = arena_copy(arena, f->ranks, f->n * sizeof *f->ranks);
	return f->hits && (f->ranks || !f->unlisted) ? OK : error_memory(e);
}

static bool continues(size_t kind)
{
	return kind == PB__SOURCE_KIND__SOURCE_KIND_DENSE ||
	       kind == PB__SOURCE_KIND__SOURCE_KIND_BM25;
}

enum code sources_keep(const struct found *found, bool leaves_out, struct arena *arena,
	struct found *out, struct error *e)
{
	for (size_t kind = 0; kind < N_SOURCES; kind++) {
		out[kind] = (struct found){0};
		bool needed = leaves_out || found[kind].unlisted;
		if (!continues(kind) || (found[kind].n > MOST_KEPT && !needed))
			continue;
		out[kind] = found[kind];
		if (keep(&out[kind], arena, e))
			return e->code;
	}
	return OK;
}

static bool is_asked(Pb__SourceKind kind, enum company company)
{
	return (kind == PB__SOURCE_KIND__SOURCE_KIND_DENSE) == (company == TOGETHER);
}

enum code sources_ask(const struct mining *m, enum company company, const struct ask *asks,
	size_t n, struct arena *arena, struct found (*out)[N_SOURCES], struct error *e)
{
	for (size_t s = 0; s < m->recipe->n_sources && n > 0; s++) {
		const Pb__Source *source = m->recipe->sources[s];
		if (!is_asked(source->kind, company))
			continue;
		struct ask *own = arena_copy(arena, asks, n * sizeof *asks);
		if (!own)
			return error_memory(e);
		if (ask_one(m, source, own, n, arena, out, e))
			return e->code;
	}
	return OK;
}
