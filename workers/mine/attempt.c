#include "workers/mine/attempt.h"

#include <math.h>
#include <string.h>

#include "workers/mine/answer.h"
#include "workers/mine/deepen.h"
#include "workers/mine/merge.h"
#include "workers/mine/recipe.h"
#include "workers/mine/rounds.h"
#include "workers/mine/sample.h"
#include "workers/mine/shortfall.h"
#include "workers/mine/texts.h"

/* Failures that are the query's own; any other is the request's. */
static bool is_the_querys(enum code code)
{
	return code == FAILED_PRECONDITION || code == OUT_OF_RANGE;
}

static enum code read_query(struct attempt *a, struct error *e)
{
	const struct view *view = &a->m->view;

	if (ask_begin(&a->ask, a->m, a->query, &a->arena, e))
		return e->code;
	a->scoring = (struct scoring){a->m->recipe->scorer, view->image, a->ask.vector,
		view->corpus->bm25, a->ask.terms, a->query->scores, a->query->n_scores};
	return OK;
}

static enum code score_positives(struct attempt *a, struct error *e)
{
	const struct query *q = a->query;

	a->positive_scores = arena_array(&a->arena, q->n_positives, sizeof(double));
	if (!a->positive_scores)
		return error_memory(e);
	for (size_t i = 0; i < q->n_positives; i++)
		a->positive_scores[i] = score_document(&a->scoring, q->positives[i]);
	return OK;
}

static enum code no_positive(const struct query *q, const char *why, struct error *e)
{
	error_set(e, FAILED_PRECONDITION, "NO_POSITIVE",
		"The query \"%s\" has no positive%s, and the recipe measures from one. Add a "
		"positive, or mine without a margin.",
		q->id, why);
	return error_field(e, "queries[%zu].positives", q->index);
}

static void anchor_pair(struct attempt *a, struct pair *p)
{
	const Pb__MineNegativesRequest *recipe = a->m->recipe;

	p->anchor = anchor_pick(recipe->anchor, a->query->positives + p->first,
		a->positive_scores + p->first, p->n,
		stream_of(recipe->seed, a->query->id, STREAM_ANCHOR, p->salt));
	p->keeps = filters_keep(recipe, p->anchor.score);
}

static enum code make_pairs(struct attempt *a, struct error *e)
{
	const struct query *q = a->query;
	bool each = a->m->recipe->anchor == PB__ANCHOR__ANCHOR_EACH;
	size_t n = each ? q->n_positives : 1;

	if (n == 0)
		return no_positive(q, "", e);
	a->pairs = arena_array(&a->arena, n, sizeof *a->pairs);
	if (!a->pairs)
		return error_memory(e);
	for (size_t i = 0; i < n; i++) {
		struct pair *p = &a->pairs[i];
		*p = (struct pair){.first = each ? i : 0, .n = each ? 1 : q->n_positives};
		if (each)
			p->salt = a->m->view.corpus->id[q->positives[i]];
		anchor_pair(a, p);
	}
	a->n_pairs = a->unsettled = n;
	return OK;
}

static enum code prepare(struct attempt *a, struct error *e)
{
	if (read_query(a, e) || score_positives(a, e) || make_pairs(a, e))
		return e->code;
	a->window = window_for(a->m->recipe, a->query->n_positives);
	a->ask.depth = a->window.depth;
	return identity_of(a->m->recipe, a->m->view.corpus, a->query, &a->arena, &a->identity, e);
}

/* Settles a pair with an error, if it is one of this query alone. */
static enum code settle_failed(struct attempt *a, struct pair *p, struct error *e)
{
	struct error why = *e;

	if (!is_the_querys(why.code) || answer_error(a, p, &why, &p->result, e))
		return e->code;
	a->unsettled--;
	return OK;
}

/* A query that failed before it had pairs answers with one. */
static enum code settle_query(struct attempt *a, struct error *e)
{
	if (!is_the_querys(e->code))
		return e->code;
	a->pairs = arena_alloc(&a->arena, sizeof *a->pairs);
	if (!a->pairs)
		return error_memory(e);
	a->pairs->anchor = (struct anchor){NAN, NO_DOCUMENT};
	a->n_pairs = a->unsettled = 1;
	return settle_failed(a, a->pairs, e);
}

static enum code settle_without_anchor(struct attempt *a, struct error *e)
{
	for (size_t i = 0; i < a->n_pairs; i++) {
		struct pair *p = &a->pairs[i];
		if (p->result || !isnan(p->anchor.score))
			continue;
		no_positive(a->query, p->n ? " that has a score" : "", e);
		if (settle_failed(a, p, e))
			return e->code;
	}
	return OK;
}

enum code attempt_begin(
	struct attempt *a, const struct mining *m, const struct query *q, struct error *e)
{
	*a = (struct attempt){.m = m, .query = q};
	arena_init(&a->arena, ARENA_LIMIT);
	if (prepare(a, e))
		return settle_query(a, e);
	return filters_need_anchor(m->recipe) ? settle_without_anchor(a, e) : OK;
}

void attempt_end(struct attempt *a)
{
	ask_end(&a->ask);
	arena_free(&a->kept);
	arena_free(&a->arena);
}

/* The list before any filter: the same for all pairs of the query. */
static enum code make_list(struct attempt *a, const struct found *found, struct arena *scratch,
	struct list *list, struct error *e)
{
	if (merge_sources(found, a->m->view.corpus->order, scratch, list, e))
		return e->code;
	score_list(&a->scoring, list);
	merge_order(a->m->recipe, list);
	identity_list(&a->identity, list);
	return OK;
}

static enum code choose(struct attempt *a, struct pair *p, struct list *list, struct arena *scratch,
	struct error *e)
{
	const Pb__MineNegativesRequest *recipe = a->m->recipe;
	struct fill fill = {.corpus = a->m->view.corpus,
		.identity = &a->identity,
		.scoring = &a->scoring,
		.random = stream_of(recipe->seed, a->query->id, STREAM_FILL, p->salt)};

	if (sample_list(recipe, stream_of(recipe->seed, a->query->id, STREAM_SAMPLE, p->salt), list,
		    scratch, e))
		return e->code;
	if (shortfall_apply(recipe, list, &fill, scratch, e)) {
		if (is_the_querys(e->code))
			error_field(e, "queries[%zu]", a->query->index);
		return settle_failed(a, p, e);
	}
	if (answer_pair(a, p, list, &fill, &p->result, e))
		return e->code;
	a->unsettled--;
	return OK;
}

static enum code judge_pair(struct attempt *a, struct pair *p, const struct list *all,
	const struct unseen *unseen, struct arena *scratch, struct error *e)
{
	const Pb__MineNegativesRequest *recipe = a->m->recipe;
	struct list list = *all;

	list.at = arena_copy(scratch, all->at, all->n * sizeof *all->at);
	if (!list.at)
		return error_memory(e);
	filter_list(recipe, p->anchor.score, &list);
	struct window_count count = window_list(recipe, &a->window, &list);
	if (unseen_may_pass(unseen, p) && !window_settled(recipe, &a->window, count)) {
		a->begun = a->begun && count.ranked >= a->window.begin;
		return OK;
	}
	return choose(a, p, &list, scratch, e);
}

static enum code judge(
	struct attempt *a, const struct found *found, struct arena *scratch, struct error *e)
{
	struct list list;
	struct unseen unseen = unseen_of(a, found);

	a->begun = true;
	if (make_list(a, found, scratch, &list, e))
		return e->code;
	for (size_t i = 0; i < a->n_pairs; i++) {
		struct arena own; /* pairs are many, and each needs a copy of the list */
		if (a->pairs[i].result)
			continue;
		arena_init(&own, scratch->limit);
		enum code rc = judge_pair(a, &a->pairs[i], &list, &unseen, &own, e);
		arena_free(&own);
		if (rc)
			return rc;
	}
	return OK;
}

enum code attempt_judge(struct attempt *a, const struct found *found, struct error *e)
{
	struct arena scratch;

	deepen_reached(a, found);
	arena_init(&scratch, ARENA_LIMIT);
	enum code rc = judge(a, found, &scratch, e);
	arena_free(&scratch);
	if (rc == OK && a->unsettled)
		return deepen(a, found, e);
	arena_free(&a->kept);
	return rc;
}

enum code attempt_put_texts(struct attempt *a, struct error *e)
{
	Pb__MineResult **results = arena_array(&a->arena, a->n_pairs, sizeof *results);

	if (!results)
		return error_memory(e);
	for (size_t i = 0; i < a->n_pairs; i++)
		results[i] = a->pairs[i].result;
	return texts_put(a->m, results, a->n_pairs, &a->arena, e);
}
