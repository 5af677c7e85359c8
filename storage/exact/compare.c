/* A panel against rows that stand together. */
#include <math.h>

#include "storage/exact/margin.h"
#include "storage/exact/pass_private.h"

/* Inlined by force, for each similarity: a loop without branches. */
static inline __attribute__((always_inline)) void put_margins(
	Pb__Similarity similarity, const struct codes_block *b, struct tile *t)
{
	float ratio = t->panel->ratio;

	for (int i = 0; i < CODE_BLOCK; i++) {
		float weight = b->weight[i];
		t->margin[i] = row_margin(b->slack[i], row_size(similarity, weight), ratio);
		t->less[i] = similarity == PB__SIMILARITY__SIMILARITY_L2 ? weight : 0;
	}
}

static void tile_load(const struct codes *c, uint32_t block, struct tile *t)
{
	struct codes_block b = codes_block(c, block);

	t->first = block * CODE_BLOCK;
	t->code = b.code;
	t->scale = b.scale;
	t->tail_length = b.tail_length;
	switch (c->similarity) {
	case PB__SIMILARITY__SIMILARITY_COSINE:
		put_margins(PB__SIMILARITY__SIMILARITY_COSINE, &b, t);
		return;
	case PB__SIMILARITY__SIMILARITY_L2:
		put_margins(PB__SIMILARITY__SIMILARITY_L2, &b, t);
		return;
	default:
		put_margins(PB__SIMILARITY__SIMILARITY_DOT, &b, t);
	}
}

static void offer_found(const struct kernels *k, const struct codes *c, const struct panel *panel,
	struct candidates *found)
{
	for (uint32_t i = 0; i < panel->n; i++) {
		if (c->tail)
			k->tails(c, panel, i, &found[i]);
		survivors_offer(&panel->survivors[i], &found[i], panel->ratio);
	}
}

/* The rows of a block that are not of those asked about are as good as not there. */
static void leave_others(struct tile *t, uint32_t first, uint32_t end)
{
	for (uint32_t i = 0; i < CODE_BLOCK; i++)
		if (t->first + i < first || t->first + i >= end)
			t->margin[i] = -INFINITY;
}

void compare_rows(const struct kernels *k, const struct codes *c, uint32_t first, uint32_t end,
	const struct panel *panel)
{
	struct candidates found[PANEL];
	struct tile t = {.panel = panel, .found = found};

	for (uint32_t i = 0; i < panel->n; i++)
		found[i].n = 0;
	if (k->begin)
		k->begin(panel);
	for (uint32_t block = first / CODE_BLOCK; block * CODE_BLOCK < end; block++) {
		tile_load(c, block, &t);
		if (t.first < first || t.first + CODE_BLOCK > end)
			leave_others(&t, first, end);
		k->tile(&t);
	}
	if (k->end)
		k->end();
	offer_found(k, c, panel, found);
}

void compare_chunk(
	const struct kernels *k, const struct codes *c, uint32_t chunk, const struct panel *panel)
{
	uint32_t first = chunk * CHUNK_BLOCKS, left = c->blocks - first;

	compare_rows(k, c, first * CODE_BLOCK,
		(first + (left < CHUNK_BLOCKS ? left : CHUNK_BLOCKS)) * CODE_BLOCK, panel);
}
