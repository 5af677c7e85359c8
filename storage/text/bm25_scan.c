/*
 * Sums: made range by range, swept for candidates, which raise the lower threshold and are scored in the
 * end.
 */
#include "storage/progress.h"
#include "storage/text/best.h"
#include "storage/text/bm25_scan.h"

static bool allowed(const struct bm25_request *r, const struct hit *h, const uint32_t *order)
{
	return h->score > 0 && h->score < r->below && h->score <= r->at_most &&
	       h->score >= r->at_least && (!r->after || hit_before(r->after, h, order));
}

/* Those from `from` on that are of the same part; returns where they end. */
static size_t score_run(struct scan *s, size_t from)
{
	struct bm25_scratch *x = s->s;
	uint32_t part = x->pool[from].part;
	size_t end = from;

	for (; end < s->n_pool && x->pool[end].part == part; end++)
		x->places[end] = x->pool[end].place;
	bm25_scores(s->b, part, s->r->query, x->places + from, end - from, x->scores);
	const uint32_t *document = s->b->parts[part].segment->document;
	for (size_t i = from; i < end; i++) {
		struct hit h = {document[x->places[i]], x->scores[i - from]};
		if (allowed(s->r, &h, s->b->order))
			best_keep(s->out, &s->kept, s->k, h, s->b->order);
	}
	return end;
}

/* Scores the pool and keeps the best of it. */
static void score_pool(struct scan *s)
{
	for (size_t i = 0; i < s->n_pool;)
		i = score_run(s, i);
	s->n_pool = 0;
	s->tighten_at = 2 * s->k + 64;
	bounds_raise_by_kept(s);
}

/* The k-th highest sum of the pool that counts, by its upper byte, then its lower one; 0 when fewer
 * than k count. */
static uint32_t kth_sum(const struct scan *s)
{
	const struct candidate *pool = s->s->pool;
	uint32_t upper[256] = {0}, lower[256] = {0}, u = 255, l = 255;
	size_t above = 0, counted = 0;

	for (size_t i = 0; i < s->n_pool; i++) {
		bool counts = pool[i].sum < s->certain;
		upper[pool[i].sum >> 8] += counts;
		counted += counts;
	}
	if (counted < s->k)
		return 0;
	for (; above + upper[u] < s->k; u--)
		above += upper[u];
	for (size_t i = 0; i < s->n_pool; i++)
		lower[pool[i].sum & 255] += pool[i].sum < s->certain && pool[i].sum >> 8 == u;
	for (; above + lower[l] < s->k; l--)
		above += lower[l];
	return u << 8 | l;
}

/* Raises the lower threshold by what is in the pool and drops what does not reach it. */
static void tighten(struct scan *s)
{
	struct candidate *pool = s->s->pool;
	size_t kept = 0;

	bounds_raise(s, minus(kth_sum(s), s->error + 1));
	for (size_t i = 0; i < s->n_pool; i++) {
		pool[kept] = pool[i];
		kept += pool[i].sum >= s->low;
	}
	s->n_pool = kept;
	s->tighten_at = 2 * (kept > s->k ? kept : s->k) + 64;
}

static void take_block(struct scan *s, uint32_t first, bm25_sweep sweep, uint16_t *sums)
{
	struct bm25_scratch *x = s->s;
	uint16_t span = (uint16_t)(s->high - s->low);
	size_t n = sweep(sums, (uint16_t)s->low, span, x->swept);

	for (size_t i = 0; i < n; i++) {
		struct candidate c = {
			first + (x->swept[i] >> 16), x->swept[i] & UNITS, (uint32_t)s->number};
		x->pool[s->n_pool] = c;
		/* the last block may reach beyond the end */
		s->n_pool += c.place < s->segment->n && !part_lost(s->part, c.place);
	}
	if (s->n_pool >= s->tighten_at)
		tighten(s);
	if (s->n_pool > x->pool_cap - BLOCK)
		score_pool(s);
}

static void sweep_range(struct scan *s, uint32_t range, bm25_sweep sweep)
{
	uint32_t first = range * RANGE, n = s->segment->n - first;

	n = n < RANGE ? n : RANGE;
	for (uint32_t i = 0; i < n; i += BLOCK) {
		if (s->low > s->high) /* nothing can be found any more: they are but zeroed */
			sweep(s->s->sums + i, UNITS, 0, s->s->swept);
		else
			take_block(s, first + i, sweep, s->s->sums + i);
	}
}

/* False when no term is there. */
static bool add_range(struct scan *s, uint32_t range)
{
	const struct segment *g = s->segment;
	bool any = false;

	for (struct lane *l = s->s->lanes, *end = l + s->n_lanes; l < end; l++) {
		if (l->chunk == l->end || l->chunk->range != range)
			continue;
		size_t at = l->chunk->first, stop = segment_frequency(g, l->term);
		if (++l->chunk < l->end)
			stop = l->chunk->first;
		any = true;
		size_t start = g->posting_start[l->term] + at;
		bm25_add(
			s->s->sums, g->place + start, s->codes->code + start, stop - at, l->weight);
	}
	return any;
}

enum code scan_ranges(struct scan *s, struct error *e)
{
	bm25_sweep sweep = bm25_sweep_for(isa_now());
	uint32_t n = s->segment->n;

	for (uint32_t range = 0; (uint64_t)range * RANGE < n && s->low <= s->high; range++) {
		if (check_cancelled(s->r->cancelled, e))
			return e->code;
		if (add_range(s, range) || !s->low)
			sweep_range(s, range, sweep);
	}
	return OK;
}

void scan_finish(struct scan *s)
{
	tighten(s);
	score_pool(s);
}
