#include "tests/storage/text/bm25_history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct history *history_new(uint32_t vocabulary)
{
	struct history *h = calloc(1, sizeof *h);

	h->vocabulary = vocabulary;
	h->k1 = 0.9;
	h->b = 0.4;
	h->anew = BM25_ANEW;
	return h;
}

void history_change(struct history *h, uint32_t d, uint32_t longest)
{
	h->length[d] = text_below(9) ? (uint8_t)(1 + text_below(longest)) : 0;
	for (uint32_t i = 0; i < h->length[d]; i++) {
		uint32_t a = text_below(h->vocabulary), b = text_below(h->vocabulary);
		h->words[d][i] = a < b ? a : b;
	}
	h->changed[d] = true;
	h->n = d >= h->n ? d + 1 : h->n;
}

void history_upload(struct history *h, uint32_t fresh, uint32_t again, uint32_t longest)
{
	for (uint32_t i = 0; i < again && h->n; i++)
		history_change(h, text_below(h->n), longest);
	for (uint32_t i = 0; i < fresh; i++)
		history_change(h, h->n, longest);
}

static enum code put_changed(
	const struct history *h, struct bm25_builder *builder, bool all, struct error *e)
{
	enum code rc = OK;

	for (uint32_t d = 0; d < h->n && !rc; d++) {
		if (!all && !h->changed[d])
			continue;
		char *text = text_spelled(h->words[d], h->length[d]);
		rc = bm25_builder_put(builder, d, NULL, text, e);
		free(text);
	}
	return rc;
}

struct text history_text(const struct history *h)
{
	struct text t = text_new(h->n, h->vocabulary);

	t.k1 = h->k1;
	t.b = h->b;
	for (uint32_t d = 0; d < h->n; d++)
		text_put(&t, d, h->words[d], h->length[d]);
	text_shuffle(&t);
	return t;
}

enum code history_succeed(const struct history *h, const struct bm25 *before, struct stop *stop,
	struct text *t, struct error *e)
{
	struct bm25_options options = {h->k1, h->b, NULL};
	struct bm25_builder *builder =
		before ? bm25_builder_after(before) : bm25_builder_new(&options);

	if (!builder)
		return error_memory(e);
	if (put_changed(h, builder, !before, e)) {
		bm25_builder_free(builder);
		return e->code;
	}
	bm25_builder_stop(builder, stop);
	bm25_builder_anew(builder, h->anew);
	return bm25_build(builder, t->order, &t->index, e);
}

const struct part *history_part(const struct bm25 *b, const struct segment *segment)
{
	for (size_t i = 0; b && i < b->n_parts; i++)
		if (b->parts[i].segment == segment)
			return &b->parts[i];
	return NULL;
}

static uint32_t allowed(const struct history *h, uint32_t came)
{
	return came * 4 > h->anew ? came * 4 : h->anew;
}

/* An update writes no more than it may: new segments, and new codes of those that are shared. */
static void ck_cost(const struct history *h, const struct bm25 *before, const struct bm25 *b)
{
	uint32_t came = 0, anew = 0, weighed = 0;

	for (uint32_t d = 0; d < h->n; d++)
		came += h->changed[d];
	for (size_t i = 0; i < b->n_parts; i++) {
		const struct part *now = &b->parts[i], *then = history_part(before, now->segment);
		if (!then)
			anew += now->segment->n;
		else if (then->codes != now->codes)
			weighed += now->segment->n / 4;
	}
	ck_assert_uint_le(anew + weighed, allowed(h, came));
}

void ck_kept(const struct bm25 *b)
{
	for (size_t i = 0; i < b->n_parts; i++) {
		const struct part *p = &b->parts[i];
		ck_assert(fabs(p->codes->average / b->average - 1) <= CODES_DRIFT);
		ck_assert_uint_le(p->n_lost * 3ull, p->segment->n);
	}
}

void history_look(struct history *h, const struct bm25 *before, const struct bm25 *b)
{
	h->most_parts = b->n_parts > h->most_parts ? b->n_parts : h->most_parts;
	h->merged = h->merged || (before && b->n_parts <= before->n_parts);
	for (size_t i = 0; i < b->n_parts; i++) {
		const struct part *p = &b->parts[i];
		h->lost = h->lost || p->n_lost;
		h->drifted = h->drifted || p->codes->average != b->average;
		for (uint32_t at = 0; at < p->segment->n; at++) /* lost, and not replaced */
			h->in_pieces = h->in_pieces ||
				       (part_lost(p, at) && history_part(before, p->segment) &&
					       !part_lost(history_part(before, p->segment), at) &&
					       !h->changed[p->segment->document[at]]);
	}
	if (before)
		ck_cost(h, before, b);
	if (h->anew == BM25_ANEW)
		ck_kept(b);
}

struct text history_next(struct history *h, const struct text *before)
{
	struct text t = history_text(h);
	struct error e;

	ck_ok(history_succeed(h, before->index, NULL, &t, &e), &e);
	history_look(h, before->index, t.index);
	memset(h->changed, 0, sizeof h->changed);
	return t;
}

void history_go_on(struct history *h, struct text *now)
{
	struct text then = *now;

	*now = history_next(h, &then);
	text_free(&then);
}
