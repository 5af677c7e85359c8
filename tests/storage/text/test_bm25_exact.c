/* bm25_search against brute force: every document scored in double by the formula, and sorted. The
 * same documents and bits of score, for any k, bounds, continuation and instruction set. */
#include "tests/runner.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/isa.h"
#include "storage/text/bm25.h"

static struct error err;
static uint64_t state;

static uint32_t below(uint32_t n)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) % n);
}

/* Words are numbers; document d has words[start[d]..start[d + 1]). */
struct text {
	uint32_t n, vocabulary;
	size_t n_words, cap;
	uint32_t *words, *order;
	size_t *start;
	double k1, b;
	struct bm25 *index;
};

static struct text text_new(uint32_t n, uint32_t vocabulary)
{
	struct text t = {.n = n, .vocabulary = vocabulary, .k1 = 0.9, .b = 0.4};

	t.start = calloc(n + 1, sizeof *t.start);
	t.order = calloc(n + 1, sizeof *t.order);
	return t;
}

static void text_free(struct text *t)
{
	bm25_free(t->index);
	free(t->words);
	free(t->start);
	free(t->order);
}

/* The next document: `length` words, or a copy of an earlier document. */
static void put(struct text *t, uint32_t d, const uint32_t *words, size_t length)
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

static char *spelled(const uint32_t *words, size_t n)
{
	char *text = malloc(n * 8 + 1), *p = text;

	for (size_t i = 0; i < n; i++)
		p += sprintf(p, "w%" PRIu32 " ", words[i]);
	*p = 0;
	return text;
}

static void build(struct text *t)
{
	struct bm25_options options = {t->k1, t->b, NULL};
	struct bm25_builder *builder = bm25_builder_new(&options);

	for (uint32_t d = 0; d < t->n; d++) {
		char *text = spelled(t->words + t->start[d], t->start[d + 1] - t->start[d]);
		ck_ok(bm25_builder_add(builder, NULL, text, &err), &err);
		free(text);
		t->order[d] = d;
	}
	for (uint32_t d = t->n; d > 1; d--) {
		uint32_t other = below(d), swap = t->order[d - 1];
		t->order[d - 1] = t->order[other];
		t->order[other] = swap;
	}
	ck_ok(bm25_build(builder, t->order, &t->index, &err), &err);
}

/* Frequent words are frequent: the lowest of two draws. Some documents are empty, some the same as
 * another, some say one word very often. */
static void fill(struct text *t, uint32_t longest)
{
	uint32_t words[512];

	for (uint32_t d = 0; d < t->n; d++) {
		uint32_t kind = below(40), length = kind == 0 ? 0 : 1 + below(longest);
		if (kind == 1 && d > 0) {
			uint32_t o = below(d), copy[512];
			size_t n = t->start[o + 1] - t->start[o];
			memcpy(copy, t->words + t->start[o], n * sizeof *copy);
			put(t, d, copy, n);
			continue;
		}
		for (uint32_t i = 0; i < length; i++) {
			uint32_t a = below(t->vocabulary), b = below(t->vocabulary);
			words[i] = a < b ? a : b;
		}
		if (kind == 2)
			for (length = 400; length-- > 0;)
				words[length] = words[0];
		put(t, d, words, kind == 2 ? 400 : length);
	}
}

/* The whole list by brute force. */
struct truth {
	struct hit *hits;
	size_t n;
};

struct question {
	uint32_t words[64];
	size_t n;
};

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

static struct truth truth_of(const struct text *t, const struct question *q)
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
	sorting = t->order;
	if (all.n)
		qsort(all.hits, all.n, sizeof *all.hits, best_first);
	free(scores);
	return all;
}

static struct question random_question(const struct text *t)
{
	struct question q = {.n = 1 + below(8)};

	for (size_t i = 0; i < q.n; i++) /* a word that nobody says among them */
		q.words[i] = i && !below(6) ? q.words[i - 1] : below(t->vocabulary + 1);
	return q;
}

static bool same(const struct hit *a, const struct hit *b)
{
	return a->document == b->document && a->score == b->score;
}

/* Asks and compares with those of the truth that the request allows. */
static void ck_answer(const struct text *t, const struct truth *all, struct bm25_request r,
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

	r.k = 1 + below(15);
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

/* A score that occurs, or one beside it. */
static double some_score(const struct truth *all)
{
	double score = all->n ? all->hits[below((uint32_t)all->n)].score : 1;

	switch (below(4)) {
	case 0:
		return nextafter(score, 0);
	case 1:
		return nextafter(score, INFINITY);
	default:
		return score;
	}
}

static void ck_question(
	const struct text *t, const struct question *question, struct bm25_scratch *scratch)
{
	struct truth all = truth_of(t, question);
	char *text = spelled(question->words, question->n);
	struct bm25_query *q = bm25_query(t->index, text);
	size_t depths[] = {1, 2, 10, 100, t->n / 2, t->n, (size_t)t->n + 7};

	for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
		struct bm25_request r = bm25_best(q, depths[i]);
		ck_answer(t, &all, r, scratch);
		r.below = some_score(&all);
		ck_answer(t, &all, r, scratch);
		r.at_least = some_score(&all);
		ck_answer(t, &all, r, scratch);
		r.below = INFINITY;
		r.at_most = some_score(&all);
		ck_answer(t, &all, r, scratch);
		if (!all.n)
			continue;
		r = bm25_best(q, depths[i]);
		uint32_t rank = below((uint32_t)all.n);
		r.after = &all.hits[rank];
		ck_answer(t, &all, r, scratch);
		r.up_to_after = rank + 1;
		ck_answer(t, &all, r, scratch);
		r.at_most = some_score(&all);
		ck_answer(t, &all, r, scratch);
	}
	ck_pages(t, &all, bm25_best(q, 1), scratch);
	for (size_t i = 0; i < all.n && i < 50; i++) {
		struct hit h = all.hits[below((uint32_t)all.n)];
		ck_assert(bm25_score(t->index, q, h.document) == h.score);
	}
	bm25_query_free(q);
	free(text);
	free(all.hits);
}

static void ck_questions(const struct text *t, int n)
{
	struct bm25_scratch *scratch = bm25_scratch_new();

	for (int i = 0; i < n; i++) {
		struct question q = random_question(t);
		ck_question(t, &q, scratch);
	}
	bm25_scratch_free(scratch);
}

/* Forbids what is better than the looped test's instruction set; false when it is not here. */
static bool force(int isa)
{
	isa_force((enum isa)isa);
	state = 1000;
	return isa_now() == (enum isa)isa;
}

START_TEST(small_corpora)
{
	static const uint32_t sizes[] = {0, 1, 2, 3, 7, 30, 64, 200},
			      vocabularies[] = {1, 2, 5, 40, 300};
	static const double shapes[][2] = {{0.9, 0.4}, {1.2, 0.75}, {0, 0.4}, {2, 1}, {1.5, 0}};

	if (!force(_i))
		return;
	for (int round = 0; round < 60; round++) {
		struct text t = text_new(sizes[below(8)], vocabularies[below(5)]);
		const double *shape = shapes[below(5)];
		t.k1 = shape[0];
		t.b = shape[1];
		fill(&t, 1 + below(40));
		build(&t);
		ck_questions(&t, 8);
		text_free(&t);
	}
}
END_TEST

START_TEST(corpora_of_several_ranges)
{
	if (!force(_i))
		return;
	struct text t = text_new(2 * 65536 + 4097, 3000);
	fill(&t, 6);
	build(&t);
	ck_questions(&t, 2);
	text_free(&t);
}
END_TEST

/* More documents tie than a search keeps on its way. */
START_TEST(everyone_ties)
{
	if (!force(_i))
		return;
	struct text t = text_new(66000, 3);
	for (uint32_t d = 0; d < t.n; d++)
		put(&t, d, (uint32_t[]){d % 5 == 0, 2}, 2);
	build(&t);
	ck_questions(&t, 2);
	text_free(&t);
}
END_TEST

/* Scores that differ in their last bits alone, by lengths that differ by one in many. */
START_TEST(scores_lie_close)
{
	if (!force(_i))
		return;
	uint32_t *words = calloc(3000, sizeof *words);
	struct text t = text_new(2000, 2);
	for (uint32_t i = 0; i < 3000; i++)
		words[i] = i == 0;
	for (uint32_t d = 0; d < t.n; d++)
		put(&t, d, words, 1000 + (size_t)below(2000));
	t.b = 1e-9;
	build(&t);
	ck_questions(&t, 3);
	text_free(&t);
	free(words);
}
END_TEST

/* Every document says the first word, one in 300 the other, up to 400 times. */
START_TEST(a_rare_word_beside_one_that_all_say)
{
	uint32_t words[512] = {0};
	struct question question = {{0, 1}, 2};

	if (!force(_i))
		return;
	struct text t = text_new(70000, 2);
	for (uint32_t d = 0; d < t.n; d++) {
		uint32_t often = d % 300 ? 0 : 1 + below(400), n = often + 1 + below(20);
		for (uint32_t i = 0; i < n; i++)
			words[i] = i < often;
		put(&t, d, words, n);
	}
	build(&t);
	struct bm25_scratch *scratch = bm25_scratch_new();
	ck_question(&t, &question, scratch);
	bm25_scratch_free(scratch);
	text_free(&t);
}
END_TEST

static int rising(const void *a, const void *b)
{
	return (int)*(const uint32_t *)a - (int)*(const uint32_t *)b;
}

enum { MANY = 40000, MANY_LENGTH = 5 };

/* What a query of all words, rising, gives a document of five words. */
static double score_all(const struct text *t, uint32_t d, const uint32_t *df)
{
	uint32_t words[MANY_LENGTH];
	double score = 0, norm = t->k1; /* every document is as long as the average */

	memcpy(words, t->words + t->start[d], sizeof words);
	qsort(words, MANY_LENGTH, sizeof *words, rising);
	for (int i = 0, n; i < MANY_LENGTH; i += n) {
		for (n = 1; i + n < MANY_LENGTH && words[i + n] == words[i]; n++)
			;
		double idf = log(1 + (t->n - (double)df[words[i]] + 0.5) / (df[words[i]] + 0.5));
		score += idf * (n / (n + norm));
	}
	return score;
}

static struct text many_words(uint32_t *df)
{
	struct text t = text_new(MANY / 4, MANY);

	t.b = 0;
	for (uint32_t d = 0; d < t.n; d++) {
		uint32_t words[] = {4 * d, 4 * d + 1, 4 * d + 2, 4 * d + 3, below(MANY)};
		put(&t, d, words, MANY_LENGTH);
		for (int i = 0; i < MANY_LENGTH; i++)
			df[words[i]] += i < 4 || words[i] / 4 != d;
	}
	build(&t);
	return t;
}

/* More words than have room in 16 bits, each in one document or two. */
START_TEST(a_query_of_forty_thousand_words)
{
	uint32_t *all = calloc(MANY, sizeof *all), *df = calloc(MANY, sizeof *df);

	force(ISA_AVX512);
	struct text t = many_words(df);
	struct truth truth = {calloc(t.n, sizeof *truth.hits), t.n};
	for (uint32_t i = 0; i < MANY; i++)
		all[i] = i;
	for (uint32_t d = 0; d < t.n; d++)
		truth.hits[d] = (struct hit){d, score_all(&t, d, df)};
	sorting = t.order;
	qsort(truth.hits, truth.n, sizeof *truth.hits, best_first);
	char *text = spelled(all, MANY);
	struct bm25_query *q = bm25_query(t.index, text);
	struct bm25_scratch *scratch = bm25_scratch_new();
	for (size_t k = 1; k < 2 * t.n; k *= 7) {
		struct bm25_request r = bm25_best(q, k);
		ck_answer(&t, &truth, r, scratch);
		r.below = some_score(&truth);
		ck_answer(&t, &truth, r, scratch);
	}
	bm25_scratch_free(scratch);
	bm25_query_free(q);
	free(truth.hits);
	free(text);
	free(all);
	free(df);
	text_free(&t);
}
END_TEST

START_TEST(a_cancelled_search_leaves_its_scratch_fit_for_the_next)
{
	struct text t = text_new(70000, 50);
	struct bm25_scratch *scratch = bm25_scratch_new();
	struct question question = {{1, 2, 3}, 3};
	atomic_bool cancelled = true;
	struct hit hits[5];
	size_t found = 9;

	force(ISA_AVX512);
	fill(&t, 3);
	build(&t);
	struct bm25_query *q = bm25_query(t.index, "w1 w2 w3");
	struct bm25_request r = bm25_best(q, 5);
	r.cancelled = &cancelled;
	ck_refused(bm25_search(t.index, &r, scratch, hits, &found, &err), &err, CANCELLED,
		"CANCELLED");
	ck_assert_uint_eq(found, 0);
	ck_question(&t, &question, scratch);
	bm25_query_free(q);
	bm25_scratch_free(scratch);
	text_free(&t);
}
END_TEST

enum { THREADS = 4, SHARED_QUERIES = 40 };

struct searcher {
	const struct text *t;
	const struct question *questions;
	struct hit hits[SHARED_QUERIES][20];
	size_t found[SHARED_QUERIES];
};

static void *search_shared(void *arg)
{
	struct searcher *s = arg;
	struct bm25_scratch *scratch = bm25_scratch_new();
	struct error e;

	for (int i = 0; i < SHARED_QUERIES; i++) {
		char *text = spelled(s->questions[i].words, s->questions[i].n);
		struct bm25_query *q = bm25_query(s->t->index, text);
		struct bm25_request r = bm25_best(q, 20);
		if (bm25_search(s->t->index, &r, scratch, s->hits[i], &s->found[i], &e))
			s->found[i] = SIZE_MAX;
		bm25_query_free(q);
		free(text);
	}
	bm25_scratch_free(scratch);
	return NULL;
}

START_TEST(threads_share_an_index)
{
	static struct searcher searchers[THREADS];
	struct question questions[SHARED_QUERIES];
	struct text t = text_new(3000, 80);
	pthread_t threads[THREADS];

	force(ISA_AVX512);
	fill(&t, 12);
	build(&t);
	for (int i = 0; i < SHARED_QUERIES; i++)
		questions[i] = random_question(&t);
	for (int i = 0; i < THREADS; i++) {
		searchers[i].t = &t;
		searchers[i].questions = questions;
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, search_shared, &searchers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < SHARED_QUERIES; i++) {
		struct truth all = truth_of(&t, &questions[i]);
		for (int j = 0; j < THREADS; j++) {
			const struct searcher *s = &searchers[j];
			ck_assert_uint_eq(s->found[i], all.n < 20 ? all.n : 20);
			for (size_t h = 0; h < s->found[i]; h++)
				ck_assert_uint_eq(s->hits[i][h].document, all.hits[h].document);
		}
		free(all.hits);
	}
	text_free(&t);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("bm25_exact");
	TCase *t = tcase_create("bm25_exact");
	tcase_add_loop_test(t, small_corpora, ISA_PORTABLE, ISA_AVX512 + 1);
	tcase_add_loop_test(t, corpora_of_several_ranges, ISA_PORTABLE, ISA_AVX512 + 1);
	tcase_add_loop_test(t, everyone_ties, ISA_PORTABLE, ISA_AVX512 + 1);
	tcase_add_loop_test(t, scores_lie_close, ISA_PORTABLE, ISA_AVX512 + 1);
	tcase_add_loop_test(t, a_rare_word_beside_one_that_all_say, ISA_PORTABLE, ISA_AVX512 + 1);
	tcase_add_test(t, a_query_of_forty_thousand_words);
	tcase_add_test(t, a_cancelled_search_leaves_its_scratch_fit_for_the_next);
	tcase_add_test(t, threads_share_an_index);
	suite_add_tcase(s, t);
	return s;
}
