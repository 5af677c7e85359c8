/*
 * Where the threshold of a search starts: a score that many documents have by one term alone. Each part
 * knows of a term which code 2^j of its postings or more reach (bm25_codes.h), so which value: by (2) and
 * (2a) of bm25_bounds.c a posting of code c is worth more than lo U(c - 1), or as much as lo U(0). Of the
 * values of the part with most of the term the highest is taken that enough documents reach in all parts
 * together, without those that are lost.
 */
#include "storage/text/bm25_scan.h"

/* A term in one part. */
struct ladder {
	const uint8_t *best;
	struct scale scale;
	double low; /* lo */
	size_t postings;
	uint32_t lost;
};

static struct ladder ladder_of(const struct scan *s, size_t part, uint32_t term)
{
	const struct part *p = &s->b->parts[part];
	const struct bm25_codes *c = p->codes;
	struct ladder l = {c->best + c->best_start[term], c->scale[term], 1,
		segment_frequency(p->segment, term), part_lost_with(p, term)};
	double drift = codes_drift(c, s->b->average, l.scale.base);

	l.low = drift < 1 ? drift : 1;
	return l;
}

/* What 2^j postings are worth, or more. */
static double worth(const struct ladder *l, unsigned j)
{
	unsigned code = l->best[j];

	return code_value(l->scale, code ? code - 1 : 0) * l->low;
}

/* So many documents that live reach the value, at least. */
static size_t reaching(const struct ladder *l, double value)
{
	size_t n = 0;

	for (unsigned j = 0; l->postings >> j && worth(l, j) >= value; j++)
		n = (size_t)1 << j;
	return n > l->lost ? n - l->lost : 0;
}

static bool enough_reach(const struct scan *s, size_t term, double value, size_t best)
{
	size_t n = 0;

	for (size_t p = 0; p < s->b->n_parts && n < best; p++) {
		uint32_t here = query_term(s->r->query, p, term);
		if (here == NO_TERM)
			continue;
		struct ladder l = ladder_of(s, p, here);
		n += reaching(&l, value);
	}
	return n >= best;
}

/* In the part with most postings of the term. */
static struct ladder longest(const struct scan *s, size_t term)
{
	struct ladder most = {.postings = 0};

	for (size_t p = 0; p < s->b->n_parts; p++) {
		uint32_t here = query_term(s->r->query, p, term);
		if (here != NO_TERM &&
			segment_frequency(s->b->parts[p].segment, here) > most.postings)
			most = ladder_of(s, p, here);
	}
	return most;
}

/* The value that `best` documents or more reach. */
static double reached(const struct scan *s, size_t term, size_t best)
{
	struct ladder l = longest(s, term);
	unsigned low = 0, high = 0; /* low: too few; high: enough, or the ladder's end */

	while (l.postings >> high)
		high++;
	unsigned end = high;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		if (enough_reach(s, term, worth(&l, middle), best))
			high = middle;
		else
			low = middle + 1;
	}
	return high < end ? worth(&l, high) : 0;
}

double seed_score(const struct scan *s, size_t best)
{
	const struct bm25_query *q = s->r->query;
	double most = 0;

	for (size_t i = 0; i < q->n; i++) {
		if (q->frequency[i] < best || q->weight[i] <= most)
			continue;
		double score = q->weight[i] * reached(s, i, best);
		most = score > most ? score : most;
	}
	return most;
}
