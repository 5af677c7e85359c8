#include "workers/mine/shortfall.h"

#include <stdlib.h>

static size_t count_chosen(const struct list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->at[i].verdict == CHOSEN;
	return n;
}

static void drop(struct list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->at[i].verdict == CHOSEN)
			list->at[i].verdict = REJECTED_DROPPED;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t *chosen_documents(
	const struct list *list, size_t n_chosen, struct arena *arena, struct error *e)
{
	uint32_t *chosen = arena_array(arena, n_chosen, sizeof *chosen);
	size_t n = 0;

	if (!chosen) {
		error_memory(e);
		return NULL;
	}
	for (size_t i = 0; i < list->n; i++)
		if (list->at[i].verdict == CHOSEN)
			chosen[n++] = list->at[i].document;
	qsort(chosen, n, sizeof *chosen, by_number);
	return chosen;
}

static enum code fill_up(const struct list *list, size_t n_chosen, size_t missing,
	struct fill *fill, struct arena *arena, struct error *e)
{
	uint32_t *chosen = chosen_documents(list, n_chosen, arena, e), card;
	struct hit *filled = arena_array(arena, missing, sizeof *filled);
	struct deck deck;
	size_t n = 0;

	if (!chosen || !filled)
		return error_memory(e);
	deck_init(&deck, fill->random, fill->corpus->n, arena);
	while (n < missing && deck.dealt < deck.n) {
		if (deck_deal(&deck, &card, e))
			return e->code;
		if (identity_check(fill->identity, card) != UNDECIDED ||
			(n_chosen && bsearch(&card, chosen, n_chosen, sizeof card, by_number)))
			continue;
		filled[n++] = (struct hit){card, score_document(fill->scoring, card)};
	}
	fill->filled = filled;
	fill->n = n;
	return OK;
}

enum code shortfall_apply(const Pb__MineNegativesRequest *recipe, struct list *list,
	struct fill *fill, struct arena *arena, struct error *e)
{
	size_t chosen = count_chosen(list);

	if (chosen >= recipe->num_negatives)
		return OK;
	switch (recipe->shortfall) {
	case PB__SHORTFALL__SHORTFALL_DROP:
		drop(list);
		return OK;
	case PB__SHORTFALL__SHORTFALL_RANDOM_FILL:
		return fill_up(list, chosen, recipe->num_negatives - chosen, fill, arena, e);
	case PB__SHORTFALL__SHORTFALL_ERROR:
		return error_set(e, OUT_OF_RANGE, "SHORTFALL",
			"Of %zu candidates %zu are left, fewer than the %u negatives asked for; "
			"loosen a filter, widen the window, or choose another shortfall.",
			list->n + list->unlisted, chosen, recipe->num_negatives);
	default:
		return OK;
	}
}
