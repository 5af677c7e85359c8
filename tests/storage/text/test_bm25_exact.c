/* bm25_search against brute force (bm25_truth.h), for any instruction set. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "storage/isa.h"
#include "tests/storage/text/bm25_truth.h"

static struct error err;

/* Forbids what is better than the looped test's instruction set; false when it is not here. */
static bool force(int isa)
{
	isa_force((enum isa)isa);
	text_seed(1000);
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
		struct text t = text_new(sizes[text_below(8)], vocabularies[text_below(5)]);
		const double *shape = shapes[text_below(5)];
		t.k1 = shape[0];
		t.b = shape[1];
		text_fill(&t, 1 + text_below(40));
		text_build(&t);
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
	text_fill(&t, 6);
	text_build(&t);
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
		text_put(&t, d, (uint32_t[]){d % 5 == 0, 2}, 2);
	text_build(&t);
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
		text_put(&t, d, words, 1000 + (size_t)text_below(2000));
	t.b = 1e-9;
	text_build(&t);
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
		uint32_t often = d % 300 ? 0 : 1 + text_below(400), n = often + 1 + text_below(20);
		for (uint32_t i = 0; i < n; i++)
			words[i] = i < often;
		text_put(&t, d, words, n);
	}
	text_build(&t);
	struct bm25_scratch *scratch = bm25_scratch_new();
	ck_question(&t, &question, scratch);
	bm25_scratch_free(scratch);
	text_free(&t);
}
END_TEST

/* The scores of some ranks as ceilings, of one hit and of many below. */
static void ck_under_ceilings(
	const struct text *t, const struct question *question, const size_t *ranks, size_t n)
{
	static const size_t depths[] = {1, 2, 10, 100, 1000};
	struct truth all = truth_of(t, question);
	char *spelled = text_spelled(question->words, question->n);
	struct bm25_query *q = bm25_query(t->index, spelled);
	struct bm25_scratch *scratch = bm25_scratch_new();

	for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
		for (size_t j = 0; j < n; j++) {
			struct bm25_request r = bm25_best(q, depths[i]);
			const struct hit *ceiling = &all.hits[ranks[j]];
			ck_assert_uint_lt(ranks[j], all.n);
			r.at_most = ceiling->score;
			ck_answer(t, &all, r, scratch);
			r.at_most = INFINITY;
			r.below = ceiling->score;
			ck_answer(t, &all, r, scratch);
			r.below = INFINITY;
			r.after = ceiling;
			ck_answer(t, &all, r, scratch);
		}
	bm25_scratch_free(scratch);
	bm25_query_free(q);
	free(spelled);
	free(all.hits);
}

/* One word, in documents whose lengths set them apart: as many as we like score above a ceiling, so
 * that a threshold which was guessed from the best of them lies above all that is allowed, or some of it. */
START_TEST(more_lie_above_the_ceiling_than_was_guessed)
{
	static const size_t ranks[] = {1, 2, 3, 4, 5, 10, 12, 13, 20, 30, 50, 100, 110, 120, 130,
		200, 300, 500, 2000, 3000};
	uint32_t words[512] = {0};

	if (!force(_i))
		return;
	struct text t = text_new(4000, 2);
	t.b = 1;
	for (uint32_t i = 1; i < 512; i++)
		words[i] = 1;
	for (uint32_t d = 0; d < t.n; d++)
		text_put(&t, d, words, 1 + text_below(500));
	text_build(&t);
	ck_under_ceilings(&t, &(struct question){{0}, 1}, ranks, sizeof ranks / sizeof *ranks);
	text_free(&t);
}
END_TEST

/* Nine documents of ten say a word; what else is asked for only those of the last range do, so that
 * for long nothing is found that a guess says is there. */
START_TEST(matches_lie_together_at_the_end)
{
	static const size_t ranks[] = {1, 13, 200, 600, 1999, 2001, 5000};
	enum { OTHERS = 2 * 65536 };

	if (!force(_i))
		return;
	struct text t = text_new(OTHERS + 2000, 3);
	for (uint32_t d = 0; d < t.n; d++) {
		uint32_t words[32], n = 0;
		if (text_below(10))
			words[n++] = 0;
		for (uint32_t i = 0, times = d < OTHERS ? 0 : 1 + text_below(3); i < times; i++)
			words[n++] = 1;
		for (uint32_t i = 0, times = text_below(25); i < times; i++)
			words[n++] = 2;
		text_put(&t, d, words, n);
	}
	text_build(&t);
	ck_under_ceilings(&t, &(struct question){{0, 1}, 2}, ranks, sizeof ranks / sizeof *ranks);
	text_free(&t);
}
END_TEST

/* Steps of documents that tie, some of more than a search keeps on its way, and of few above them: all
 * places are taken while the threshold is a guess yet, a good one or the last of several. */
START_TEST(too_many_tie_where_a_guess_ends)
{
	static const uint32_t step[] = {60, 20000, 700, 20000, 1000};
	static const size_t ranks[] = {
		0, 59, 60, 10000, 20050, 20059, 20060, 20759, 20760, 40700, 40759};

	if (!force(_i))
		return;
	struct text t = text_new(66000, 2);
	for (uint32_t d = 0; d < t.n; d++) {
		uint32_t words[5] = {1, 1, 1, 1, 1}, times = 5, at = d * 7919u % t.n;
		for (; times && at >= step[5 - times]; times--)
			at -= step[5 - times];
		for (uint32_t i = 0; i < times; i++)
			words[i] = 0;
		text_put(&t, d, words, 5);
	}
	text_build(&t);
	ck_under_ceilings(&t, &(struct question){{0}, 1}, ranks, sizeof ranks / sizeof *ranks);
	text_free(&t);
}
END_TEST

enum { MILLION = 1000000 };

/* How often document d says each of three words. */
static void counts_of(uint32_t d, uint32_t counts[static 3])
{
	counts[0] = d % 4;
	counts[1] = d % 7 == 0;
	counts[2] = 1 + d % 5;
}

static struct bm25 *index_million(const uint32_t *order)
{
	struct bm25_builder *builder = bm25_builder_new(NULL);
	struct bm25 *b;

	for (uint32_t d = 0; d < MILLION; d++) {
		char text[32], *p = text;
		uint32_t counts[3];
		counts_of(d, counts);
		for (int w = 0; w < 3; w++)
			for (uint32_t i = 0; i < counts[w]; i++) {
				*p++ = (char)('a' + w);
				*p++ = ' ';
			}
		*p = 0;
		ck_ok(bm25_builder_add(builder, NULL, text, &err), &err);
	}
	ck_ok(bm25_build(builder, order, &b, &err), &err);
	return b;
}

/* The formula for "a b b", of what can be counted on paper: a is in three documents of four, b in one
 * of seven; the mean length is 1.5 + 142858 / 1000000 + 3. */
static double score_of_million(uint32_t d)
{
	const double n = MILLION, a = 750000, b = 142858, mean = 1.5 + b / n + 3;
	uint32_t counts[3];

	counts_of(d, counts);
	double norm = .9 * (1 - .4 + .4 * (counts[0] + counts[1] + counts[2]) / mean);
	return log(1 + (n - a + .5) / (a + .5)) * counts[0] / (counts[0] + norm) +
	       2 * log(1 + (n - b + .5) / (b + .5)) * counts[1] / (counts[1] + norm);
}

/* Every score of a million documents is the formula's, and all are there, in order. */
START_TEST(a_million_scores_are_the_formulas)
{
	uint32_t *order = calloc(MILLION, sizeof *order);
	struct hit *hits = calloc(MILLION, sizeof *hits), few[1000];
	size_t found, n_few, want = 0;

	for (uint32_t d = 0; d < MILLION; d++) {
		order[d] = d;
		want += d % 4 != 0 || d % 7 == 0;
	}
	force(ISA_AVX512);
	struct bm25 *b = index_million(order);
	struct bm25_query *q = bm25_query(b, "a b b");
	struct bm25_scratch *scratch = bm25_scratch_new();
	struct bm25_request r = bm25_best(q, MILLION);
	ck_ok(bm25_search(b, &r, scratch, hits, &found, &err), &err);
	ck_assert_uint_eq(found, want);
	for (size_t i = 0; i < found; i++) {
		double score = score_of_million(hits[i].document);
		ck_assert_double_eq_tol(hits[i].score / score, 1, 1e-12);
		if (i) /* so none is there twice */
			ck_assert(hits[i - 1].score > hits[i].score ||
				  (hits[i - 1].score == hits[i].score &&
					  hits[i - 1].document < hits[i].document));
	}
	r.k = 1000;
	ck_ok(bm25_search(b, &r, scratch, few, &n_few, &err), &err);
	ck_assert_uint_eq(n_few, 1000);
	for (size_t i = 0; i < n_few; i++)
		ck_assert(few[i].document == hits[i].document && few[i].score == hits[i].score);
	bm25_scratch_free(scratch);
	bm25_query_free(q);
	bm25_free(b);
	free(hits);
	free(order);
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
		uint32_t words[] = {4 * d, 4 * d + 1, 4 * d + 2, 4 * d + 3, text_below(MANY)};
		text_put(&t, d, words, MANY_LENGTH);
		for (int i = 0; i < MANY_LENGTH; i++)
			df[words[i]] += i < 4 || words[i] / 4 != d;
	}
	text_build(&t);
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
	truth_sort(&truth, t.order);
	char *text = text_spelled(all, MANY);
	struct bm25_query *q = bm25_query(t.index, text);
	struct bm25_scratch *scratch = bm25_scratch_new();
	for (size_t k = 1; k < 2 * t.n; k *= 7) {
		struct bm25_request r = bm25_best(q, k);
		ck_answer(&t, &truth, r, scratch);
		r.below = truth_score(&truth);
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
	text_fill(&t, 3);
	text_build(&t);
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
		char *text = text_spelled(s->questions[i].words, s->questions[i].n);
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
	text_fill(&t, 12);
	text_build(&t);
	for (int i = 0; i < SHARED_QUERIES; i++)
		questions[i] = question_new(&t);
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
	tcase_add_loop_test(
		t, more_lie_above_the_ceiling_than_was_guessed, ISA_PORTABLE, ISA_AVX512 + 1);
	tcase_add_loop_test(t, matches_lie_together_at_the_end, ISA_PORTABLE, ISA_AVX512 + 1);
	tcase_add_loop_test(t, too_many_tie_where_a_guess_ends, ISA_PORTABLE, ISA_AVX512 + 1);
	tcase_add_test(t, a_million_scores_are_the_formulas);
	tcase_add_test(t, a_query_of_forty_thousand_words);
	tcase_add_test(t, a_cancelled_search_leaves_its_scratch_fit_for_the_next);
	tcase_add_test(t, threads_share_an_index);
	suite_add_tcase(s, t);
	return s;
}
