#include <math.h>

#include "workers/mine/answer.h"
#include "workers/mine/put.h"

static size_t count_sightings(const struct list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		for (size_t s = 0; s < N_SOURCES; s++)
			n += list->at[i].seen[s].rank != NO_RANK;
	return n;
}

static void put_candidate(
	const struct corpus *corpus, const struct candidate *c, Pb__ExplainedCandidate *x)
{
	pb__explained_candidate__init(x);
	x->document_id = corpus->id[c->document];
	if (!isnan(c->score))
		PUT(x, score, c->score);
	PUT(x, rank, c->rank);
	if (c->rank_negatives != NO_RANK)
		PUT(x, rank_negatives, c->rank_negatives);
	if (c->rank_survivors != NO_RANK)
		PUT(x, rank_survivors, c->rank_survivors);
	x->verdict = verdict_name(c->verdict);
}

/* Takes its rows from *rank and *slot, and moves both on. */
static void put_sightings(const struct candidate *c, Pb__ExplainedCandidate *x,
	Pb__SourceRank **rank, Pb__SourceRank ***slot)
{
	x->sources = *slot;
	for (size_t s = 0; s < N_SOURCES; s++) {
		if (c->seen[s].rank == NO_RANK)
			continue;
		pb__source_rank__init(*rank);
		PUT(*rank, source, s);
		PUT(*rank, rank, c->seen[s].rank);
		if (!isnan(c->seen[s].score))
			PUT(*rank, score, c->seen[s].score);
		*(*slot)++ = (*rank)++;
		x->n_sources++;
	}
}

enum code explain_list(const struct corpus *corpus, const struct list *list, struct arena *arena,
	Pb__MineResult *result, struct error *e)
{
	size_t sightings = count_sightings(list);
	Pb__ExplainedCandidate *x = arena_array(arena, list->n, sizeof *x);
	Pb__SourceRank *rank = arena_array(arena, sightings, sizeof *rank);
	Pb__SourceRank **slot = arena_array(arena, sightings, sizeof *slot);

	result->explain = arena_array(arena, list->n, sizeof *result->explain);
	if (!x || !rank || !slot || !result->explain)
		return error_memory(e);
	for (size_t i = 0; i < list->n; i++) {
		put_candidate(corpus, &list->at[i], &x[i]);
		put_sightings(&list->at[i], &x[i], &rank, &slot);
		result->explain[result->n_explain++] = &x[i];
	}
	return OK;
}
