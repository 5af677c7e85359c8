#include "workers/mine/sample.h"

/* The list's own order. */
static void draw_top(struct candidate **from, size_t n, size_t k, struct stream *random)
{
	(void)from, (void)n, (void)k, (void)random;
}

/* Uniform, without replacement. */
static void draw_uniform(struct candidate **from, size_t n, size_t k, struct stream *random)
{
	for (size_t i = 0; i < k; i++) {
		size_t j = i + stream_below(random, n - i);
		struct candidate *drawn = from[j];
		from[j] = from[i];
		from[i] = drawn;
	}
}

/* Brings k of the n candidates, which come in the list's order, to the front; k is at most n. */
static void (*const samplers[])(
	struct candidate **from, size_t n, size_t k, struct stream *random) = {
	[PB__SAMPLING__SAMPLING_TOP] = draw_top,
	[PB__SAMPLING__SAMPLING_RANDOM] = draw_uniform,
};

enum code sample_list(const Pb__MineNegativesRequest *recipe, struct stream random,
	struct list *list, struct arena *arena, struct error *e)
{
	struct candidate **from = arena_array(arena, list->n, sizeof *from);
	size_t n = 0;

	if (!from)
		return error_memory(e);
	for (size_t i = 0; i < list->n; i++)
		if (list->at[i].verdict == UNDECIDED)
			from[n++] = &list->at[i];
	size_t k = n < recipe->num_negatives ? n : recipe->num_negatives;
	samplers[recipe->sampling_strategy](from, n, k, &random);
	for (size_t i = 0; i < n; i++)
		from[i]->verdict = i < k ? CHOSEN : REJECTED_SAMPLING;
	return OK;
}
