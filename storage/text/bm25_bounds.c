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
 *     threshold from some more of them is a guess: it holds if no more than these lie above the
 *     ceiling. Documents of lower sums are left for later. If in the end a threshold as high as the
 *     guess is proved, by the k documents that were found, there are none to be found among them;
 *     else another pass takes those below the guess, down to one that is made from many more
 *     documents, and so on, until a guess is no higher than what is proved.
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

/* a_i(c), of `value` = U(c) hi_i. */
static inline uint16_t whole_units(double value, double rate)
{
	double units = (value < 1 ? value : 1) * rate;
	int32_t whole = (int32_t)units;

	return (uint16_t)(whole + (whole < units));
}

/* Of a term in few documents, only the codes that these have: a part of many takes its time for this. */
static void weigh_codes(const struct scan *s, struct lane *l, double high, double rate)
{
	struct scale scale = s->codes->scale[l->term];
	const uint8_t *code = s->codes->code + s->segment->posting_start[l->term];
	size_t n = segment_frequency(s->segment, l->term);

	if (n < FEW)
		for (size_t i = 0; i < n; i++)
			l->weight[code[i]] = whole_units(code_value(scale, code[i]) * high, rate);
	else
		for (unsigned c = 0; c < CODES; c++)
			l->weight[c] = whole_units(code_value(scale, c) * high, rate);
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
	weigh_codes(s, l, high, rate);
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

/* False when no term is in the part. */
bool bounds_weigh(struct scan *s)
{
	double all = 0, rest = 0, error = 0;

	s->guess = s->k + s->k / 4 + 1; /* measured: few lie above a ceiling, most often */
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

/* Puts the lower threshold where the guess has it, or what is proved if that is no lower. */
static void guess_low(struct scan *s)
{
	uint32_t units = minus(seed(s, s->guess), s->rest);

	s->low = units > s->proved ? units : s->proved;
}

/* Where the lower threshold starts. */
static void start_low(struct scan *s)
{
	s->low = s->proved = s->rest ? 0 : 1;
	bounds_raise(s, units_of(s, s->r->at_least, LESS));
	bounds_raise_by_kept(s);
	if (s->reach)
		bounds_raise(s, seed(s, s->reach));
	else
		guess_low(s);
}

void bounds_guess_lower(struct scan *s, uint32_t before)
{
	s->high = s->high < before - 1 ? s->high : before - 1;
	s->guess *= GUESS_MORE;
	guess_low(s);
}

void bounds_start(struct scan *s)
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
