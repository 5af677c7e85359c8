/*
 * What an update may cost: parts that are too large to be made one, or to be freed of what they lost, in one
 * update, and what becomes of them. Answers are right on the way, as in test_bm25_updates.c.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "tests/storage/text/bm25_history.h"

enum { LARGE = 4000, AT_ONCE = 10, SMALL_ALLOWANCE = 64 };

/* Of two parts that stay apart though one is not much larger, one has half of an allowance or more; and
 * a few others are each some times as large as the next. */
static void ck_few_parts(const struct bm25 *b)
{
	ck_assert_uint_le(b->n_parts, 2 * b->n / SMALL_ALLOWANCE + 5);
}

/* So many documents a time are replaced by others of `words` words; returns how many times it takes until
 * nothing of the large part is left. */
static int wear_out(struct history *h, struct text *now, int at_once, uint8_t words)
{
	const struct segment *large = segment_acquire(now->index->parts[0].segment);
	int updates = 0;

	for (; history_part(now->index, large); updates++) {
		for (int i = 0; i < at_once; i++) {
			uint32_t d = (uint32_t)(updates * at_once + i) * 7 % large->n;
			history_change(h, d, LONGEST);
			h->length[d] = words;
			for (uint8_t w = 0; w < words; w++)
				h->words[d][w] = text_below(h->vocabulary);
		}
		history_go_on(h, now);
		if (updates % 20 == 0)
			ck_questions(now, 1);
		ck_assert_uint_eq(now->index->n, large->n);
		ck_few_parts(now->index);
	}
	segment_release((struct segment *)large);
	return updates;
}

/* One more document, of many words. */
static void add_long(struct history *h)
{
	uint32_t d = h->n;

	history_change(h, d, LONGEST);
	h->length[d] = LONGEST;
	for (uint8_t w = 0; w < LONGEST; w++)
		h->words[d][w] = text_below(h->vocabulary);
}

static bool is_outdated(const struct bm25 *b, const struct part *p)
{
	return fabs(p->codes->average / b->average - 1) > CODES_DRIFT;
}

/* A worn part goes piece by piece: no update writes more than it may (ck_cost), and it is gone when the
 * documents that came since it was worn are a third of those that lived in it. The pieces become one, also
 * when one document comes at a time. */
START_TEST(a_large_worn_part_goes_in_pieces)
{
	struct history *h = history_new(50);
	struct text now = {0};
	int large = _i ? LARGE / 4 : LARGE, at_once = _i ? 1 : AT_ONCE;

	text_seed(12);
	history_upload(h, (uint32_t)large, 0, 8);
	now = history_next(h, &now);
	h->anew = SMALL_ALLOWANCE;
	int updates = wear_out(h, &now, at_once, 4), worn = large / 3 / at_once;
	ck_assert(h->in_pieces);
	ck_assert_int_ge(updates, worn);
	ck_assert_int_le(updates, worn + 2 + (large - large / 3) / 3 / at_once);
	ck_questions(&now, 5);
	text_free(&now);
	free(h);
}
END_TEST

/* So does one whose codes are outdated, long before it is worn; the new parts get codes in time. */
START_TEST(a_large_outdated_part_goes_in_pieces)
{
	struct history *h = history_new(50);
	struct text now = {0};

	text_seed(13);
	history_upload(h, LARGE, 0, 8);
	now = history_next(h, &now);
	h->anew = SMALL_ALLOWANCE;
	int updates = wear_out(h, &now, AT_ONCE, LONGEST);
	ck_assert_int_le(updates, 20 + LARGE / 3 / AT_ONCE);
	ck_questions(&now, 5);
	/* Nothing comes: codes are all there is to do. */
	for (int i = 0; i < LARGE / SMALL_ALLOWANCE; i++)
		history_go_on(h, &now);
	ck_kept(now.index);
	ck_questions(&now, 5);
	text_free(&now);
	free(h);
}
END_TEST

/* A part of four times the allowance, all of which its new codes would take, while each update brings
 * something: it is freed of outdated codes some other way. */
START_TEST(a_part_of_four_times_the_allowance_is_not_outdated_for_ever)
{
	struct history *h = history_new(50);
	struct text now = {0};
	int met = 0, in_a_row = 0;

	text_seed(15);
	history_upload(h, 4 * SMALL_ALLOWANCE, 0, 8);
	now = history_next(h, &now);
	h->anew = SMALL_ALLOWANCE;
	for (int i = 0; i < 60; i++) {
		for (int j = 0; j < AT_ONCE; j++)
			add_long(h);
		history_go_on(h, &now);
		bool outdated = is_outdated(now.index, &now.index->parts[0]);
		met += outdated;
		in_a_row = outdated ? in_a_row + 1 : 0;
		ck_assert_int_le(in_a_row, 2 * 4 * SMALL_ALLOWANCE / 3 / AT_ONCE);
	}
	ck_assert_int_gt(met, 0);
	ck_questions(&now, 5);
	text_free(&now);
	free(h);
}
END_TEST

/* Parts that are too large to be one stay apart. */
START_TEST(parts_that_are_too_large_stay_apart)
{
	struct history *h = history_new(50);
	struct text now = {0};

	text_seed(14);
	h->anew = 200;
	for (int i = 0; i < 100; i++) {
		history_upload(h, 20, 0, 6);
		history_go_on(h, &now);
	}
	const struct bm25 *b = now.index;
	ck_assert_uint_ge(b->n_parts, 10);
	ck_assert_uint_le(b->n_parts, 2 * 2000 / 200 + 3);
	for (size_t i = 0; i < b->n_parts; i++)
		ck_assert_uint_le(b->parts[i].segment->n, 200);
	ck_questions(&now, 20);
	text_free(&now);
	free(h);
}
END_TEST

/* From every place and to every end, among words that are all lost, in part, or not at all. */
START_TEST(the_next_place_that_lives_is_the_first_that_is_not_lost)
{
	uint64_t lost[] = {
		0, UINT64_MAX, UINT64_MAX, 0x8000000000000001, UINT64_MAX, 0, UINT64_MAX};
	const struct part none = {.lost = NULL}, some = {.lost = lost};
	const uint32_t n = 64 * sizeof lost / sizeof *lost;

	for (uint32_t end = 0; end <= n; end++)
		for (uint32_t at = 0; at <= end; at++) {
			uint32_t want = at;
			while (want < end && lost[want / 64] >> want % 64 & 1)
				want++;
			ck_assert_uint_eq(part_next(&some, at, end), want);
			ck_assert_uint_eq(part_next(&none, at, end), at);
		}
}
END_TEST

#ifdef HARDMINER_FAULTS
static struct error err;

/* An update that fails leaves nothing, and its predecessor as it was. */
START_TEST(every_failing_allocation_of_an_update_is_an_error)
{
	struct history *h = history_new(30);
	struct text first = {0}, second;
	long steps = 0;

	text_seed(9);
	h->anew = _i ? 0 : BM25_ANEW;
	history_upload(h, _i ? 400 : 100, 0, 8);
	first = history_next(h, &first);
	history_upload(h, 10, 0, 8);
	second = history_next(h, &first);
	/* several parts lose documents, the smaller one is merged, the codes of the larger drift: then it
	 * gets new ones, or goes in pieces */
	history_upload(h, 5, 10, LONGEST);
	for (;; steps++) {
		struct text third = history_text(h);
		fault_arm(steps);
		enum code rc = history_succeed(h, second.index, NULL, &third, &err);
		bool fired = fault_fired();
		fault_arm(-1);
		if (!fired) {
			ck_assert_int_eq(rc, OK);
			history_look(h, second.index, third.index);
			ck_assert_int_eq(h->in_pieces, _i);
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
	Suite *s = suite_create("bm25_renew");
	TCase *t = tcase_create("bm25_renew");

	tcase_add_loop_test(t, a_large_worn_part_goes_in_pieces, 0, 2);
	tcase_add_test(t, a_large_outdated_part_goes_in_pieces);
	tcase_add_test(t, a_part_of_four_times_the_allowance_is_not_outdated_for_ever);
	tcase_add_test(t, parts_that_are_too_large_stay_apart);
	tcase_add_test(t, the_next_place_that_lives_is_the_first_that_is_not_lost);
#ifdef HARDMINER_FAULTS
	tcase_add_loop_test(t, every_failing_allocation_of_an_update_is_an_error, 0, 2);
#endif
	suite_add_tcase(s, t);
	return s;
}
