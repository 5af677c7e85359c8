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

static uint32_t first_block(const struct span *s)
{
	return s->first / CODE_BLOCK;
}

static uint32_t blocks_of(const struct span *s)
{
	return (s->end + CODE_BLOCK - 1) / CODE_BLOCK - first_block(s);
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

/* Rows that were found lie anywhere: a processor by itself fetches none of them. Inlined by force: GCC
 * would drop the calls (finish.c). */
static inline __attribute__((always_inline)) void fetch_tails(
	const struct codes *c, const struct candidates *found)
{
	for (uint32_t at = 0; at < found->n; at++)
		for (uint32_t i = 0; i < c->tail; i += CACHE_LINE)
			__builtin_prefetch(codes_tail(c, found->row[at]) + i);
}

/* One query's tails are fetched while those of the query before are multiplied. */
static void offer_found(const struct kernels *k, const struct codes *c, const struct panel *panel,
	struct candidates *found)
{
	if (c->tail)
		fetch_tails(c, &found[0]);
	for (uint32_t i = 0; i < panel->n; i++) {
		if (c->tail && i + 1 < panel->n)
			fetch_tails(c, &found[i + 1]);
		if (c->tail)
			k->tails(c, panel, i, &found[i]);
		survivors_offer(&panel->survivors[i], &found[i], panel->ratio);
	}
}

/* The rows of a block that are not of those asked about are as good as not there. */
static void leave_others(struct tile *t, const struct span *s)
{
	for (uint32_t i = 0; i < CODE_BLOCK; i++)
		if (t->first + i < s->first || t->first + i >= s->end)
			t->margin[i] = -INFINITY;
}

void compare_rows(const struct kernels *k, const struct codes *c, const struct span *s,
	const struct panel *panel)
{
	struct candidates found[PANEL];
	struct tile t = {.panel = panel, .found = found};
	uint32_t begin = first_block(s), blocks = blocks_of(s);

	for (uint32_t i = 0; i < panel->n; i++)
		found[i].n = 0;
	if (k->begin)
		k->begin(panel);
	for (uint32_t i = 0; i < blocks; i++) {
		tile_load(c, begin + i, &t);
		if (t.first < s->first || t.first + CODE_BLOCK > s->end)
			leave_others(&t, s);
		t.ahead = ahead_part(s->ahead, i, blocks);
		k->tile(&t);
	}
	if (k->end)
		k->end();
	offer_found(k, c, panel, found);
}

struct span chunk_span(const struct codes *c, uint32_t chunk)
{
	uint32_t first = chunk * CHUNK_BLOCKS, left = c->blocks - first;

	return (struct span){.first = first * CODE_BLOCK,
		.end = (first + (left < CHUNK_BLOCKS ? left : CHUNK_BLOCKS)) * CODE_BLOCK};
}

struct ahead span_codes(const struct codes *c, const struct span *s)
{
	return (struct ahead){
		c->block.at + first_block(s) * c->block_bytes, blocks_of(s) * c->block_bytes};
}

struct ahead ahead_of_panel(struct ahead next, size_t after, size_t panels)
{
	size_t some = panels < FETCHING_PANELS ? panels : FETCHING_PANELS;

	return after < some ? ahead_part(next, some - 1 - after, some) : (struct ahead){0};
}
