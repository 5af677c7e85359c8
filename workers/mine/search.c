/* Search: the ranked sources alone, without anything being excluded. */
#include "proto/limits.h"
#include "workers/mine/parameters.h"
#include "workers/mine/put.h"
#include "workers/mine/recipe.h"
#include "workers/mine/rounds.h"
#include "workers/mine/source.h"
#include "workers/mine/texts.h"

/* What a search is as a recipe: one source. */
struct search_recipe {
	Pb__MineNegativesRequest recipe;
	Pb__Source source, *sources[1];
};

struct search {
	struct mining m;
	struct search_recipe recipe;
	const Pb__SearchRequest *req;
	struct arena *arena;
	Pb__SearchResponse *out;
	struct texts texts;

	/* of a round */
	struct round *round;
	struct ask *asks;
	struct arena *arenas;
	struct found (*found)[N_SOURCES];
};

static void make_recipe(struct search_recipe *r, const Pb__SearchRequest *req)
{
	bool dense = req->source == PB__SOURCE_KIND__SOURCE_KIND_DENSE;

	pb__mine_negatives_request__init(&r->recipe);
	pb__source__init(&r->source);
	PUT(&r->source, kind, req->source);
	r->sources[0] = &r->source;
	r->recipe.sources = r->sources;
	r->recipe.n_sources = 1;
	PUT(&r->recipe, scorer, dense ? PB__SCORER__SCORER_DENSE : PB__SCORER__SCORER_BM25);
	PUT(&r->recipe, depth, req->k);
	r->recipe.has_nprobe = req->has_nprobe;
	r->recipe.nprobe = req->nprobe;
	r->recipe.has_ef_search = req->has_ef_search;
	r->recipe.ef_search = req->ef_search;
}

static enum code check(const Pb__SearchRequest *req, struct error *e)
{
	if (req->source != PB__SOURCE_KIND__SOURCE_KIND_DENSE &&
		req->source != PB__SOURCE_KIND__SOURCE_KIND_BM25) {
		error_set(e, INVALID_ARGUMENT, "INVALID_VALUE", "Search is dense or bm25.");
		return error_field(e, "source");
	}
	if (req->k == 0 || req->k > LIMIT_SEARCH_K) {
		error_set(e, INVALID_ARGUMENT, "LIMIT_EXCEEDED", "k is 1 to %u, not %u.",
			LIMIT_SEARCH_K, req->k);
		return error_field(e, "k");
	}
	return queries_check_count(req->n_queries, e);
}

static enum code begin_part(void *arg, size_t first, size_t n, struct error *e)
{
	struct search *s = arg;
	const struct query *queries = s->m.queries + s->round->first;

	for (size_t i = first; i < first + n; i++) {
		arena_init(&s->arenas[i], ARENA_LIMIT);
		if (ask_begin(&s->asks[i], &s->m, &queries[i], &s->arenas[i], e))
			return e->code;
		s->asks[i].depth = s->m.recipe->depth;
	}
	return OK;
}

static enum code search_together(void *arg, struct error *e)
{
	struct search *s = arg;
	struct round *r = s->round;

	return sources_ask(&s->m, TOGETHER, s->asks, r->n, &r->arena, s->found, e);
}

static enum code search_part(void *arg, size_t first, size_t n, struct error *e)
{
	struct search *s = arg;

	return sources_ask(
		&s->m, APART, s->asks + first, n, &s->arenas[first], s->found + first, e);
}

static enum code put_hits(
	struct search *s, const struct found *found, Pb__SearchResult *r, struct error *e)
{
	Pb__SearchHit *hit = arena_array(s->arena, found->n, sizeof *hit);

	r->hits = arena_array(s->arena, found->n, sizeof *r->hits);
	if (!hit || !r->hits)
		return error_memory(e);
	for (size_t i = 0; i < found->n; i++, hit++) {
		pb__search_hit__init(hit);
		hit->document_id = s->m.view.corpus->id[found->hits[i].document];
		PUT(hit, score, found->hits[i].score);
		PUT(hit, rank, i);
		r->hits[r->n_hits++] = hit;
	}
	return OK;
}

static enum code put_result(struct search *s, size_t i, struct error *e)
{
	Pb__SearchResult *r = arena_alloc(s->arena, sizeof *r);

	if (!r)
		return error_memory(e);
	pb__search_result__init(r);
	r->query_id = s->m.queries[s->round->first + i].id;
	s->out->results[s->out->n_results++] = r;
	return put_hits(s, &s->found[i][s->req->source], r, e);
}

static enum code find(struct search *s, struct error *e)
{
	bool dense = s->req->source == PB__SOURCE_KIND__SOURCE_KIND_DENSE;

	if (round_each(s->round, s->round->n, FEW_QUERIES, begin_part, s, e))
		return e->code;
	return dense ? round_once(s->round, search_together, s, e)
		     : round_each(s->round, s->round->n, FEW_QUERIES, search_part, s, e);
}

static enum code search_round(void *arg, struct round *round, struct error *e)
{
	struct search *s = arg;

	s->round = round;
	s->asks = arena_array(&round->arena, round->n, sizeof *s->asks);
	s->arenas = arena_array(&round->arena, round->n, sizeof *s->arenas);
	s->found = arena_array(&round->arena, round->n, sizeof *s->found);
	if (!s->asks || !s->arenas || !s->found)
		return error_memory(e);
	enum code rc = find(s, e);
	for (size_t i = 0; i < round->n && rc == OK; i++)
		rc = put_result(s, i, e);
	for (size_t i = 0; i < round->n; i++) {
		ask_end(&s->asks[i]);
		arena_free(&s->arenas[i]);
	}
	return rc;
}

static enum code put_texts(struct search *s, struct error *e)
{
	size_t most = 0;

	for (size_t i = 0; i < s->out->n_results; i++)
		most += s->out->results[i]->n_hits;
	if (texts_init(&s->texts, most, s->arena, e))
		return e->code;
	for (size_t i = 0; i < s->out->n_results; i++) {
		Pb__SearchResult *r = s->out->results[i];
		for (size_t j = 0; j < r->n_hits; j++)
			texts_want(&s->texts,
				corpus_find(s->m.view.corpus, r->hits[j]->document_id),
				&r->hits[j]->text);
	}
	return texts_read(&s->texts, &s->m, s->arena, e);
}

static size_t weight(const struct mining *m, const struct query *q)
{
	(void)q;
	return m->recipe->depth;
}

static enum code search(struct search *s, struct pool *pool, struct error *e)
{
	struct rounds rounds = {.m = &s->m,
		.pool = pool,
		.most = ROUND_QUERIES,
		.weight = weight,
		.work = search_round,
		.arg = s};

	if (mining_read_queries(&s->m, s->req->queries, s->req->n_queries, s->arena, e))
		return e->code;
	s->out->results = arena_array(s->arena, s->m.n_queries, sizeof *s->out->results);
	if (!s->out->results)
		return error_memory(e);
	if (rounds_run(&rounds, e))
		return e->code;
	return s->req->include_text ? put_texts(s, e) : OK;
}

static enum code put_generation(struct search *s, struct error *e)
{
	const struct image *image = s->m.view.image;

	if (!image)
		return OK;
	PUT(s->out, generation, image->generation);
	return parameters_recall(s->m.recipe, &image->recall, s->arena, &s->out->recall, e);
}

enum code search_run(const struct mine *mine, const Pb__SearchRequest *req, struct arena *arena,
	Pb__SearchResponse *out, struct error *e)
{
	Pb__SearchResponse response = PB__SEARCH_RESPONSE__INIT;
	struct search s = {.req = req, .arena = arena, .out = &response};
	bool dense = req->source == PB__SOURCE_KIND__SOURCE_KIND_DENSE;

	if (check(req, e))
		return e->code;
	make_recipe(&s.recipe, req);
	if (parameters_check(&s.recipe.recipe, e))
		return e->code;
	s.m = mining_of(mine, &s.recipe.recipe);
	if (catalog_view(mine->catalog, req->collection, req->has_generation ? req->generation : 0,
		    dense ? IMAGE_NEEDED : IMAGE_IF_ANY, mine->cancelled, &s.m.view, e))
		return e->code;
	enum code rc = put_generation(&s, e);
	if (rc == OK)
		rc = parameters_check_image(&s.m, e);
	if (rc == OK)
		rc = search(&s, mine->pool, e);
	if (rc == OK)
		*out = response;
	view_release(&s.m.view);
	return rc;
}
