#include "tests/bench/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/bench.h"
#include "tests/bench/words.h"

enum {
	LEAST_WORDS = 20,
	MORE_WORDS = 64,
	WORDS = 200000, /* of the vocabulary, by falling frequency */
	TOPICS = 2000,
	TOPIC_WORDS = 500,
	STOP_WORDS = 1000
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint32_t below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(next_random(state) % n);
}

/* Sums of 1 / rank. */
static double *zipf(uint32_t n)
{
	double *sum = must_allocate(n, sizeof *sum), so_far = 0;

	for (uint32_t i = 0; i < n; i++)
		sum[i] = so_far += 1.0 / (i + 1);
	return sum;
}

static uint32_t draw(const double *sum, uint32_t n, uint64_t *state)
{
	double x = (double)(next_random(state) >> 11) * 0x1p-53 * sum[n - 1];
	uint32_t low = 0, high = n - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (sum[middle] <= x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void make_documents(struct text *d, uint64_t *state)
{
	static uint32_t topics[TOPICS][TOPIC_WORDS];
	double *all = zipf(WORDS), *few = zipf(TOPIC_WORDS);
	size_t n = 0;

	for (int t = 0; t < TOPICS; t++)
		for (int i = 0; i < TOPIC_WORDS; i++)
			topics[t][i] = STOP_WORDS + below(state, WORDS - STOP_WORDS);
	for (size_t i = 0; i < d->n; i++) {
		uint32_t topic = below(state, TOPICS),
			 length = LEAST_WORDS + below(state, MORE_WORDS);
		for (uint32_t w = 0; w < length; w++)
			d->words[n++] = next_random(state) & 1
						? draw(all, WORDS, state)
						: topics[topic][draw(few, TOPIC_WORDS, state)];
		d->start[i + 1] = n;
	}
	free(all);
	free(few);
}

static bool has(const uint32_t *words, int n, uint32_t word)
{
	for (int i = 0; i < n; i++)
		if (words[i] == word)
			return true;
	return false;
}

/* Six different words of a document, or as many as chance finds. */
static int try_query(const struct text *d, uint32_t least, uint32_t *query, uint64_t *state)
{
	size_t document = below(state, d->n), first = d->start[document];
	uint32_t length = (uint32_t)(d->start[document + 1] - first);
	int n = 0;

	for (int tries = 0; tries < 100 && n < QUERY_WORDS; tries++) {
		uint32_t word = d->words[first + below(state, length)];
		if (word >= least && !has(query, n, word))
			query[n++] = word;
	}
	return n;
}

static void write_words(const struct bench *b, struct text *d)
{
	size_t start[SETS * TEXT_QUERIES + 1];
	struct words documents = {d->words, d->start, d->n};
	struct words queries = {d->queries[0][0], start, SETS * TEXT_QUERIES};

	for (size_t i = 0; i <= queries.n; i++)
		start[i] = i * QUERY_WORDS;
	words_write(b->dir, &documents, &queries);
}

struct text *text_new(const struct bench *b)
{
	struct text *d = must_allocate(1, sizeof *d);
	uint64_t state = 7;

	d->n = b->rows;
	d->words = must_allocate((size_t)d->n * (LEAST_WORDS + MORE_WORDS), sizeof *d->words);
	d->start = must_allocate((size_t)d->n + 1, sizeof *d->start);
	make_documents(d, &state);
	for (int set = 0; set < SETS; set++)
		for (int q = 0; q < TEXT_QUERIES; q++)
			while (try_query(d, set ? STOP_WORDS : 0, d->queries[set][q], &state) <
				QUERY_WORDS)
				;
	write_words(b, d);
	return d;
}

void text_free(struct text *d)
{
	free(d->words);
	free(d->start);
	free(d);
}

void text_spell(char *out, const uint32_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out += sprintf(out, "w%" PRIu32 " ", words[i]);
	*out = 0;
}
