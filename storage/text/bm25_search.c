/*
 * The exact k best, from approximate sums with a proved error.
 *
 * How. Documents are taken in ranges of 65,536, so that a 16-bit sum of each fits into the second-level
 * cache. Every posting of a query term adds a whole number of units to its document's sum; then the sums
 * are swept: those between two thresholds are candidates, all become zero again. Candidates raise the lower
 * threshold as they come, and those that are left at the end are scored in double.
 *
 * The parts of the index (bm25_matrix.h) are taken one after the other, the largest first, as if they were
 * one: which terms add to sums, what a unit is, thresholds and candidates are those of the whole
 * index. What a part costs of its own is looking up the terms and weighing their codes: of
 * six terms some 4 to 6 us, half of what a range takes that is full.
 *
 * bm25_bounds.c proves that no document is missed.
 */
#include "storage/text/bm25.h"

#include <stdlib.h>

#include "proto/fault.h"
#include "storage/text/array.h"
#include "storage/text/best.h"
#include "storage/text/bm25_scan.h"

struct bm25_scratch *bm25_scratch_new(void)
{
	struct bm25_scratch *s =
		FAULT() ? NULL : aligned_alloc(alignof(struct bm25_scratch), sizeof *s);

	if (s)
		*s = (struct bm25_scratch){0};
	return s;
}

void bm25_scratch_free(struct bm25_scratch *s)
{
	if (!s)
		return;
	free(s->lanes);
	free(s->pool);
	free(s->places);
	free(s->scores);
	free(s);
}

/* Behind a hit of known rank, or from the top. */
static size_t reach_of(const struct bm25_request *r, size_t k)
{
	if (r->below < INFINITY || r->at_most < INFINITY || (r->after && !r->up_to_after))
		return 0;
	return r->after ? k + r->up_to_after : k;
}

static double ceiling_of(const struct bm25_request *r)
{
	double ceiling = r->below < r->at_most ? r->below : r->at_most;

	return r->after && r->after->score < ceiling ? r->after->score : ceiling;
}

static bool make_room(struct scan *s)
{
	struct bm25_scratch *x = s->s;
	size_t pool = 2 * s->k + 3 * BLOCK;

	return array_grow(&x->lanes, &x->lanes_cap, s->r->query->n, sizeof *x->lanes) &&
	       array_grow(&x->pool, &x->pool_cap, pool, sizeof *x->pool) &&
	       array_grow(&x->places, &x->places_cap, x->pool_cap, sizeof *x->places) &&
	       array_grow(&x->scores, &x->scores_cap, x->pool_cap, sizeof *x->scores);
}

/* All parts once. */
static enum code pass(struct scan *s, struct error *e)
{
	for (size_t i = 0; i < s->b->n_parts; i++) {
		s->number = i;
		s->part = &s->b->parts[i];
		s->segment = s->part->segment;
		s->codes = s->part->codes;
		if (bounds_enter(s) && scan_ranges(s, e))
			return e->code;
	}
	return OK;
}

static enum code search(struct scan *s, struct error *e)
{
	bounds_start(s);
	for (;;) {
		uint32_t from = s->low;
		if (pass(s, e))
			return e->code;
		scan_finish(s);
		if (s->proved >= from)
			return OK;
		bounds_guess_lower(s, from);
	}
}

enum code bm25_search(const struct bm25 *b, const struct bm25_request *r, struct bm25_scratch *x,
	struct hit *out, size_t *found, struct error *e)
{
	struct scan s = {.b = b, .r = r, .s = x, .out = out};

	*found = 0;
	s.k = r->k < b->n ? r->k : b->n;
	if (!s.k || !r->query->n)
		return OK;
	s.ceiling = ceiling_of(r);
	s.reach = reach_of(r, s.k);
	if (!make_room(&s))
		return error_memory(e);
	if (search(&s, e))
		return e->code;
	best_sort(out, s.kept, b->order);
	*found = s.kept;
	return OK;
}
