/* Queries, and the exact scores of given documents. */
#include "storage/text/bm25.h"

#include <stdlib.h>

#include "storage/text/array.h"
#include "storage/text/bm25_matrix.h"
#include "storage/text/tokens.h"

/* A query's tokens by number of first arrival, and how often each comes. */
struct tally {
	struct terms words;
	uint32_t *count;
	size_t cap;
};

static bool count_words(struct tally *t, struct tokens *tokens)
{
	size_t length;

	for (const char *token; (token = tokens_next(tokens, &length));) {
		uint32_t before = t->words.n, word = terms_add(&t->words, token, length);
		if (word == NO_TERM ||
			!array_grow(&t->count, &t->cap, t->words.n, sizeof *t->count))
			return false;
		t->count[word] = (word < before ? t->count[word] : 0) + 1;
	}
	return !tokens->failed;
}

/* The term's numbers in n parts, up to TERMS_EACH; what a search reads of it first is on its way. */
static void find_in(
	const struct part *parts, size_t n, const char *bytes, size_t length, uint32_t *numbers)
{
	const struct terms *terms[TERMS_EACH];

	for (size_t i = 0; i < n; i++)
		terms[i] = &parts[i].segment->terms;
	terms_find_each(terms, n, bytes, length, numbers);
	for (size_t i = 0; i < n; i++) {
		if (numbers[i] == NO_TERM)
			continue;
		__builtin_prefetch(&parts[i].segment->posting_start[numbers[i]]);
		__builtin_prefetch(&parts[i].segment->chunk_start[numbers[i]]);
		__builtin_prefetch(&parts[i].codes->scale[numbers[i]]);
		__builtin_prefetch(&parts[i].codes->best_start[numbers[i]]);
	}
}

/* The term's numbers in all parts, and how many documents that live have it. */
static uint64_t find_term(
	const struct bm25 *b, const char *bytes, size_t length, size_t words, uint32_t *numbers)
{
	uint32_t found[TERMS_EACH];
	uint64_t frequency = 0;

	for (size_t p = 0; p < b->n_parts; p++) {
		size_t i = p % TERMS_EACH, left = b->n_parts - p;
		const struct part *part = &b->parts[p];
		if (!i)
			find_in(part, left < TERMS_EACH ? left : TERMS_EACH, bytes, length, found);
		uint32_t term = found[i];
		if (term != NO_TERM && !segment_frequency(part->segment, term))
			term = NO_TERM;
		numbers[p * words] = term;
		if (term != NO_TERM)
			frequency +=
				segment_frequency(part->segment, term) - part_lost_with(part, term);
	}
	return frequency;
}

/* Known terms alone, in the order of the text. */
static void look_up(const struct bm25 *b, const struct tally *t, struct bm25_query *q)
{
	for (uint32_t word = 0; word < t->words.n; word++) {
		size_t length;
		const char *bytes = terms_get(&t->words, word, &length);
		uint64_t frequency = find_term(b, bytes, length, t->words.n, q->term + q->n);
		if (!frequency)
			continue;
		q->frequency[q->n] = frequency;
		q->weight[q->n++] = t->count[word] * bm25_idf(b, (double)frequency);
	}
	q->stride = t->words.n;
}

static struct bm25_query *make_query(const struct bm25 *b, struct tokens *tokens)
{
	struct tally t = {0};
	struct bm25_query *q = array_new(1, sizeof *q);
	bool counted = q && count_words(&t, tokens);

	if (counted) {
		q->weight = array_new(t.words.n, sizeof *q->weight);
		q->frequency = array_new(t.words.n, sizeof *q->frequency);
		q->term = array_new(t.words.n * b->n_parts, sizeof *q->term);
	}
	if (counted && q->weight && q->frequency && q->term) {
		look_up(b, &t, q);
	} else {
		bm25_query_free(q);
		q = NULL;
	}
	terms_free(&t.words);
	free(t.count);
	return q;
}

struct bm25_query *bm25_query(const struct bm25 *b, const char *text)
{
	struct tokens tokens;
	struct error e;

	if (tokens_open(&tokens, b->stemmer, &e))
		return NULL;
	tokens_start(&tokens, text);
	struct bm25_query *q = make_query(b, &tokens);
	tokens_close(&tokens);
	return q;
}

void bm25_query_free(struct bm25_query *q)
{
	if (!q)
		return;
	free(q->weight);
	free(q->frequency);
	free(q->term);
	free(q);
}

/* The first of n rising places that is not below `place`; n when all are. */
static size_t first_from(const uint16_t *places, size_t n, uint16_t place)
{
	const uint16_t *at = places;

	if (!n)
		return 0;
	for (size_t half; n > 1; n -= half) {
		half = n / 2;
		at += at[half - 1] < place ? half : 0;
	}
	return (size_t)(at - places) + (*at < place);
}

/* A walk over one term's postings in step with rising documents. */
struct walk {
	const struct segment *segment;
	uint32_t term;
	const struct chunk *chunk, *end;
	size_t start, frequency, at; /* at: within the term's postings */
};

static struct walk walk_begin(const struct segment *s, uint32_t term)
{
	return (struct walk){s, term, s->chunks + s->chunk_start[term],
		s->chunks + s->chunk_start[term + 1], s->posting_start[term],
		segment_frequency(s, term), 0};
}

/* How often the term is in the document. */
static uint32_t walk_to(struct walk *w, uint32_t document)
{
	const struct segment *s = w->segment;

	for (; w->chunk < w->end && w->chunk->range < document / RANGE; w->chunk++)
		;
	if (w->chunk == w->end || w->chunk->range != document / RANGE)
		return 0;
	size_t end = w->chunk + 1 < w->end ? w->chunk[1].first : w->frequency;
	w->at = w->at > w->chunk->first ? w->at : w->chunk->first;
	uint16_t place = (uint16_t)(document % RANGE);
	w->at += first_from(s->place + w->start + w->at, end - w->at, place);
	if (w->at == end || s->place[w->start + w->at] != place)
		return 0;
	uint32_t tf = s->tf[w->start + w->at];
	return tf < MANY ? tf : segment_occurrences(s, w->term, document);
}

/* The first of n rising places that is not below `place`; n when all are. */
static size_t first_reaching(const uint32_t *places, size_t n, uint32_t place)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (places[middle] < place)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A term of a query in one part. */
struct addend {
	const struct bm25 *b;
	const struct segment *segment;
	uint32_t term;
	double weight;
};

static void add_one(const struct addend *a, uint32_t place, uint32_t tf, double *score)
{
	double norm = bm25_norm_of(a->b, a->segment->length[place]);

	*score += a->weight * bm25_saturated(tf, norm);
}

static void add_frequent(const struct addend *a, const uint32_t *places, size_t n, double *scores)
{
	struct walk w = walk_begin(a->segment, a->term);

	for (size_t i = 0; i < n; i++) {
		uint32_t tf = walk_to(&w, places[i]);
		if (tf)
			add_one(a, places[i], tf, &scores[i]);
	}
}

/* Of a term in few documents, these are looked up among the places. */
static void add_rare(const struct addend *a, const uint32_t *places, size_t n, double *scores)
{
	const struct segment *s = a->segment;
	size_t start = s->posting_start[a->term], frequency = segment_frequency(s, a->term), at = 0;
	const struct chunk *c = s->chunks + s->chunk_start[a->term],
			   *end = s->chunks + s->chunk_start[a->term + 1];

	for (size_t i = 0; i < frequency; i++) {
		if (c + 1 < end && c[1].first == i)
			c++;
		uint32_t place = c->range * RANGE + s->place[start + i];
		at += first_reaching(places + at, n - at, place);
		if (at == n)
			break;
		uint32_t tf = s->tf[start + i];
		if (places[at] == place)
			add_one(a, place, tf < MANY ? tf : segment_occurrences(s, a->term, place),
				&scores[at]);
	}
}

enum { RARE = 16 };

void bm25_scores(const struct bm25 *b, size_t part, const struct bm25_query *q,
	const uint32_t *places, size_t n, double *scores)
{
	struct addend a = {.b = b, .segment = b->parts[part].segment};

	for (size_t i = 0; i < n; i++)
		scores[i] = 0;
	for (size_t t = 0; t < q->n; t++) {
		a.term = query_term(q, part, t);
		a.weight = q->weight[t];
		if (a.term == NO_TERM)
			continue;
		bool rare = segment_frequency(a.segment, a.term) * RARE < n;
		(rare ? add_rare : add_frequent)(&a, places, n, scores);
	}
}

double bm25_score(const struct bm25 *b, const struct bm25_query *q, uint32_t document)
{
	double score = 0;

	for (size_t p = 0; p < b->n_parts; p++) {
		uint32_t place = segment_place(b->parts[p].segment, document);
		if (place != NO_PLACE && !part_lost(&b->parts[p], place)) {
			bm25_scores(b, p, q, &place, 1, &score);
			break;
		}
	}
	return score;
}

bool bm25_at_once(const struct bm25 *b)
{
	return b->at_once;
}
