/* The documents that a request names itself: positives, candidates, and scores for both. */
#include <math.h>
#include <stdlib.h>

#include "proto/limits.h"
#include "workers/mine/query.h"
#include "workers/mine/source.h"

struct named {
	uint32_t document;
	uint32_t place; /* in the caller's list */
	double score;	/* NaN: none */
};

static int by_document(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	if (x->document != y->document)
		return x->document < y->document ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

static int by_place(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return (x->place > y->place) - (x->place < y->place);
}

/* Leaves each document once, where it came first; sorted by document. */
static size_t keep_first(struct named *at, size_t n)
{
	size_t kept = 0;

	qsort(at, n, sizeof *at, by_document);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || at[i].document != at[kept - 1].document)
			at[kept++] = at[i];
	return kept;
}

static enum code find(const struct reading *r, const char *id, uint32_t *out)
{
	uint32_t document = corpus_find(r->view->corpus, id);

	if (document == NO_DOCUMENT)
		return error_set(r->e, NOT_FOUND, "NO_SUCH_DOCUMENT",
			"There is no document \"%s\" in the collection.", id);
	*out = document;
	return OK;
}

static enum code check_count(const struct reading *r, size_t n, const char *field)
{
	if (n <= LIMIT_CANDIDATES)
		return OK;
	error_set(r->e, INVALID_ARGUMENT, "LIMIT_EXCEEDED",
		"A query may bring at most %u of these, not %zu.", LIMIT_CANDIDATES, n);
	return error_field(r->e, "%s", field);
}

static enum code check_score(const struct reading *r, double score)
{
	if (isfinite(score))
		return OK;
	return error_set(r->e, INVALID_ARGUMENT, "NOT_FINITE", "A score must be a finite number.");
}

enum code query_read_positives(const struct reading *r, struct query *q)
{
	const Pb__MineQuery *b = q->brought;

	if (b->n_positives == 0)
		return OK;
	if (check_count(r, b->n_positives, "positives"))
		return r->e->code;
	struct named *named = arena_array(r->arena, b->n_positives, sizeof *named);
	uint32_t *positives = arena_array(r->arena, b->n_positives, sizeof *positives);
	if (!named || !positives)
		return error_memory(r->e);
	for (size_t i = 0; i < b->n_positives; i++) {
		named[i].place = i;
		if (find(r, b->positives[i], &named[i].document))
			return error_field(r->e, "positives[%zu]", i);
	}
	size_t n = keep_first(named, b->n_positives);
	qsort(named, n, sizeof *named, by_place);
	for (size_t i = 0; i < n; i++)
		positives[i] = named[i].document;
	q->positives = positives;
	q->n_positives = n;
	return OK;
}

static enum code read_candidate(const struct reading *r, const Pb__Candidate *c, struct hit *out)
{
	if (!c->document_id) {
		error_set(r->e, INVALID_ARGUMENT, "MISSING_FIELD", "A candidate is a document.");
		return error_field(r->e, "document_id");
	}
	if (find(r, c->document_id, &out->document))
		return error_field(r->e, "document_id");
	out->score = c->has_score ? c->score : NAN;
	if (c->has_score && check_score(r, c->score))
		return error_field(r->e, "score");
	return OK;
}

static enum code refuse_twins(const struct reading *r, const struct hit *candidates, size_t n)
{
	struct named *named = arena_array(r->arena, n, sizeof *named);
	size_t twin = n;

	if (!named)
		return error_memory(r->e);
	for (size_t i = 0; i < n; i++)
		named[i] = (struct named){candidates[i].document, i, NAN};
	qsort(named, n, sizeof *named, by_document);
	for (size_t i = 1; i < n; i++)
		if (named[i].document == named[i - 1].document && named[i].place < twin)
			twin = named[i].place;
	if (twin == n)
		return OK;
	error_set(r->e, INVALID_ARGUMENT, "DUPLICATE_ID",
		"This document is among the query's candidates twice.");
	return error_field(r->e, "candidates[%zu].document_id", twin);
}

/* Candidates that no stage would look at are a mistake, not an extra. */
static bool looks_at_candidates(const Pb__MineNegativesRequest *recipe)
{
	return recipe->scorer == PB__SCORER__SCORER_GIVEN ||
	       recipe_has_source(recipe, PB__SOURCE_KIND__SOURCE_KIND_GIVEN);
}

enum code query_read_candidates(const struct reading *r, struct query *q)
{
	const Pb__MineQuery *b = q->brought;

	if (b->n_candidates == 0)
		return OK;
	if (check_count(r, b->n_candidates, "candidates"))
		return r->e->code;
	if (!looks_at_candidates(r->recipe)) {
		error_set(r->e, INVALID_ARGUMENT, "CONTRADICTION",
			"The query brings candidates, but neither the source nor the scorer is "
			"`given`: nothing would look at them.");
		return error_field(r->e, "candidates");
	}
	q->candidates = arena_array(r->arena, b->n_candidates, sizeof *q->candidates);
	if (!q->candidates)
		return error_memory(r->e);
	for (size_t i = 0; i < b->n_candidates; i++)
		if (read_candidate(r, b->candidates[i], &q->candidates[i]))
			return error_within(r->e, "candidates[%zu]", i);
	q->n_candidates = b->n_candidates;
	return refuse_twins(r, q->candidates, q->n_candidates);
}

static enum code check_positive_scores(const struct reading *r, const Pb__MineQuery *b)
{
	if (b->n_positive_scores == 0)
		return OK;
	if (r->recipe->scorer != PB__SCORER__SCORER_GIVEN) {
		error_set(r->e, INVALID_ARGUMENT, "CONTRADICTION",
			"positive_scores are for scorer = given; with another scorer the daemon "
			"scores the positives itself.");
		return error_field(r->e, "positive_scores");
	}
	if (b->n_positive_scores != b->n_positives) {
		error_set(r->e, INVALID_ARGUMENT, "WRONG_LENGTH",
			"There are %zu positive_scores for %zu positives.", b->n_positive_scores,
			b->n_positives);
		return error_field(r->e, "positive_scores");
	}
	for (size_t i = 0; i < b->n_positive_scores; i++)
		if (check_score(r, b->positive_scores[i]))
			return error_field(r->e, "positive_scores[%zu]", i);
	return OK;
}

/* A positive that is a candidate too keeps the score it has as a positive. */
enum code query_read_scores(const struct reading *r, struct query *q)
{
	const Pb__MineQuery *b = q->brought;
	size_t n = 0, most = b->n_positive_scores + q->n_candidates;

	if (check_positive_scores(r, b))
		return r->e->code;
	struct named *named = arena_array(r->arena, most, sizeof *named);
	q->scores = arena_array(r->arena, most, sizeof *q->scores);
	if (!named || !q->scores)
		return error_memory(r->e);
	for (size_t i = 0; i < b->n_positive_scores; i++, n++) {
		named[n] = (struct named){0, n, b->positive_scores[i]};
		if (find(r, b->positives[i], &named[n].document))
			return error_field(r->e, "positives[%zu]", i);
	}
	for (size_t i = 0; i < q->n_candidates; i++)
		if (!isnan(q->candidates[i].score)) {
			named[n] = (struct named){
				q->candidates[i].document, n, q->candidates[i].score};
			n++;
		}
	q->n_scores = keep_first(named, n);
	for (size_t i = 0; i < q->n_scores; i++)
		q->scores[i] = (struct hit){named[i].document, named[i].score};
	return OK;
}
