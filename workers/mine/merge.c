#include "workers/mine/merge.h"

#include <math.h>
#include <stdlib.h>

struct entry {
	uint32_t document, rank;
	Pb__SourceKind source;
	double score;
};

static int by_document(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->document > y->document) - (x->document < y->document);
}

static size_t gather(const struct found *found, struct entry *to)
{
	size_t n = 0;

	for (size_t s = 0; s < N_SOURCES; s++)
		for (size_t i = 0; i < found[s].n; i++)
			to[n++] = (struct entry){found[s].hits[i].document,
				found_rank(&found[s], i), s, found[s].hits[i].score};
	return n;
}

static void candidate_init(struct candidate *c, uint32_t document, uint32_t place)
{
	*c = (struct candidate){.document = document,
		.place = place,
		.score = NAN,
		.rank_negatives = NO_RANK,
		.rank_survivors = NO_RANK,
		.verdict = UNDECIDED};
	for (size_t s = 0; s < N_SOURCES; s++)
		c->seen[s] = (struct sighting){NO_RANK, NAN};
}

enum code merge_sources(const struct found *found, const uint32_t *places, struct arena *arena,
	struct list *out, struct error *e)
{
	size_t most = 0, n = 0, unlisted = 0;

	for (size_t s = 0; s < N_SOURCES; s++) {
		most += found[s].n;
		unlisted += found[s].unlisted;
	}
	struct entry *entries = arena_array(arena, most, sizeof *entries);
	struct candidate *at = arena_array(arena, most, sizeof *at);
	if (!entries || !at)
		return error_memory(e);
	gather(found, entries);
	qsort(entries, most, sizeof *entries, by_document);
	for (size_t i = 0; i < most; i++) {
		const struct entry *from = &entries[i];
		if (i == 0 || from->document != from[-1].document)
			candidate_init(&at[n++], from->document, places[from->document]);
		at[n - 1].seen[from->source] = (struct sighting){from->rank, from->score};
	}
	*out = (struct list){at, n, unlisted};
	return OK;
}

static double reciprocal_ranks(const struct candidate *c, uint32_t rrf_k)
{
	double sum = 0;

	for (size_t s = 0; s < N_SOURCES; s++)
		if (c->seen[s].rank != NO_RANK)
			sum += 1 / ((double)rrf_k + c->seen[s].rank + 1);
	return sum;
}

static double best_rank(const struct candidate *c)
{
	uint32_t best = NO_RANK;

	for (size_t s = 0; s < N_SOURCES; s++)
		if (c->seen[s].rank < best)
			best = c->seen[s].rank;
	return best;
}

static double order_of(const Pb__MineNegativesRequest *recipe, const struct candidate *c)
{
	if (recipe->fusion == PB__FUSION__FUSION_RRF)
		return reciprocal_ranks(c, recipe->rrf_k);
	if (recipe->scorer == PB__SCORER__SCORER_NONE)
		return -best_rank(c);
	return isnan(c->score) ? -INFINITY : c->score;
}

static int by_order(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->order != y->order)
		return x->order > y->order ? -1 : 1;
	if (isnan(x->score) != isnan(y->score))
		return isnan(x->score) ? 1 : -1;
	return (x->place > y->place) - (x->place < y->place);
}

void merge_order(const Pb__MineNegativesRequest *recipe, struct list *list)
{
	for (size_t i = 0; i < list->n; i++)
		list->at[i].order = order_of(recipe, &list->at[i]);
	qsort(list->at, list->n, sizeof *list->at, by_order);
	/* Only of a list of one source, in its own order, some are left out. */
	for (size_t i = 0; i < list->n; i++)
		list->at[i].rank = list->unlisted ? best_rank(&list->at[i]) : i;
}
