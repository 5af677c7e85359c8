#include "tests/storage/text/bm25_truth.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct error err;
static uint64_t state;

void text_seed(uint64_t seed)
{
	state = seed;
}

uint32_t text_below(uint32_t n)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) % n);
}

struct text text_new(uint32_t n, uint32_t vocabulary)
{
	struct text t = {.n = n, .vocabulary = vocabulary, .k1 = 0.9, .b = 0.4};

	t.start = calloc(n + 1, sizeof *t.start);
	t.order = calloc(n + 1, sizeof *t.order);
	return t;
}

void text_free(struct text *t)
{
	bm25_free(t->index);
	free(t->words);
	free(t->start);
	free(t->order);
}

void text_put(struct text *t, uint32_t d, const uint32_t *words, size_t length)
{
	if (t->n_words + length >= t->cap) {
		t->cap = 2 * (t->n_words + length + 8);
		t->words = realloc(t->words, t->cap * sizeof *t->words);
	}
	if (length)
		memcpy(t->words + t->n_words, words, length * sizeof *words);
	t->n_words += length;
	t->start[d + 1] = t->n_words;
}

char *text_spelled(const uint32_t *words, size_t n)
{
	char *text = malloc(n * 8 + 1), *p = text;

	for (size_t i = 0; i < n; i++)
		p += sprintf(p, "w%" PRIu32 " ", words[i]);
	*p = 0;
	return text;
}

void text_shuffle(struct text *t)
{
	for (uint32_t d = 0; d < t->n; d++)
		t->order[d] = d;
	for (uint32_t d = t->n; d > 1; d--) {
		uint32_t other = text_below(d), swap = t->order[d - 1];
		t->order[d - 1] = t->order[other];
		t->order[other] = swap;
	}
}

void text_build(struct text *t)
{
	struct bm25_options options = {t->k1, t->b, NULL};
	struct bm25_builder *builder = bm25_builder_new(&options);

	for (uint32_t d = 0; d < t->n; d++) {
		char *text = text_spelled(t->words + t->start[d], t->start[d + 1] - t->start[d]);
		ck_ok(bm25_builder_add(builder, NULL, text, &err), &err);
		free(text);
	}
	text_shuffle(t);
	ck_ok(bm25_build(builder, t->order, &t->index, &err), &err);
}

void text_fill(struct text *t, uint32_t longest)
{
	uint32_t words[512];

	for (uint32_t d = 0; d < t->n; d++) {
		uint32_t kind = text_below(40), length = kind == 0 ? 0 : 1 + text_below(longest);
		if (kind == 1 && d > 0) {
			uint32_t o = text_below(d), copy[512];
			size_t n = t->start[o + 1] - t->start[o];
			memcpy(copy, t->words + t->start[o], n * sizeof *copy);
			text_put(t, d, copy, n);
			continue;
		}
		for (uint32_t i = 0; i < length; i++) {
			uint32_t a = text_below(t->vocabulary), b = text_below(t->vocabulary);
			words[i] = a < b ? a : b;
		}
		if (kind == 2)
			for (length = 400; length-- > 0;)
				words[length] = words[0];
		text_put(t, d, words, kind == 2 ? 400 : length);
	}
}

static double average_length(const struct text *t)
{
	uint32_t filled = 0;

	for (uint32_t d = 0; d < t->n; d++)
		filled += t->start[d + 1] > t->start[d];
	return filled ? (double)t->n_words / filled : 1;
}

static uint32_t count(const struct text *t, uint32_t d, uint32_t word)
{
	uint32_t n = 0;

	for (size_t i = t->start[d]; i < t->start[d + 1]; i++)
		n += t->words[i] == word;
	return n;
}

static void add_word(const struct text *t, uint32_t word, uint32_t times, double *scores)
{
	uint32_t *tf = malloc((t->n + 1) * sizeof *tf), df = 0, filled = 0;
	double average = average_length(t);

	for (uint32_t d = 0; d < t->n; d++) {
		df += (tf[d] = count(t, d, word)) > 0;
		filled += t->start[d + 1] > t->start[d];
	}
	double idf = log(1 + (filled - (double)df + 0.5) / ((double)df + 0.5));
	for (uint32_t d = 0; d < t->n; d++) {
		double length = (double)(t->start[d + 1] - t->start[d]);
		double norm = t->k1 * (1 - t->b + t->b * length / average);
		if (tf[d])
			scores[d] += times * idf * (tf[d] / (tf[d] + norm));
	}
	free(tf);
}

static const uint32_t *sorting;

static int best_first(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return sorting[x->document] < sorting[y->document] ? -1 : 1;
}

void truth_sort(struct truth *all, const uint32_t *order)
{
	sorting = order;
	if (all->n)
		qsort(all->hits, all->n, sizeof *all->hits, best_first);
}

struct truth truth_of(const struct text *t, const struct question *q)
{
	double *scores = calloc(t->n + 1, sizeof *scores);
	struct truth all = {calloc(t->n + 1, sizeof *all.hits), 0};

	for (size_t i = 0; i < q->n; i++) {
		uint32_t times = 0, before = 0;
		for (size_t j = 0; j < q->n; j++) {
			times += q->words[j] == q->words[i];
			before += j < i && q->words[j] == q->words[i];
		}
		if (!before)
			add_word(t, q->words[i], times, scores);
	}
	for (uint32_t d = 0; d < t->n; d++)
		if (scores[d] > 0)
			all.hits[all.n++] = (struct hit){d, scores[d]};
	truth_sort(&all, t->order);
	free(scores);
	return all;
}

struct question question_new(const struct text *t)
{
	struct question q = {.n = 1 + text_below(8)};

	for (size_t i = 0; i < q.n; i++) /* a word that nobody says among them */
		q.words[i] = i && !text_below(6) ? q.words[i - 1] : text_below(t->vocabulary + 1);
	return q;
}

static bool same(const struct hit *a, const struct hit *b)
{
	return a->document == b->document && a->score == b->score;
}

void ck_answer(const struct text *t, const struct truth *all, struct bm25_request r,
	struct bm25_scratch *scratch)
{
	struct hit *hits = calloc(r.k + 1, sizeof *hits);
	size_t found, want = 0;
	bool behind = !r.after;

	ck_ok(bm25_search(t->index, &r, scratch, hits, &found, &err), &err);
	for (size_t i = 0; i < all->n && want < r.k; i++) {
		const struct hit *h = &all->hits[i];
		if (behind && h->score < r.below && h->score <= r.at_most &&
			h->score >= r.at_least) {
			if (want >= found || !same(&hits[want], h))
				ck_abort_msg("hit %zu of %zu is not %u with %.17g", want, found,
					h->document, h->score);
			want++;
		}
		behind = behind || h->document == r.after->document;
	}
	ck_assert_uint_eq(found, want);
	free(hits);
}

static void ck_pages(const struct text *t, const struct truth *all, struct bm25_request r,
	struct bm25_scratch *scratch)
{
	struct hit hits[16], last;
	size_t got = 0, found;

	r.k = 1 + text_below(15);
	do {
		ck_ok(bm25_search(t->index, &r, scratch, hits, &found, &err), &err);
		for (size_t i = 0; i < found; i++, got++) {
			ck_assert_uint_lt(got, all->n);
			ck_assert_uint_eq(hits[i].document, all->hits[got].document);
		}
		if (found)
			last = hits[found - 1];
		r.after = &last;
	} while (found == r.k && got < 100);
	ck_assert(got == all->n || got >= 100);
}

double truth_score(const struct truth *all)
{
	double score = all->n ? all->hits[text_below((uint32_t)all->n)].score : 1;

	switch (text_below(4)) {
	case 0:
		return nextafter(score, 0);
	case 1:
		return nextafter(score, INFINITY);
	default:
		return score;
	}
}

void ck_question(
	const struct text *t, const struct question *question, struct bm25_scratch *scratch)
{
	struct truth all = truth_of(t, question);
	char *text = text_spelled(question->words, question->n);
	struct bm25_query *q = bm25_query(t->index, text);
	size_t depths[] = {1, 2, 10, 100, t->n / 2, t->n, (size_t)t->n + 7};

	for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
		struct bm25_request r = bm25_best(q, depths[i]);
		ck_answer(t, &all, r, scratch);
		r.below = truth_score(&all);
		ck_answer(t, &all, r, scratch);
		r.at_least = truth_score(&all);
		ck_answer(t, &all, r, scratch);
		r.below = INFINITY;
		r.at_most = truth_score(&all);
		ck_answer(t, &all, r, scratch);
		if (!all.n)
			continue;
		r = bm25_best(q, depths[i]);
		uint32_t rank = text_below((uint32_t)all.n);
		r.after = &all.hits[rank];
		ck_answer(t, &all, r, scratch);
		r.up_to_after = rank + 1;
		ck_answer(t, &all, r, scratch);
		r.at_most = truth_score(&all);
		ck_answer(t, &all, r, scratch);
	}
	ck_pages(t, &all, bm25_best(q, 1), scratch);
	for (size_t i = 0; i < all.n && i < 50; i++) {
		struct hit h = all.hits[text_below((uint32_t)all.n)];
		ck_assert(bm25_score(t->index, q, h.document) == h.score);
	}
	bm25_query_free(q);
	free(text);
	free(all.hits);
}

void ck_questions(const struct text *t, int n)
{
	struct bm25_scratch *scratch = bm25_scratch_new();

	for (int i = 0; i < n; i++) {
		struct question q = question_new(t);
		ck_question(t, &q, scratch);
	}
	bm25_scratch_free(scratch);
}
