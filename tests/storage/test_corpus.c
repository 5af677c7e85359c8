#include "tests/storage/rows/fixture.h"

#include <stdio.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/corpus.h"
#include "tests/storage/patience.h"

static struct collection demo, other;

static void setup(void)
{
	fixture_setup();
	ck_ok(collection_create(db, "demo", &demo, &err), &err);
	ck_ok(collection_create(db, "other", &other, &err), &err);
	put_documents(other.id, DOCUMENTS(document("x", NULL, "the other's", "group")));
}

static enum code build(struct stop *stop, struct corpus **out)
{
	return corpus_build(db, demo.id, 7, NULL, stop, out, &err);
}

static struct corpus *built(void)
{
	struct corpus *c = NULL;

	ck_ok(build(NULL, &c), &err);
	return c;
}

static void put_pets(void)
{
	put_documents(demo.id,
		DOCUMENTS(document("b", "Cats", "sit and purr", "pets"),
			document("a", NULL, "dogs bark", NULL),
			document("B", NULL, "cats SIT  and purr", "pets"),
			document("aa", "On cats", "cats sit and purr", "books"),
			document("\xc3\xa9", NULL, NULL, NULL), document("Z", "", " ", "books"),
			document("c", NULL, "Sit and purr", "")));
}

START_TEST(documents_are_there_by_number_and_by_id)
{
	static const char *const ids[] = {"b", "a", "B", "aa", "\xc3\xa9", "Z", "c"};
	struct corpus *c;

	put_pets();
	c = built();
	ck_assert_uint_eq(c->n, 7);
	ck_assert_uint_eq(c->documents_revision, 7);
	ck_assert_int_eq(c->collection, demo.id);
	for (uint32_t d = 0; d < 7; d++) {
		ck_assert_str_eq(c->id[d], ids[d]);
		ck_assert_uint_eq(corpus_find(c, ids[d]), d);
	}
	ck_assert_uint_eq(corpus_find(c, "x"), NO_DOCUMENT);
	ck_assert_uint_eq(corpus_find(c, ""), NO_DOCUMENT);
	ck_assert_uint_eq(corpus_find(c, "aaa"), NO_DOCUMENT);
	corpus_release(c);
}
END_TEST

START_TEST(order_is_byte_order_of_ids)
{
	/* B Z a aa b c e-acute */
	static const uint32_t want[] = {4, 2, 0, 3, 6, 1, 5};
	struct corpus *c;

	put_pets();
	c = built();
	for (uint32_t d = 0; d < 7; d++)
		ck_assert_uint_eq(c->order[d], want[d]);
	corpus_release(c);
}
END_TEST

START_TEST(groups_are_numbers_above_zero)
{
	struct corpus *c;

	put_pets();
	c = built();
	ck_assert_uint_ne(c->group[0], 0);
	ck_assert_uint_ne(c->group[3], 0);
	ck_assert_uint_ne(c->group[0], c->group[3]);
	ck_assert_uint_eq(c->group[2], c->group[0]);
	ck_assert_uint_eq(c->group[5], c->group[3]);
	ck_assert_uint_eq(c->group[1], 0);
	ck_assert_uint_eq(c->group[6], 0);
	ck_assert_uint_eq(corpus_group(c, "pets"), c->group[0]);
	ck_assert_uint_eq(corpus_group(c, "books"), c->group[3]);
	ck_assert_uint_eq(corpus_group(c, "group"), 0);
	ck_assert_uint_eq(corpus_group(c, ""), 0);
	corpus_release(c);
}
END_TEST

/* The documents that say this text, as "0 2 3". */
static const char *saying(const struct corpus *c, const char *text, size_t max)
{
	static char list[64];
	uint32_t found[8];
	size_t n = corpus_same_content(c, content_of(NULL, text).whole, found, max), used = 0;

	used += (size_t)snprintf(list, sizeof list, "%zu:", n);
	for (size_t i = 0; i < n && i < max; i++)
		used += (size_t)snprintf(list + used, sizeof list - used, " %u", found[i]);
	return list;
}

START_TEST(documents_that_say_the_same_are_found_whole_or_without_their_title)
{
	struct corpus *c;

	put_pets();
	c = built();
	ck_assert_str_eq(saying(c, "CATS sit and purr", 8), "3: 0 2 3");
	ck_assert_str_eq(saying(c, "CATS sit and purr", 2), "3: 0 2");
	ck_assert_str_eq(saying(c, "CATS sit and purr", 0), "3:");
	ck_assert_str_eq(saying(c, "sit and purr", 8), "2: 0 6");
	ck_assert_str_eq(saying(c, "on cats cats sit and purr", 8), "1: 3");
	ck_assert_str_eq(saying(c, "dogs", 8), "0:");
	/* two are empty, and no duplicates of anything */
	ck_assert_str_eq(saying(c, "", 8), "0:");
	for (uint32_t d = 0; d < c->n; d++)
		ck_assert_int_eq(
			hash128_equal(c->content[d].whole, c->content[d].whole), d != 4 && d != 5);
	corpus_release(c);
}
END_TEST

START_TEST(titles_and_texts_are_searched_and_ties_go_by_id)
{
	struct bm25_scratch *scratch = bm25_scratch_new();
	struct bm25_query *q;
	struct hit hits[8];
	struct corpus *c;
	size_t found;

	put_documents(demo.id,
		DOCUMENTS(document("z", "Red", "fox", NULL), document("m", NULL, "red fox", NULL),
			document("a", "red fox", NULL, NULL), document("b", NULL, "hen", NULL)));
	c = built();
	q = bm25_query(c->bm25, "fox");
	struct bm25_request request = bm25_best(q, 8);
	ck_ok(bm25_search(c->bm25, &request, scratch, hits, &found, &err), &err);
	ck_assert_uint_eq(found, 3);
	ck_assert_str_eq(c->id[hits[0].document], "a");
	ck_assert_str_eq(c->id[hits[1].document], "m");
	ck_assert_str_eq(c->id[hits[2].document], "z");
	ck_assert(hits[0].score == hits[2].score);
	bm25_query_free(q);
	bm25_scratch_free(scratch);
	corpus_release(c);
}
END_TEST

START_TEST(an_empty_collection_is_a_corpus)
{
	struct corpus *c = built();

	ck_assert_uint_eq(c->n, 0);
	ck_assert_uint_eq(corpus_find(c, "a"), NO_DOCUMENT);
	ck_assert_uint_eq(corpus_group(c, "pets"), 0);
	ck_assert_str_eq(saying(c, "cats", 8), "0:");
	ck_assert_ptr_nonnull(c->bm25);
	corpus_release(c);
}
END_TEST

START_TEST(many_documents_keep_their_places)
{
	enum { N = 2000 };
	static Pb__Document *documents[N];
	struct corpus *c;
	size_t wrong = 0;

	for (int i = 0; i < N; i++)
		documents[i] = document(arena_printf(&arena, "d%d", i * 7919 % N), NULL,
			arena_printf(&arena, "text %d", i / 2),
			arena_printf(&arena, "g%d", i % 50));
	put_documents(demo.id, documents, N);
	c = built();
	for (uint32_t i = 0; i < N; i++) {
		uint32_t twins[2];
		wrong += corpus_find(c, documents[i]->id) != i;
		wrong += c->group[i] != corpus_group(c, documents[i]->group);
		wrong += corpus_same_content(c, c->content[i].whole, twins, 2) != 2;
		wrong += twins[0] != (i & ~1u) || twins[1] != (i | 1);
		for (uint32_t j = i ? i - 1 : 0; j < i; j++)
			wrong += (c->order[i] < c->order[j]) != (strcmp(c->id[i], c->id[j]) < 0);
	}
	ck_assert_uint_eq(wrong, 0);
	corpus_release(c);
}
END_TEST

START_TEST(references_are_counted)
{
	struct corpus *c, *again;

	put_pets();
	c = built();
	again = corpus_acquire(c);
	ck_assert_ptr_eq(again, c);
	ck_assert_ptr_null(corpus_release(c));
	ck_assert_uint_eq(corpus_find(again, "a"), 1);
	ck_assert_ptr_null(corpus_release(again));
	ck_assert_ptr_null(corpus_release(NULL));
}
END_TEST

START_TEST(building_stops_when_told)
{
	struct corpus *c = NULL;
	struct patience none = {0, 0};
	struct stop stop = {.given_up = patience_is_over, .arg = &none};

	put_pets();
	ck_refused(build(&stop, &c), &err, CANCELLED, "CANCELLED");
	ck_assert_ptr_null(c);
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(every_failing_step_is_an_error)
{
	struct corpus *c = NULL;
	long steps = 0;

	put_pets();
	for (;; steps++) {
		fault_arm(steps);
		enum code code = corpus_build(db, demo.id, 7, NULL, NULL, &c, &err);
		if (!fault_fired())
			break;
		ck_assert_int_ne(code, OK);
		ck_assert_ptr_null(c);
	}
	fault_arm(-1);
	ck_assert_int_gt(steps, 30);
	corpus_release(c);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("corpus");
	TCase *t = tcase_create("corpus");

	tcase_add_checked_fixture(t, setup, fixture_teardown);
	tcase_add_test(t, documents_are_there_by_number_and_by_id);
	tcase_add_test(t, order_is_byte_order_of_ids);
	tcase_add_test(t, groups_are_numbers_above_zero);
	tcase_add_test(t, documents_that_say_the_same_are_found_whole_or_without_their_title);
	tcase_add_test(t, titles_and_texts_are_searched_and_ties_go_by_id);
	tcase_add_test(t, an_empty_collection_is_a_corpus);
	tcase_add_test(t, many_documents_keep_their_places);
	tcase_add_test(t, references_are_counted);
	tcase_add_test(t, building_stops_when_told);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, every_failing_step_is_an_error);
#endif
	suite_add_tcase(s, t);
	return s;
}
