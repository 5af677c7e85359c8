#include "tests/runner.h"

#include "hardminer/v1/miner.pb-c.h"
#include "proto/copy.h"

START_TEST(a_copy_is_deep_and_keeps_presence)
{
	struct arena arena;
	char id[] = "d1";
	Pb__MineResult result = PB__MINE_RESULT__INIT;
	Pb__Negative negative = PB__NEGATIVE__INIT, *negatives[] = {&negative};

	arena_init(&arena, 1 << 20);
	negative.document_id = id;
	negative.has_score = 1;
	negative.score = 0.1;
	result.n_negatives = 1;
	result.negatives = negatives;
	Pb__MineResult *copy = (Pb__MineResult *)message_copy(&result.base, &arena);
	id[1] = 'x';
	ck_assert_str_eq(copy->negatives[0]->document_id, "d1");
	ck_assert_double_eq(copy->negatives[0]->score, 0.1);
	ck_assert(!copy->negatives[0]->has_rank);
	ck_assert_ptr_null(copy->query_id);
	arena_free(&arena);
}
END_TEST

START_TEST(a_copy_past_the_arena_s_limit_is_refused)
{
	struct arena arena;
	Pb__Collection collection = PB__COLLECTION__INIT;

	arena_init(&arena, 64);
	collection.collection = "c";
	ck_assert_ptr_null(message_copy(&collection.base, &arena));
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("copy");
	TCase *t = tcase_create("copy");

	tcase_add_test(t, a_copy_is_deep_and_keeps_presence);
	tcase_add_test(t, a_copy_past_the_arena_s_limit_is_refused);
	suite_add_tcase(s, t);
	return s;
}
