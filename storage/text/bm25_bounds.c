/*
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
 * Let m be the number of terms that add to sums, the same in all parts, W the sum of their weights and
 * r = (65534 - m) / W the units a score: what a code of term i adds is
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
 * also when the document lacks some of the terms: these add nothing to either side. W and r are those of
 * the whole index, so that sums of all parts compare; e_i is each part's own, as scales are, and E the
 * greatest of the parts that were entered so far, of which (4) is all the more true.
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
 *     A_k - E - 1 - R misses nothing of the k best, ties included.
 *   - k documents whose s_i is x or more, of one term, have scores of w_i x (1 - 2^-32) or more, whatever
 *     other terms add: a t for the first rule, and that is where the threshold starts (bm25_seed.c). What
 *     is asked for behind the hit of rank j is among the j + k best, and j + k takes the place of k.
 *   - With a ceiling the k documents of a term's best counts may be above it, and prove nothing. A
 *     threshold from some more of them is a guess: it holds if no more than these lie above the
 *     ceiling. Documents of lower sums are left for later. If in the end a threshold as high as the
 *     guess is proved, by the k documents that were found, there are none to be found among them;
 *     else another pass takes those below the guess, down to one that is made from many more
 *     documents, and so on, until a guess is no higher than what is proved. No pass is broken off because
 *     it finds little at first: matches may lie together, so it proves nothing.
 *   - A document with S <= t has A - E < r t (1 + 2^-30): an upper threshold of
 *     floor(r t (1 + 2^-30)) + E + 1 misses nothing up to t. One with A + R < floor(r t (1 - 2^-30))
 *     has S < t for certain, and only such documents may count for A_k when there is a ceiling t:
 *     the k of them are then k documents that are allowed.
 *
 * All this holds of sums of any parts together. When the candidates of all parts (or those of the way,
 * if they become too many: documents that tie) are scored, the k-th best score so far is a t for the
 * first rule. All decisions that remain, ceiling and floor and ties by order, are made of doubles.
 */
#include "storage/text/bm25_scan.h"

enum { MOST_ADDED = 32767, FREQUENT = 32, GUESS_MORE = 4, FEW = 64 };

#define SPARE 0.2 /* measured: half of it saves less, twice as much brings too many candidates */

/* A score in units, a little less or a little more, within what sums can be. */
static uint32_t units_of(const struct scan *s, double score, double margin)
{
	double units = score * s->rate * (1 + margin);

	return units >= UNITS ? UNITS : units > 0 ? (uint32_t)units : 0;
}

#define LESS (-0x1p-30)
#define MORE 0x1p-30

void bounds_raise(struct scan *s, uint32_t units)
{
	units = minus(units, s->rest);
	s->proved = units > s->proved ? units : s->proved;
	s->low = units > s->low ? units : s->low;
}

/* By the k-th best score so far. */
void bounds_raise_by_kept(struct scan *s)
{
	if (s->kept == s->k)
		bounds_raise(s, units_of(s, s->out[0].score, LESS));
}

/* So many documents have all that is asked for: known, or a guess. */
static size_t best_of(const struct scan *s)
{
	return s->reach ? s->reach : s->guess;
}

/* Whether a term's postings would take longer to add up than a few more candidates take to score. */
static bool is_frequent(const struct scan *s, size_t i)
{
	return s->r->query->frequency[i] > s->b->n / FREQUENT;
}

/* Which terms add to sums, what these weigh together, and what the others do. Frequent ones may bring so
 * much of a score without adding to sums: a small part of what one term alone gives k documents, or of the
 * ceiling. */
static void choose_lanes(struct scan *s, double seed, double *all, double *rest)
{
	const struct bm25_query *q = s->r->query;
	double left = (seed < s->ceiling ? seed : s->ceiling) * SPARE;

	for (size_t i = 0; i < q->n; i++) {
		double weight = q->weight[i];
		bool spared = weight <= left && is_frequent(s, i);
		if (spared)
			left -= weight;
		if (spared || s->n_lanes == MOST_ADDED) {
			*rest += weight;
		} else {
			*all += weight;
			s->s->lanes[s->n_lanes].number = i;
			s->s->lanes[s->n_lanes++].asked = weight;
		}
	}
}

/* Of a term in few documents, only the codes that these have: a part of many takes its time for this. */
static void weigh_codes(const struct scan *s, struct lane *l, double high, double rate)
{
	struct scale scale = s->codes->scale[l->term];
	size_t start = s->segment->posting_start[l->term];
	const uint8_t *code = s->codes->code + start;
	size_t n = segment_frequency(s->segment, l->term);

	__builtin_prefetch(code); /* for bm25_add */
	__builtin_prefetch(s->segment->place + start);
	if (n >= FEW) {
		bm25_weigh weigh = bm25_weigh_for(isa_now());
		weigh(l->weight, (double)scale.base, (double)scale.step, high, rate);
		return;
	}
	for (size_t i = 0; i < n; i++)
		l->weight[code[i]] = bm25_units(code_value(scale, code[i]) * high, rate);
}

/* What the codes of a term add in the part at hand; returns by how much that may be too much. */
static double weigh_lane(struct scan *s, struct lane *l)
{
	const struct segment *g = s->segment;

	l->term = query_term(s->r->query, s->number, l->number);
	l->chunk = l->end = NULL;
	if (l->term == NO_TERM)
		return 0;
	struct scale scale = s->codes->scale[l->term];
	double drift = codes_drift(s->codes, s->b->average, scale.base),
	       high = drift > 1 ? drift : 1;
	l->chunk = g->chunks + g->chunk_start[l->term];
	l->end = g->chunks + g->chunk_start[l->term + 1];
	weigh_codes(s, l, high, l->asked * s->rate * (1 + 0x1p-40));
	double width = scale.step + code_value(scale, CODES - 1) * fabs(drift - 1);
	return l->asked * width * s->rate + 1;
}

/* A guess holds where nothing is known; it is no lower than what is proved. */
static void start_low(struct scan *s, double seed)
{
	s->low = s->proved = s->rest ? 0 : 1;
	bounds_raise(s, units_of(s, s->r->at_least, LESS));
	uint32_t units = minus(units_of(s, seed, LESS), s->rest);
	s->low = units > s->low ? units : s->low;
	if (s->reach)
		s->proved = s->low;
}

void bounds_guess_lower(struct scan *s, uint32_t done)
{
	s->not_above = s->not_above < done - 1 ? s->not_above : done - 1;
	s->guess *= GUESS_MORE;
	uint32_t units = minus(units_of(s, seed_score(s, s->guess), LESS), s->rest);
	s->low = units > s->proved ? units : s->proved;
}

void bounds_start(struct scan *s)
{
	double all = 0, rest = 0;

	s->guess = s->k + s->k / 4 + 1; /* measured: few lie above a ceiling, most often */
	double seed = seed_score(s, best_of(s));
	choose_lanes(s, seed, &all, &rest);
	s->rate = (double)(UNITS - 1 - s->n_lanes) / all;
	rest = rest > 0 ? ceil(rest * s->rate) + 1 : 0;
	s->rest = rest < UNITS ? (uint32_t)rest : UNITS;
	s->not_above = UNITS;
	s->tighten_at = 2 * s->k + 64;
	s->certain =
		s->ceiling == INFINITY ? UNITS + 1 : minus(units_of(s, s->ceiling, LESS), s->rest);
	start_low(s, seed);
}

bool bounds_enter(struct scan *s)
{
	double error = 0;

	for (size_t i = 0; i < s->n_lanes; i++)
		error += weigh_lane(s, &s->s->lanes[i]);
	if (!error && s->low)
		return false;
	error = ceil(error) + 1;
	uint32_t units = error < UNITS ? (uint32_t)error : UNITS;
	s->error = units > s->error ? units : s->error;
	s->high = s->not_above;
	if (s->ceiling < INFINITY) {
		uint32_t most = units_of(s, s->ceiling, MORE) + s->error + 1;
		s->high = most < s->high ? most : s->high;
	}
	return true;
}
