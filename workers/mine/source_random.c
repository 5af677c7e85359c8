/* Uniform over the corpus, in an order that asking deeper continues. */
#include <math.h>

#include "workers/mine/deck.h"
#include "workers/mine/source.h"

static enum code deal(const struct mining *m, const struct ask *ask, struct arena *arena,
	struct found *out, struct error *e)
{
	uint32_t n = m->view.corpus->n, k = ask->depth < n ? ask->depth : n;
	struct hit *hits = arena_array(arena, k, sizeof *hits);
	struct deck deck;

	if (!hits)
		return error_memory(e);
	deck_init(&deck, stream_of(m->recipe->seed, ask->query->id, STREAM_SOURCE, NULL), n, arena);
	for (uint32_t i = 0; i < k; i++) {
		hits[i].score = NAN;
		if (deck_deal(&deck, &hits[i].document, e))
			return e->code;
	}
	*out = (struct found){hits, k, k < n};
	return OK;
}

enum code source_random(const struct mining *m, const struct ask *asks, size_t n,
	struct arena *arena, struct found *out, struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (deal(m, &asks[i], arena, &out[i], e))
			return e->code;
	return OK;
}
