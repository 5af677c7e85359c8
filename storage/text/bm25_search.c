/*
 * The exact k best, from approximate sums with a proved error.
 *
 * How. Documents are taken in ranges of 65,536, so that a 16-bit sum of each fits into the second-level
 * cache. Every posting of a query term adds a whole number of units to its document's sum; then the
 * sums are swept: those between two thresholds are candidates, all become zero again. Candidates
 * raise the lower threshold as they come, and those that are left at the end are scored in double.
 *
 * Why no document is missed. Write w_i for a term's weight in the query (count * idf, above 0), s_i
 * for its saturated count in a document, in (0, 1], or 0 where the document lacks it, both the
 * doubles that bm25_score computes with, n for the number of terms (at most 2^20: a text has at most
 * that many bytes) and u = 2^-53. The score is
 *
 *     S = fl(sum of fl(w_i s_i)),    |S - sum w_i s_i| <= (n + 1) u sum w_i s_i           (1)
 *
 * to first order, since every term is rounded once and goes through n - 1 additions at most: less
 * than a relative 2^-32.
 *
 * A posting's code c and its term's scale say (bm25_segment.h), with U(c) = code_value(scale, c),
 * the double that is computed,
 *
 *     U(c - 1) < s_i <= U(c),  and s_i = U(0) for c = 0                                   (2)
 *
 * Let m be the number of terms that add to sums, W the sum of their weights and r = (65534 - m) / W
 * the units a score: what a code of term i adds is
 *
 *     a_i(c) = ceil(x),   x = fl(w_i min(U(c), 1) r (1 + 2^-40))
 *
 * Four roundings take less than 2^-50 from x, so x >= w_i s_i r by (2), and x <= w_i r (1 + 2^-39).
 * The sum A of a document's a_i is therefore below W r (1 + 2^-39) + m < 65535, it does not overflow, and
 *
 *     A >= r sum w_i s_i                                                                  (3)
 *
 * over the m terms. From the other side, ceil adds less than 1, and U(c) - s_i is below
 * U(c) - U(c - 1), which is the scale's step but for two roundings of numbers up to 2 (2^-51 in all):
 *
 *     a_i(c) - w_i s_i r < w_i step_i r + 1 + 2^-22 =: e_i + 2^-22
 *
 * where 2^-22 > 65535 (2^-39 + 2^-51) bounds what the roundings and 1 + 2^-40 did. With m < 2^15 these
 * add up to less than 2^-7, so with E = ceil(sum e_i) + 1
 *
 *     A - E < r sum w_i s_i                                                               (4)
 *
 * also when the document lacks some of the terms: these add nothing to either side.
 *
 * Some terms do not add to sums: those beyond 2^15 - 1, and frequent ones whose weights come to little
 * (choose_lanes), as a stop word's do, whose long list costs more time than the few candidates that
 * it would have ruled out. At most R = ceil(sum of their w_i r) + 1 units are missed by that: (3)
 * becomes A + R >= r sum w_i s_i over all terms, (4) stays true.
 *
 * Scores become units, and units scores, with a margin of 2^-30, much wider than (1) and the rounding
 * of the conversion:
 *
 *   - A document with S >= t has A + R >= r S (1 - 2^-32) >= floor(r t (1 - 2^-30)). So a lower
 *     threshold of floor(r t (1 - 2^-30)) - R misses nothing that reaches t.            [units_of]
 *   - If k documents have sums of at least A_k, their scores are above (A_k - E) / r (1 - 2^-32), and
 *     whatever belongs to the k best has a score that is no lower; its A + R is, by the same step, at
 *     least (A_k - E) (1 - 2^-31) > A_k - E - 1, as sums are below 2^16. So a lower threshold of
 *     A_k - E - 1 - R misses nothing of the k best, ties included. k postings of one term whose codes
 *     are c or more do for A_k = a_i(c) and E = e_i: that is where the threshold starts. What is asked
 *     for behind the hit of rank j is among the j + k best, and j + k takes the place of k.
 *   - A document with S <= t has A - E < r t (1 + 2^-30): an upper threshold of
 *     floor(r t (1 + 2^-30)) + E + 1 misses nothing up to t. One with A + R < floor(r t (1 - 2^-30))
 *     has S < t for certain, and only such documents may count for A_k when there is a ceiling t:
 *     the k of them are then k documents that are allowed.
 *
 * When the candidates of the end (or those of the way, if they become too many: documents that tie) are
 * scored, the k-th best score so far is a t for the first rule. All decisions that remain, ceiling and
 * floor and ties by order, are made of doubles.
 */
#include "storage/text/bm25.h"

#include <stdalign.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/progress.h"
#include "storage/text/array.h"
#include "storage/text/best.h"
#include "storage/text/bm25_kernels.h"
#include "storage/text/bm25_matrix.h"

enum { UNITS = 65535, MOST_ADDED = 32767, CODES = 256, FREQUENT = 32 };

#define SPARE 0.2 /* measured: half of it saves less, twice as much brings too many candidates */

struct candidate {
	uint32_t place, sum;
};

/* A term that adds to the sums, on its way through the ranges. */
struct lane {
	const struct query_term *asked;
	double error; /* e_i */
	const struct chunk *chunk, *end;
	uint16_t weight[CODES]; /* a_i */
};

struct bm25_scratch {
	alignas(64) uint16_t sums[RANGE]; /* zero between searches */
	uint32_t swept[BLOCK];
	struct lane *lanes;
	struct candidate *pool;
	uint32_t *places; /* the pool's, while it is scored */
	double *scores;
	size_t lanes_cap, pool_cap, places_cap, scores_cap;
};

struct scan {
	const struct bm25 *b;
	const struct segment *segment;
	const struct bm25_request *r;
	struct bm25_scratch *s;
	struct hit *out; /* a heap of the best that are scored; its root is the worst */
	size_t kept, k;
	size_t reach; /* the best of so many have all that is asked for; 0: not known */
	size_t n_lanes, n_pool, tighten_at;
	double rate;	      /* r: units a score */
	double ceiling;	      /* the lowest of the request's */
	uint32_t error, rest; /* E, R */
	uint32_t low, high;   /* sums of candidates */
	uint32_t certain;     /* sums under this are below the ceiling for sure */
};

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

/* A score in units, a little less or a little more, within what sums can be. */
static uint32_t units_of(const struct scan *s, double score, double margin)
{
	double units = score * s->rate * (1 + margin);

	return units >= UNITS ? UNITS : units > 0 ? (uint32_t)units : 0;
}

#define LESS (-0x1p-30)
#define MORE 0x1p-30

static void raise_low(struct scan *s, uint32_t units)
{
	units = units > s->rest ? units - s->rest : 0;
	s->low = units > s->low ? units : s->low;
}

static uint32_t minus(uint32_t a, uint32_t b)
{
	return a > b ? a - b : 0;
}

static bool allowed(const struct bm25_request *r, const struct hit *h, const uint32_t *order)
{
	return h->score > 0 && h->score < r->below && h->score <= r->at_most &&
	       h->score >= r->at_least && (!r->after || hit_before(r->after, h, order));
}

/* Scores the pool and keeps the best of it. */
static void score_pool(struct scan *s)
{
	struct bm25_scratch *x = s->s;

	for (size_t i = 0; i < s->n_pool; i++)
		x->places[i] = x->pool[i].place;
	bm25_scores(s->b, s->r->query, x->places, s->n_pool, x->scores);
	for (size_t i = 0; i < s->n_pool; i++) {
		struct hit h = {x->places[i], x->scores[i]};
		if (allowed(s->r, &h, s->b->order))
			best_keep(s->out, &s->kept, s->k, h, s->b->order);
	}
	s->n_pool = 0;
	s->tighten_at = 2 * s->k + 64;
	if (s->kept == s->k)
		raise_low(s, units_of(s, s->out[0].score, LESS));
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

	raise_low(s, minus(kth_sum(s), s->error + 1));
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
		struct candidate c = {first + (x->swept[i] >> 16), x->swept[i] & UNITS};
		x->pool[s->n_pool] = c;
		s->n_pool += c.place < s->segment->n; /* the last block may reach beyond */
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
		size_t at = l->chunk->first, stop = segment_frequency(g, l->asked->term);
		if (++l->chunk < l->end)
			stop = l->chunk->first;
		any = true;
		size_t start = g->posting_start[l->asked->term] + at;
		bm25_add(s->s->sums, g->place + start, g->code + start, stop - at, l->weight);
	}
	return any;
}

static enum code scan_ranges(struct scan *s, struct error *e)
{
	bm25_sweep sweep = bm25_sweep_for(isa_now());

	for (uint32_t range = 0; (uint64_t)range * RANGE < s->segment->n; range++) {
		if (s->low > s->high)
			break;
		if (check_cancelled(s->r->cancelled, e))
			return e->code;
		if (add_range(s, range) || s->rest)
			sweep_range(s, range, sweep);
	}
	tighten(s);
	score_pool(s);
	return OK;
}

/* A code that `reach` documents or more reach with this term; -1 when fewer have it. */
static int kth_code(const struct scan *s, uint32_t term)
{
	const struct segment *g = s->segment;
	unsigned j = 0;

	while ((size_t)1 << j < s->reach)
		j++;
	return segment_frequency(g, term) >> j ? g->best[g->best_start[term] + j] : -1;
}

/* Whether a term's postings would take longer to add up than a few more candidates take to score. */
static bool is_frequent(const struct scan *s, uint32_t term)
{
	return segment_frequency(s->segment, term) > s->segment->n / FREQUENT;
}

/* How much of a score frequent terms may bring together without adding to sums: a small part of what
 * one term alone gives k documents. */
static double spare(const struct scan *s)
{
	const struct bm25_query *q = s->r->query;
	double most = 0;

	if (!s->reach)
		return 0;
	for (size_t i = 0; i < q->n; i++) {
		int code = kth_code(s, q->terms[i].term);
		if (code < 0)
			continue;
		double score = q->terms[i].weight *
			       code_value(s->segment->scale[q->terms[i].term], (unsigned)code);
		most = score > most ? score : most;
	}
	return most * SPARE;
}

/* Which terms add to sums, what these weigh together, and what the others do. */
static void choose_lanes(struct scan *s, double *all, double *rest)
{
	const struct bm25_query *q = s->r->query;
	double left = spare(s);

	for (size_t i = 0; i < q->n; i++) {
		const struct query_term *t = &q->terms[i];
		bool spared = t->weight <= left && is_frequent(s, t->term);
		if (spared)
			left -= t->weight;
		if (spared || s->n_lanes == MOST_ADDED) {
			*rest += t->weight;
		} else {
			*all += t->weight;
			s->s->lanes[s->n_lanes++].asked = t;
		}
	}
}

/* What the codes of a term add, and by how much that may be too much. */
static void weigh_lane(struct scan *s, struct lane *l)
{
	const struct segment *g = s->segment;
	const struct query_term *t = l->asked;
	struct scale scale = g->scale[t->term];
	double rate = t->weight * s->rate * (1 + 0x1p-40);

	l->chunk = g->chunks + g->chunk_start[t->term];
	l->end = g->chunks + g->chunk_start[t->term + 1];
	l->error = t->weight * scale.step * s->rate + 1;
	for (unsigned c = 0; c < CODES; c++) {
		double value = code_value(scale, c);
		value = (value < 1 ? value : 1) * rate;
		uint32_t whole = (uint32_t)value;
		l->weight[c] = (uint16_t)(whole + (whole < value));
	}
}

/* Where the lower threshold starts: k documents have this term's best codes. */
static void seed(struct scan *s, const struct lane *l)
{
	int code = kth_code(s, l->asked->term);

	if (code >= 0)
		raise_low(s, minus(l->weight[code], (uint32_t)ceil(l->error) + 1));
}

static void weigh(struct scan *s)
{
	double all = 0, rest = 0, error = 0;

	choose_lanes(s, &all, &rest);
	s->rate = (double)(UNITS - 1 - s->n_lanes) / all;
	for (size_t i = 0; i < s->n_lanes; i++) {
		weigh_lane(s, &s->s->lanes[i]);
		error += s->s->lanes[i].error;
	}
	error = ceil(error) + 1;
	rest = rest > 0 ? ceil(rest * s->rate) + 1 : 0;
	s->error = error < UNITS ? (uint32_t)error : UNITS;
	s->rest = rest < UNITS ? (uint32_t)rest : UNITS;
}

static void set_thresholds(struct scan *s)
{
	const struct bm25_request *r = s->r;

	s->low = s->rest ? 0 : 1;
	s->high = s->certain = UNITS;
	raise_low(s, units_of(s, r->at_least, LESS));
	for (size_t i = 0; s->reach && i < s->n_lanes; i++)
		seed(s, &s->s->lanes[i]);
	if (s->ceiling == INFINITY) {
		s->certain++;
	} else {
		s->certain = minus(units_of(s, s->ceiling, LESS), s->rest);
		s->high = units_of(s, s->ceiling, MORE) + s->error + 1;
		s->high = s->high < UNITS ? s->high : UNITS;
	}
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

enum code bm25_search(const struct bm25 *b, const struct bm25_request *r, struct bm25_scratch *x,
	struct hit *out, size_t *found, struct error *e)
{
	struct scan s = {.b = b, .segment = b->whole, .r = r, .s = x, .out = out};

	*found = 0;
	s.k = r->k < b->n ? r->k : b->n;
	if (!s.k || !r->query->n)
		return OK;
	s.ceiling = ceiling_of(r);
	s.reach = reach_of(r, s.k);
	if (!make_room(&s))
		return error_memory(e);
	s.tighten_at = 2 * s.k + 64;
	weigh(&s);
	set_thresholds(&s);
	if (scan_ranges(&s, e))
		return e->code;
	best_sort(out, s.kept, b->order);
	*found = s.kept;
	return OK;
}
