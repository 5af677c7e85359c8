/*
 * The exact k best, from approximate sums with a proved error.
 *
 * How. The parts of the index (bm25_matrix.h) are searched one after the other, the largest first: the
 * k best so far go along. Documents are taken in ranges of 65,536, so that a 16-bit sum of each fits
 * into the second-level cache. Every posting of a query term adds a whole number of units to its
 * document's sum; then the sums are swept: those between two thresholds are candidates, all become zero
 * again. Candidates raise the lower threshold as they come, and those that are left at the end are
 * scored in double.
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
 * A posting's code c and its term's scale say (bm25_codes.h), with U(c) = code_value(scale, c), the
 * double that is computed,
 *
 *     U(c - 1) < s'_i <= U(c),  and s'_i = U(0) for c = 0                                 (2)
 *
 * where s'_i is s_i as it was when the codes were made. Since then other documents came, and the
 * average length, which was L', became L. With z = norm / tf before, s' = 1 / (1 + z). The norm has a
 * part that stays, k1 (1 - b), and one that goes with 1 / L: with q = L' / L, z became a number
 * between z and q z. So s lies between s' and 1 / (1 + q z) = s' / (s' + q (1 - s')), and
 *
 *     s / s'  lies between  1  and  1 / (s' + q (1 - s'))
 *
 * both included. The latter is the nearer to 1 the higher s' is, so of all postings of a term it is
 * farthest from 1 at the lowest s', and no nearer at U(0), which is not above that one. With
 * d_i = 1 / (U(0) + q (1 - U(0))), lo_i the lesser and hi_i the greater of 1 and d_i,
 *
 *     lo_i s'_i <= s_i <= hi_i s'_i                                                       (2a)
 *
 * but for the roundings of s_i, s'_i, q and d_i, fewer than 32 in all: a relative 2^-47. They assume
 * k1 >= 0 and b from 0 to 1, as a sum of terms that are not negative loses no digits. As long as the
 * codes are current, q, lo_i and hi_i are 1 and (2a) is (2); if L is off by CODES_DRIFT, E grows.
 *
 * Let m be the number of terms that add to sums, W the sum of their weights and r = (65534 - m) / W
 * the units a score: what a code of term i adds is
 *
 *     a_i(c) = ceil(x),   x = fl(w_i min(U(c) hi_i, 1) r (1 + 2^-40))
 *
 * Its roundings and those of (2a) take less than 2^-45 from x, so x >= w_i s_i r, as s_i is at most
 * 1, and x <= w_i r (1 + 2^-39). The sum A of a document's a_i is therefore below
 * W r (1 + 2^-39) + m < 65535, it does not overflow, and
 *
 *     A >= r sum w_i s_i                                                                  (3)
 *
 * over the m terms. From the other side, ceil adds less than 1, and by (2a) U(c) hi_i - s_i is below
 * U(c) hi_i - U(c - 1) lo_i = U(c) (hi_i - lo_i) + (U(c) - U(c - 1)) lo_i. U(c) is at most U(255), lo_i
 * at most 1, and U(c) - U(c - 1) is the scale's step but for two roundings of numbers up to 2:
 *
 *     a_i(c) - w_i s_i r < w_i (step_i + U(255) (hi_i - lo_i)) r + 1 + 2^-22 =: e_i + 2^-22
 *
 * where 2^-22 > 65535 (2^-39 + 2^-45 + 2^-51) bounds what the roundings and 1 + 2^-40 did. With m < 2^15
 * these add up to less than 2^-7, so with E = ceil(sum e_i) + 1
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
 *     are c or more do for A_k = a_i(c) and E = e_i: that is where the threshold starts. Lost
 *     documents do not count: of k and as many postings as are lost with the term, k live. What is
 *     asked for behind the hit of rank j is among the j + k best, and j + k takes the place of k.
 *   - With a ceiling the k documents of a term's best codes may be above it, and prove nothing. A
 *     threshold from GUESS k of them is a guess: it holds if as many lie above the ceiling at most as
 *     GUESS leaves. Documents of lower sums are left for later. If in the end a threshold as high as
 *     the guess is proved, by the k documents that were found, there are none to be found among them;
 *     else a second pass takes those between the proved threshold and the guess.
 *   - A document with S <= t has A - E < r t (1 + 2^-30): an upper threshold of
 *     floor(r t (1 + 2^-30)) + E + 1 misses nothing up to t. One with A + R < floor(r t (1 - 2^-30))
 *     has S < t for certain, and only such documents may count for A_k when there is a ceiling t:
 *     the k of them are then k documents that are allowed.
 *
 * All this holds within one part, with its terms and its documents alone: what is among the k best of the
 * index is among the k best of its part. When the candidates of a part's end (or those of the way,
 * if they become too many: documents that tie) are scored, the k-th best score so far is a t for the
 * first rule, in this part and in all that follow. All decisions that remain, ceiling and floor and
 * ties by order, are made of doubles.
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

enum { UNITS = 65535, MOST_ADDED = 32767, CODES = 256, FREQUENT = 32, GUESS = 2 };

#define SPARE 0.2 /* measured: half of it saves less, twice as much brings too many candidates */

struct candidate {
	uint32_t place, sum;
};

/* A term that adds to the sums, on its way through the ranges. */
struct lane {
	uint32_t term; /* in the part at hand */
	double asked;  /* w_i */
	double error;  /* e_i */
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
	const struct bm25_request *r;
	struct bm25_scratch *s;
	struct hit *out; /* a heap of the best that are scored; its root is the worst */
	size_t kept, k;
	size_t reach;	/* the best of so many have all that is asked for; 0: not known */
	double ceiling; /* the lowest of the request's */

	/* of the part at hand */
	size_t number;
	const struct part *part;
	const struct segment *segment;
	const struct bm25_codes *codes;
	size_t n_lanes, n_pool, tighten_at;
	double rate;	      /* r: units a score */
	uint32_t error, rest; /* E, R */
	uint32_t low, high;   /* sums of candidates */
	uint32_t proved;      /* no sum below it is of use; low is this, or a guess */
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

static uint32_t minus(uint32_t a, uint32_t b)
{
	return a > b ? a - b : 0;
}

static bool allowed(const struct bm25_request *r, const struct hit *h, const uint32_t *order)
{
	return h->score > 0 && h->score < r->below && h->score <= r->at_most &&
	       h->score >= r->at_least && (!r->after || hit_before(r->after, h, order));
}

static void raise_low(struct scan *s, uint32_t units)
{
	units = minus(units, s->rest);
	s->proved = units > s->proved ? units : s->proved;
	s->low = units > s->low ? units : s->low;
}

/* By the k-th best score so far. */
static void raise_by_kept(struct scan *s)
{
	if (s->kept == s->k)
		raise_low(s, units_of(s, s->out[0].score, LESS));
}

/* Scores the pool and keeps the best of it. */
static void score_pool(struct scan *s)
{
	struct bm25_scratch *x = s->s;

	for (size_t i = 0; i < s->n_pool; i++)
		x->places[i] = x->pool[i].place;
	bm25_scores(s->b, s->number, s->r->query, x->places, s->n_pool, x->scores);
	for (size_t i = 0; i < s->n_pool; i++) {
		struct hit h = {s->segment->document[x->places[i]], x->scores[i]};
		if (allowed(s->r, &h, s->b->order))
			best_keep(s->out, &s->kept, s->k, h, s->b->order);
	}
	s->n_pool = 0;
	s->tighten_at = 2 * s->k + 64;
	raise_by_kept(s);
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

/* So many documents have all that is asked for: known, or a guess. */
static size_t best_of(const struct scan *s)
{
	return s->reach ? s->reach : GUESS * s->k;
}

/* A code that `best` living documents or more reach with this term; -1 when fewer have it. */
static int kth_code(const struct scan *s, uint32_t term, size_t best)
{
	size_t reach = best + part_lost_with(s->part, term);
	unsigned j = 0;

	while ((size_t)1 << j < reach)
		j++;
	return segment_frequency(s->segment, term) >> j
		       ? s->codes->best[s->codes->best_start[term] + j]
		       : -1;
}

/* Whether a term's postings would take longer to add up than a few more candidates take to score. */
static bool is_frequent(const struct scan *s, uint32_t term)
{
	return segment_frequency(s->segment, term) > s->segment->n / FREQUENT;
}

/* How much of a score frequent terms may bring together without adding to sums: a small part of what
 * one term alone gives k documents, or of the ceiling. */
static double spare(const struct scan *s)
{
	const struct bm25_query *q = s->r->query;
	double most = 0;

	for (size_t i = 0; i < q->n; i++) {
		uint32_t term = query_term(q, s->number, i);
		int code = term == NO_TERM ? -1 : kth_code(s, term, best_of(s));
		if (code < 0)
			continue;
		double score = q->weight[i] * code_value(s->codes->scale[term], (unsigned)code);
		most = score > most ? score : most;
	}
	return (most < s->ceiling ? most : s->ceiling) * SPARE;
}

/* Which terms add to sums, what these weigh together, and what the others do. */
static void choose_lanes(struct scan *s, double *all, double *rest)
{
	const struct bm25_query *q = s->r->query;
	double left = spare(s);

	s->n_lanes = 0;
	for (size_t i = 0; i < q->n; i++) {
		uint32_t term = query_term(q, s->number, i);
		double weight = q->weight[i];
		if (term == NO_TERM)
			continue;
		bool spared = weight <= left && is_frequent(s, term);
		if (spared)
			left -= weight;
		if (spared || s->n_lanes == MOST_ADDED) {
			*rest += weight;
		} else {
			*all += weight;
			s->s->lanes[s->n_lanes].term = term;
			s->s->lanes[s->n_lanes++].asked = weight;
		}
	}
}

/* d_i: how far the average length took the term's counts since they got their codes. */
static double drift_of(const struct scan *s, double lowest)
{
	double ratio = s->codes->average / s->b->average;

	return ratio == 1 ? 1 : 1 / (lowest + ratio * (1 - lowest));
}

/* What the codes of a term add, and by how much that may be too much. */
static void weigh_lane(struct scan *s, struct lane *l)
{
	const struct segment *g = s->segment;
	struct scale scale = s->codes->scale[l->term];
	double drift = drift_of(s, scale.base), high = drift > 1 ? drift : 1;
	double rate = l->asked * s->rate * (1 + 0x1p-40);

	l->chunk = g->chunks + g->chunk_start[l->term];
	l->end = g->chunks + g->chunk_start[l->term + 1];
	double width = scale.step + code_value(scale, CODES - 1) * fabs(drift - 1);
	l->error = l->asked * width * s->rate + 1;
	for (unsigned c = 0; c < CODES; c++) {
		double value = code_value(scale, c) * high;
		value = (value < 1 ? value : 1) * rate;
		uint32_t whole = (uint32_t)value;
		l->weight[c] = (uint16_t)(whole + (whole < value));
	}
}

/* What `best` documents reach because of one term: they have its best codes. */
static uint32_t seed(const struct scan *s, size_t best)
{
	uint32_t most = 0;

	for (size_t i = 0; i < s->n_lanes; i++) {
		const struct lane *l = &s->s->lanes[i];
		int code = kth_code(s, l->term, best);
		uint32_t units =
			code < 0 ? 0 : minus(l->weight[code], (uint32_t)ceil(l->error) + 1);
		most = units > most ? units : most;
	}
	return most;
}

/* Where the lower threshold starts. */
static void start_low(struct scan *s)
{
	s->low = s->proved = s->rest ? 0 : 1;
	raise_low(s, units_of(s, s->r->at_least, LESS));
	raise_by_kept(s);
	uint32_t units = seed(s, best_of(s));
	if (s->reach)
		raise_low(s, units);
	else if (minus(units, s->rest) > s->low)
		s->low = minus(units, s->rest);
}

/* False when no term is in the part. */
static bool weigh(struct scan *s)
{
	double all = 0, rest = 0, error = 0;

	choose_lanes(s, &all, &rest);
	if (!s->n_lanes)
		return false;
	s->rate = (double)(UNITS - 1 - s->n_lanes) / all;
	for (size_t i = 0; i < s->n_lanes; i++) {
		weigh_lane(s, &s->s->lanes[i]);
		error += s->s->lanes[i].error;
	}
	error = ceil(error) + 1;
	rest = rest > 0 ? ceil(rest * s->rate) + 1 : 0;
	s->error = error < UNITS ? (uint32_t)error : UNITS;
	s->rest = rest < UNITS ? (uint32_t)rest : UNITS;
	return true;
}

static void set_thresholds(struct scan *s)
{
	start_low(s);
	s->high = s->certain = UNITS;
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

/* The guess was too high: what lies below it is searched too. */
static enum code scan_below(struct scan *s, uint32_t guess, struct error *e)
{
	s->low = s->proved;
	s->high = s->high < guess - 1 ? s->high : guess - 1;
	for (size_t i = 0; i < s->n_lanes; i++)
		s->s->lanes[i].chunk =
			s->segment->chunks + s->segment->chunk_start[s->s->lanes[i].term];
	return scan_ranges(s, e);
}

static enum code scan_part(struct scan *s, size_t number, struct error *e)
{
	s->number = number;
	s->part = &s->b->parts[number];
	s->segment = s->part->segment;
	s->codes = s->part->codes;
	s->n_pool = 0;
	s->tighten_at = 2 * s->k + 64;
	if (!weigh(s))
		return OK;
	set_thresholds(s);
	uint32_t from = s->low;
	if (scan_ranges(s, e))
		return e->code;
	return s->proved < from ? scan_below(s, from, e) : OK;
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
	for (size_t i = 0; i < b->n_parts; i++)
		if (scan_part(&s, i, e))
			return e->code;
	best_sort(out, s.kept, b->order);
	*found = s.kept;
	return OK;
}
