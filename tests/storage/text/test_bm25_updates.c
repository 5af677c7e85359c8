/*
 * An index that came about by updates answers as the formula says of the documents that are there in the
 * end, to the bit, whatever was uploaded, replaced and emptied before, and however parts were merged
 * on the way; and its predecessors answer as before.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "storage/isa.h"
#include "storage/text/bm25_scan.h"
#include "tests/storage/patience.h"
#include "tests/storage/text/bm25_history.h"

static struct error err;

static void upload_some(struct history *h)
{
	static const uint32_t longest[] = {3, 12, 14, LONGEST};
	uint32_t size = text_below(5) ? 1 + text_below(4) : 1 + text_below(60);

	history_upload(h, text_below(3) ? size : 0, text_below(3) ? text_below(size + 1) : 0,
		longest[text_below(4)]);
}

/* Where a search starts, by one word: no higher than what so many documents have. */
static void ck_seeds(struct history *h, const struct text *t)
{
	struct question question = {{text_below(h->vocabulary)}, 1};
	struct truth all = truth_of(t, &question);
	char *text = text_spelled(question.words, 1);
	struct bm25_query *q = bm25_query(t->index, text);
	struct bm25_request r = bm25_best(q, 1);
	struct scan scan = {.b = t->index, .r = &r};

	for (size_t best = 1; best < 40; best += 1 + best / 4) {
		double seed = seed_score(&scan, best);
		double most = best <= all.n ? all.hits[best - 1].score : 0;
		ck_assert(seed <= most * (1 + 0x1p-40));
		h->seeds += seed > most / 2;
	}
	bm25_query_free(q);
	free(text);
	free(all.hits);
}

/* The predecessor of long ago is kept, and asked again at the end. */
static void live(struct history *h, int steps)
{
	struct text now = {0}, old = {0};

	for (int i = 0; i < steps; i++) {
		upload_some(h);
		struct text then = now;
		now = history_next(h, &then);
		ck_questions(&now, 1);
		ck_seeds(h, &now);
		if (old.index)
			text_free(&then);
		else
			old = then;
	}
	if (old.index)
		ck_questions(&old, 3);
	text_free(&old);
	text_free(&now);
}

START_TEST(random_histories)
{
	static const uint32_t vocabularies[] = {1, 2, 5, 40, 300};
	static const double shapes[][2] = {{0.9, 0.4}, {0, 0.4}, {2, 1}, {1.5, 0}};
	static const uint32_t anew[] = {BM25_ANEW, 0, 5, BM25_ANEW, 30};
	size_t most_parts = 0, seeds = 0;
	bool lost = false, merged = false, drifted = false, in_pieces = false;

	isa_force((enum isa)_i);
	if (isa_now() != (enum isa)_i)
		return;
	for (uint64_t seed = 0; seed < 100; seed++) {
		text_seed(seed);
		struct history *h = history_new(vocabularies[text_below(5)]);
		h->k1 = shapes[seed % 4][0];
		h->b = shapes[seed % 4][1];
		h->anew = anew[seed % 5];
		live(h, 25);
		most_parts = h->most_parts > most_parts ? h->most_parts : most_parts;
		lost = lost || h->lost;
		merged = merged || h->merged;
		drifted = drifted || h->drifted;
		seeds += h->seeds;
		in_pieces = in_pieces || h->in_pieces;
		free(h);
	}
	ck_assert_uint_ge(most_parts, 4);
	ck_assert_uint_ge(seeds, 1000);
	ck_assert(lost && merged && drifted && in_pieces);
}
END_TEST

/* Parts of more than one range, with lost documents in each. */
START_TEST(large_parts_lose_documents)
{
	struct history *h = history_new(500);

	text_seed(3);
	history_upload(h, 70000, 0, 4);
	struct text first = {0}, second, third;
	first = history_next(h, &first);
	history_upload(h, 5000, 3000, 5);
	second = history_next(h, &first);
	history_upload(h, 10, 20000, 4);
	third = history_next(h, &second);
	ck_assert_uint_ge(second.index->n_parts, 2);
	ck_assert_uint_gt(second.index->parts[0].n_lost, 2000);
	ck_questions(&third, 1);
	ck_questions(&second, 2);
	ck_questions(&first, 1);
	text_free(&first);
	text_free(&second);
	text_free(&third);
	free(h);
}
END_TEST

/* Ties across parts go by order too. */
START_TEST(everyone_ties_in_every_part)
{
	struct history *h = history_new(1);
	struct text now = {0};

	text_seed(4);
	for (int i = 0; i < 6; i++) {
		uint32_t n = 4000u >> 2 * i;
		for (uint32_t d = 0; d < n; d++) {
			h->length[h->n] = 1;
			h->changed[h->n++] = true;
		}
		history_go_on(h, &now);
	}
	ck_assert_uint_ge(now.index->n_parts, 5);
	ck_questions(&now, 1);
	text_free(&now);
	free(h);
}
END_TEST

START_TEST(a_small_upload_shares_what_is_there)
{
	struct history *h = history_new(100);
	struct text first = {0}, second, third;

	text_seed(5);
	history_upload(h, 1000, 0, 12);
	first = history_next(h, &first);
	history_upload(h, 10, 5, 12);
	second = history_next(h, &first);
	ck_assert_uint_eq(second.index->n_parts, 2);
	ck_assert_ptr_eq(second.index->parts[0].segment, first.index->parts[0].segment);
	ck_assert_ptr_eq(second.index->parts[0].codes, first.index->parts[0].codes);
	ck_assert_uint_eq(second.index->n, 1010);
	ck_assert(bm25_at_once(first.index) && !bm25_at_once(second.index));
	/* nothing comes: all is shared */
	third = history_next(h, &second);
	ck_assert_uint_eq(third.index->n_parts, 2);
	for (size_t i = 0; i < 2; i++)
		ck_assert_ptr_eq(third.index->parts[i].segment, second.index->parts[i].segment);
	ck_questions(&third, 2);
	text_free(&first);
	text_free(&second);
	text_free(&third);
	free(h);
}
END_TEST

/* All documents but the first few change: nothing of the old part stays. */
START_TEST(a_part_that_lost_all_is_gone)
{
	struct history *h = history_new(30);
	struct text first = {0}, second;

	text_seed(6);
	history_upload(h, 50, 0, 8);
	first = history_next(h, &first);
	for (uint32_t d = 0; d < 50; d++)
		history_change(h, d, 20);
	second = history_next(h, &first);
	ck_assert_uint_eq(second.index->n_parts, 1);
	ck_assert_uint_eq(second.index->n, 50);
	ck_questions(&second, 3);
	text_free(&first);
	text_free(&second);
	free(h);
}
END_TEST

/* Words that only replaced documents said, with parts merged since, have no document; and they come back. */
START_TEST(words_that_are_gone_are_found_again_when_they_are_back)
{
	enum { WORDS = 400, GONE = 20 };
	struct history *h = history_new(WORDS);
	struct text now = {0};

	text_seed(11);
	for (uint32_t d = 0; d < WORDS; d++) { /* each says a word of its own, and a common one */
		h->length[d] = 2;
		h->words[d][0] = 0;
		h->words[d][1] = d;
		h->changed[d] = true;
	}
	h->n = WORDS;
	now = history_next(h, &now);
	for (int back = 0; back < 2; back++) {
		for (uint32_t d = 1; d <= GONE; d++) {
			h->words[d][1] = back ? d : 0;
			h->changed[d] = true;
		}
		history_upload(h, 150, 0, 3);
		for (uint32_t d = h->n - 150; d < h->n; d++) /* without these words */
			for (uint32_t i = 0; i < h->length[d]; i++)
				h->words[d][i] = 0;
		history_go_on(h, &now);
		ck_assert_uint_eq(now.index->n_parts, 1);
		struct bm25_query *q = bm25_query(now.index, "w1 w2");
		ck_assert_uint_eq(q->n, back ? 2 : 0);
		bm25_query_free(q);
		ck_questions(&now, 5);
	}
	text_free(&now);
	free(h);
}
END_TEST

/* One document at a time: the parts stay few. */
START_TEST(thousands_of_uploads_make_few_parts)
{
	struct history *h = history_new(20);
	struct text now = {0};

	text_seed(7);
	for (uint32_t i = 0; i < 2000; i++) {
		history_upload(h, 1, i % 3 == 0, 3);
		history_go_on(h, &now);
		ck_assert_uint_le(now.index->n_parts, 2 + (size_t)(log2(h->n) / 2));
	}
	ck_questions(&now, 2);
	text_free(&now);
	free(h);
}
END_TEST

enum { READERS = 3, READINGS = 60, SUCCESSORS = 40 };

struct reader {
	const struct text *t;
	struct question question;
	struct truth truth;
	size_t wrong;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;
	char *text = text_spelled(r->question.words, r->question.n);
	struct bm25_scratch *scratch = bm25_scratch_new();
	struct hit hits[20];
	struct error e;
	size_t found;

	for (int i = 0; i < READINGS; i++) {
		struct bm25_query *q = bm25_query(r->t->index, text);
		struct bm25_request request = bm25_best(q, 20);
		if (bm25_search(r->t->index, &request, scratch, hits, &found, &e))
			found = SIZE_MAX;
		r->wrong += found != (r->truth.n < 20 ? r->truth.n : 20);
		for (size_t j = 0; j < 20 && j < found && j < r->truth.n; j++)
			r->wrong += hits[j].document != r->truth.hits[j].document ||
				    hits[j].score != r->truth.hits[j].score;
		bm25_query_free(q);
	}
	bm25_scratch_free(scratch);
	free(text);
	return NULL;
}

/* Successors come and go beside those who read, sharing their segments. */
START_TEST(readers_keep_theirs_while_successors_come_and_go)
{
	struct history *h = history_new(60);
	struct text first = {0}, now;
	struct reader readers[READERS];
	pthread_t threads[READERS];

	text_seed(8);
	history_upload(h, 600, 0, 12);
	first = history_next(h, &first);
	history_upload(h, 50, 20, 12);
	struct text read = history_next(h, &first);
	for (int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){.t = &read, .question = question_new(&read)};
		readers[i].truth = truth_of(&read, &readers[i].question);
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
	}
	now = history_next(h, &read);
	text_free(&first);
	for (int i = 0; i < SUCCESSORS; i++) {
		history_upload(h, 5, 10, 20);
		history_go_on(h, &now);
	}
	for (int i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_uint_eq(readers[i].wrong, 0);
		free(readers[i].truth.hits);
	}
	ck_questions(&now, 1);
	text_free(&read);
	text_free(&now);
	free(h);
}
END_TEST

enum { REPLACED = 2000 };

/* What an update does that looks for so many documents, makes one part of all and weighs it: the rows
 * are read three times, lengths once, the postings twice. */
static size_t steps_of(const struct bm25 *b)
{
	const struct segment *s = b->parts[0].segment;

	ck_assert_uint_eq(b->n_parts, 1);
	return REPLACED * LOSING + 3 * (s->row_start[s->n] + s->n) + s->n +
	       2 * s->posting_start[s->terms.n];
}

/* It asks as often as its work needs, and stops wherever it is told: nothing is left of it. */
START_TEST(an_update_is_given_up_within_a_few_steps)
{
	struct history *h = history_new(300);
	struct text first = {0}, second;
	struct patience patience = {0, 0};

	text_seed(10);
	history_upload(h, 5000, 0, LONGEST);
	first = history_next(h, &first);
	for (uint32_t d = 0; d < REPLACED; d++) { /* too many for the part to stay */
		h->length[d] = 0;
		h->changed[d] = true;
	}
	for (;; patience.most += 9) {
		struct stop stop = {.given_up = patience_is_over, .arg = &patience};
		patience.asked = 0;
		second = history_text(h);
		enum code rc = history_succeed(h, first.index, &stop, &second, &err);
		if (!rc)
			break;
		ck_refused(rc, &err, CANCELLED, "CANCELLED");
		ck_assert_ptr_null(second.index);
		ck_assert_uint_eq(patience.asked, patience.most + 1);
		text_free(&second);
	}
	ck_assert_uint_ge(patience.asked * (STOP_EVERY + LONGEST), steps_of(second.index));
	ck_questions(&second, 2);
	ck_questions(&first, 2);
	text_free(&first);
	text_free(&second);
	free(h);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("bm25_updates");
	TCase *t = tcase_create("bm25_updates");

	tcase_add_loop_test(t, random_histories, ISA_PORTABLE, ISA_AVX512 + 1);
	tcase_add_test(t, large_parts_lose_documents);
	tcase_add_test(t, everyone_ties_in_every_part);
	tcase_add_test(t, a_small_upload_shares_what_is_there);
	tcase_add_test(t, a_part_that_lost_all_is_gone);
	tcase_add_test(t, words_that_are_gone_are_found_again_when_they_are_back);
	tcase_add_test(t, thousands_of_uploads_make_few_parts);
	tcase_add_test(t, readers_keep_theirs_while_successors_come_and_go);
	tcase_add_test(t, an_update_is_given_up_within_a_few_steps);
	suite_add_tcase(s, t);
	return s;
}
