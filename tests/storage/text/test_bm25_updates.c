/*
 * An index that came about by updates answers as the formula says of the documents that are there in the
 * end, to the bit, whatever was uploaded, replaced and emptied before, and however parts were merged
 * on the way; and its predecessors answer as before.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/isa.h"
#include "storage/text/bm25_parts.h"
#include "tests/storage/patience.h"
#include "tests/storage/text/bm25_truth.h"

static struct error err;

/* Documents that change. An emptied one stays as a number, as a deleted one does. */
enum { MOST = 80000, LONGEST = 64 };

struct history {
	uint32_t n, vocabulary;
	double k1, b;
	uint8_t length[MOST];
	uint32_t words[MOST][LONGEST];
	bool changed[MOST]; /* since the last index */
	/* what was met on the way, so that it is known to have been tried */
	size_t most_parts;
	bool lost, merged, drifted;
};

static struct history *history_new(uint32_t vocabulary)
{
	struct history *h = calloc(1, sizeof *h);

	h->vocabulary = vocabulary;
	h->k1 = 0.9;
	h->b = 0.4;
	return h;
}

static void change(struct history *h, uint32_t d, uint32_t longest)
{
	h->length[d] = text_below(9) ? (uint8_t)(1 + text_below(longest)) : 0;
	for (uint32_t i = 0; i < h->length[d]; i++) {
		uint32_t a = text_below(h->vocabulary), b = text_below(h->vocabulary);
		h->words[d][i] = a < b ? a : b;
	}
	h->changed[d] = true;
	h->n = d >= h->n ? d + 1 : h->n;
}

/* New documents, and others anew. */
static void upload(struct history *h, uint32_t fresh, uint32_t again, uint32_t longest)
{
	for (uint32_t i = 0; i < again && h->n; i++)
		change(h, text_below(h->n), longest);
	for (uint32_t i = 0; i < fresh; i++)
		change(h, h->n, longest);
}

static enum code put_changed(const struct history *h, struct bm25_builder *builder, bool all)
{
	enum code rc = OK;

	for (uint32_t d = 0; d < h->n && !rc; d++) {
		if (!all && !h->changed[d])
			continue;
		char *text = text_spelled(h->words[d], h->length[d]);
		rc = bm25_builder_put(builder, d, NULL, text, &err);
		free(text);
	}
	return rc;
}

/* The documents as they are, without an index. */
static struct text text_now(const struct history *h)
{
	struct text t = text_new(h->n, h->vocabulary);

	t.k1 = h->k1;
	t.b = h->b;
	for (uint32_t d = 0; d < h->n; d++)
		text_put(&t, d, h->words[d], h->length[d]);
	text_shuffle(&t);
	return t;
}

static enum code succeed(
	const struct history *h, const struct bm25 *before, struct stop *stop, struct text *t)
{
	struct bm25_options options = {h->k1, h->b, NULL};
	struct bm25_builder *builder =
		before ? bm25_builder_after(before) : bm25_builder_new(&options);

	if (!builder)
		return error_memory(&err);
	if (put_changed(h, builder, !before)) {
		bm25_builder_free(builder);
		return err.code;
	}
	bm25_builder_stop(builder, stop);
	return bm25_build(builder, t->order, &t->index, &err);
}

static void look(struct history *h, const struct bm25 *before, const struct bm25 *b)
{
	h->most_parts = b->n_parts > h->most_parts ? b->n_parts : h->most_parts;
	h->merged = h->merged || (before && b->n_parts <= before->n_parts);
	for (size_t i = 0; i < b->n_parts; i++) {
		double average = b->parts[i].codes->average;
		h->lost = h->lost || b->parts[i].n_lost;
		h->drifted = h->drifted || average != b->average;
		ck_assert(fabs(average / b->average - 1) <= CODES_DRIFT);
		ck_assert_uint_le(b->parts[i].n_lost * 3ull, b->parts[i].segment->n);
	}
}

/* The successor, as the history has it now. */
static struct text next(struct history *h, const struct text *before)
{
	struct text t = text_now(h);

	ck_ok(succeed(h, before->index, NULL, &t), &err);
	look(h, before->index, t.index);
	memset(h->changed, 0, sizeof h->changed);
	return t;
}

static void upload_some(struct history *h)
{
	static const uint32_t longest[] = {3, 12, 14, LONGEST};
	uint32_t size = text_below(5) ? 1 + text_below(4) : 1 + text_below(60);

	upload(h, text_below(3) ? size : 0, text_below(3) ? text_below(size + 1) : 0,
		longest[text_below(4)]);
}

/* The predecessor of long ago is kept, and asked again at the end. */
static void live(struct history *h, int steps)
{
	struct text now = {0}, old = {0};

	for (int i = 0; i < steps; i++) {
		upload_some(h);
		struct text then = now;
		now = next(h, &then);
		ck_questions(&now, 1);
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
	size_t most_parts = 0;
	bool lost = false, merged = false, drifted = false;

	isa_force((enum isa)_i);
	if (isa_now() != (enum isa)_i)
		return;
	for (uint64_t seed = 0; seed < 100; seed++) {
		text_seed(seed);
		struct history *h = history_new(vocabularies[text_below(5)]);
		h->k1 = shapes[seed % 4][0];
		h->b = shapes[seed % 4][1];
		live(h, 25);
		most_parts = h->most_parts > most_parts ? h->most_parts : most_parts;
		lost = lost || h->lost;
		merged = merged || h->merged;
		drifted = drifted || h->drifted;
		free(h);
	}
	ck_assert_uint_ge(most_parts, 4);
	ck_assert(lost && merged && drifted);
}
END_TEST

/* Parts of more than one range, with lost documents in each. */
START_TEST(large_parts_lose_documents)
{
	struct history *h = history_new(500);

	text_seed(3);
	upload(h, 70000, 0, 4);
	struct text first = {0}, second, third;
	first = next(h, &first);
	upload(h, 5000, 3000, 5);
	second = next(h, &first);
	upload(h, 10, 20000, 4);
	third = next(h, &second);
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
		struct text then = now;
		now = next(h, &then);
		text_free(&then);
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
	upload(h, 1000, 0, 12);
	first = next(h, &first);
	upload(h, 10, 5, 12);
	second = next(h, &first);
	ck_assert_uint_eq(second.index->n_parts, 2);
	ck_assert_ptr_eq(second.index->parts[0].segment, first.index->parts[0].segment);
	ck_assert_ptr_eq(second.index->parts[0].codes, first.index->parts[0].codes);
	ck_assert_uint_eq(second.index->n, 1010);
	ck_assert(bm25_at_once(first.index) && !bm25_at_once(second.index));
	/* nothing comes: all is shared */
	third = next(h, &second);
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
	upload(h, 50, 0, 8);
	first = next(h, &first);
	for (uint32_t d = 0; d < 50; d++)
		change(h, d, 20);
	second = next(h, &first);
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
	now = next(h, &now);
	for (int back = 0; back < 2; back++) {
		for (uint32_t d = 1; d <= GONE; d++) {
			h->words[d][1] = back ? d : 0;
			h->changed[d] = true;
		}
		upload(h, 150, 0, 3);
		for (uint32_t d = h->n - 150; d < h->n; d++) /* without these words */
			for (uint32_t i = 0; i < h->length[d]; i++)
				h->words[d][i] = 0;
		struct text then = now;
		now = next(h, &then);
		text_free(&then);
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
		upload(h, 1, i % 3 == 0, 3);
		struct text then = now;
		now = next(h, &then);
		text_free(&then);
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
	upload(h, 600, 0, 12);
	first = next(h, &first);
	upload(h, 50, 20, 12);
	struct text read = next(h, &first);
	for (int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){.t = &read, .question = question_new(&read)};
		readers[i].truth = truth_of(&read, &readers[i].question);
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
	}
	now = next(h, &read);
	text_free(&first);
	for (int i = 0; i < SUCCESSORS; i++) {
		upload(h, 5, 10, 20);
		struct text then = now;
		now = next(h, &then);
		text_free(&then);
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
	upload(h, 5000, 0, LONGEST);
	first = next(h, &first);
	for (uint32_t d = 0; d < REPLACED; d++) { /* too many for the part to stay */
		h->length[d] = 0;
		h->changed[d] = true;
	}
	for (;; patience.most += 9) {
		struct stop stop = {.given_up = patience_is_over, .arg = &patience};
		patience.asked = 0;
		second = text_now(h);
		enum code rc = succeed(h, first.index, &stop, &second);
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

#ifdef HARDMINER_FAULTS
/* An update that fails leaves nothing, and its predecessor as it was. */
START_TEST(every_failing_allocation_of_an_update_is_an_error)
{
	struct history *h = history_new(30);
	struct text first = {0}, second;
	long steps = 0;

	text_seed(9);
	upload(h, 100, 0, 8);
	first = next(h, &first);
	upload(h, 10, 0, 8);
	second = next(h, &first);
	/* several parts lose documents, the smaller one is merged, the codes of the larger drift */
	upload(h, 5, 10, LONGEST);
	for (;; steps++) {
		struct text third = text_now(h);
		fault_arm(steps);
		enum code rc = succeed(h, second.index, NULL, &third);
		bool fired = fault_fired();
		fault_arm(-1);
		if (!fired) {
			ck_assert_int_eq(rc, OK);
			ck_questions(&third, 2);
			text_free(&third);
			break;
		}
		ck_assert_int_eq(rc, RESOURCE_EXHAUSTED);
		ck_assert_ptr_null(third.index);
		text_free(&third);
	}
	ck_assert_int_gt(steps, 40);
	ck_questions(&second, 2);
	text_free(&first);
	text_free(&second);
	free(h);
}
END_TEST
#endif

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
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, every_failing_allocation_of_an_update_is_an_error);
#endif
	suite_add_tcase(s, t);
	return s;
}
