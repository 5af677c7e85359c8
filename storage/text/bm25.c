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

static void look_up(const struct bm25 *b, const struct tally *t, struct bm25_query *q)
{
	for (uint32_t word = 0; word < t->words.n; word++) {
		size_t length;
		const char *bytes = terms_get(&t->words, word, &length);
		uint32_t term = terms_find(&b->whole->terms, bytes, length);
		if (term == NO_TERM)
			continue;
		double idf = bm25_idf(b, (double)segment_frequency(b->whole, term));
		q->terms[q->n++] = (struct query_term){term, t->count[word] * idf};
	}
}

static struct bm25_query *make_query(const struct bm25 *b, struct tokens *tokens)
{
	struct tally t = {0};
	struct bm25_query *q = array_new(1, sizeof *q);
	bool counted = q && count_words(&t, tokens);

	if (counted && (q->terms = array_new(t.words.n, sizeof *q->terms))) {
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
	free(q->terms);
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

static void add_one(const struct bm25 *b, const struct query_term *t, uint32_t place, uint32_t tf,
	double *score)
{
	*score += t->weight * bm25_saturated(tf, bm25_norm_of(b, b->whole->length[place]));
}

static void add_frequent(const struct bm25 *b, const struct query_term *t, const uint32_t *places,
	size_t n, double *scores)
{
	struct walk w = walk_begin(b->whole, t->term);

	for (size_t i = 0; i < n; i++) {
		uint32_t tf = walk_to(&w, places[i]);
		if (tf)
			add_one(b, t, places[i], tf, &scores[i]);
	}
}

/* Of a term in few documents, these are looked up among the places. */
static void add_rare(const struct bm25 *b, const struct query_term *t, const uint32_t *places,
	size_t n, double *scores)
{
	const struct segment *s = b->whole;
	size_t start = s->posting_start[t->term], frequency = segment_frequency(s, t->term), at = 0;
	const struct chunk *c = s->chunks + s->chunk_start[t->term],
			   *end = s->chunks + s->chunk_start[t->term + 1];

	for (size_t i = 0; i < frequency; i++) {
		if (c + 1 < end && c[1].first == i)
			c++;
		uint32_t place = c->range * RANGE + s->place[start + i];
		at += first_reaching(places + at, n - at, place);
		if (at == n)
			break;
		uint32_t tf = s->tf[start + i];
		if (places[at] == place)
			add_one(b, t, place,
				tf < MANY ? tf : segment_occurrences(s, t->term, place),
				&scores[at]);
	}
}

enum { RARE = 16 };

void bm25_scores(const struct bm25 *b, const struct bm25_query *q, const uint32_t *places, size_t n,
	double *scores)
{
	for (size_t i = 0; i < n; i++)
		scores[i] = 0;
	for (size_t t = 0; t < q->n; t++) {
		bool rare = segment_frequency(b->whole, q->terms[t].term) * RARE < n;
		(rare ? add_rare : add_frequent)(b, &q->terms[t], places, n, scores);
	}
}

double bm25_score(const struct bm25 *b, const struct bm25_query *q, uint32_t document)
{
	double score;

	bm25_scores(b, q, &document, 1, &score);
	return score;
}
