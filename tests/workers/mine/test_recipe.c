#include "tests/runner.h"

#include <math.h>
#include <string.h>

#include "proto/limits.h"
#include "workers/mine/recipe.h"

static struct arena arena;
static struct error err;
static Pb__MineNegativesRequest req;
static Pb__MineNegativesRequest *recipe;

static void setup(void)
{
	arena_init(&arena, 4 << 20);
	pb__mine_negatives_request__init(&req);
}

static void teardown(void)
{
	arena_free(&arena);
}

#define SET(field, value) req.has_##field = true, req.field = (value)

static void resolve(const char *strategy)
{
	req.strategy = strategy;
	ck_ok(recipe_resolve(&req, &arena, &recipe, &err), &err);
}

static void ck_refused_at(const char *field, const char *reason)
{
	ck_refused(recipe_resolve(&req, &arena, &recipe, &err), &err, INVALID_ARGUMENT, reason);
	ck_assert_str_eq(err.field, field);
	pb__mine_negatives_request__init(&req);
}

START_TEST(the_list_of_names_is_the_table)
{
	for (size_t i = 0; i < n_strategies; i++) {
		ck_assert_str_eq(recipe_name(i), strategies[i].name);
		resolve(recipe_name(i));
	}
	ck_assert_ptr_null(recipe_name(n_strategies));
}
END_TEST

START_TEST(without_a_strategy_it_is_margin)
{
	ck_ok(recipe_resolve(&req, &arena, &recipe, &err), &err);
	ck_assert_str_eq(recipe->strategy, "margin");
	ck_assert(recipe->has_relative_margin && recipe->relative_margin == .05);
	ck_assert(!recipe->has_absolute_margin);
	ck_assert_uint_eq(recipe->num_negatives, 3);
	ck_assert_int_eq(recipe->anchor, PB__ANCHOR__ANCHOR_MIN);
	ck_assert(!recipe->strict);
}
END_TEST

START_TEST(the_recipe_has_every_setting_that_is_not_optional)
{
	static const char *const may_be_absent[] = {"generation", "max_score", "min_score",
		"absolute_margin", "relative_margin", "semi_hard_margin", "range_max", "nprobe",
		"ef_search", NULL};
	const ProtobufCMessageDescriptor *type = &pb__mine_negatives_request__descriptor;

	resolve("topk");
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		bool optional =
			f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE;
		for (size_t j = 0; may_be_absent[j]; j++)
			optional |= !strcmp(f->name, may_be_absent[j]);
		const protobuf_c_boolean *has =
			(const void *)((const char *)recipe + f->quantifier_offset);
		ck_assert_msg(optional || *has, "%s is absent", f->name);
	}
	ck_assert_uint_eq(recipe->n_sources, 1);
}
END_TEST

static size_t pack(const Pb__MineNegativesRequest *m, uint8_t *to)
{
	ck_assert_uint_lt(protobuf_c_message_get_packed_size(&m->base), 1000);
	return protobuf_c_message_pack(&m->base, to);
}

START_TEST(a_recipe_sent_back_is_the_same_recipe)
{
	static const char *const more[] = {
		"margin+bm25", "st+bm25", "topk_marginpos+margin", "flag+in_batch", NULL};
	uint8_t once[1000], again[1000];

	for (size_t i = 0; i < 2 * (n_strategies + 4); i++) {
		size_t at = i % (n_strategies + 4);
		Pb__MineNegativesRequest *replayed;
		if (i > at) /* the second time round */
			SET(range_max, 50);
		resolve(at < n_strategies ? recipe_name(at) : more[at - n_strategies]);
		ck_ok(recipe_resolve(recipe, &arena, &replayed, &err), &err);
		size_t n = pack(recipe, once);
		ck_assert_uint_eq(n, pack(replayed, again));
		ck_assert_int_eq(memcmp(once, again, n), 0);
	}
}
END_TEST

START_TEST(joined_names_add_sources_and_the_last_opinion_wins)
{
	resolve("margin+bm25");
	ck_assert_uint_eq(recipe->n_sources, 2);
	ck_assert_int_eq(recipe->sources[0]->kind, PB__SOURCE_KIND__SOURCE_KIND_DENSE);
	ck_assert_int_eq(recipe->sources[1]->kind, PB__SOURCE_KIND__SOURCE_KIND_BM25);
	ck_assert(recipe->has_relative_margin);
	ck_assert_int_eq(recipe->scorer, PB__SCORER__SCORER_DENSE);
	resolve("topk_marginpos+margin+topk");
	ck_assert_uint_eq(recipe->n_sources, 1);
	ck_assert(recipe->has_relative_margin && recipe->has_absolute_margin);
	ck_assert(!recipe->strict);
	ck_assert_int_eq(recipe->anchor, PB__ANCHOR__ANCHOR_MIN);
}
END_TEST

START_TEST(the_request_overrides_the_strategy)
{
	Pb__Source random = PB__SOURCE__INIT, *sources[] = {&random};

	random.has_kind = true;
	random.kind = PB__SOURCE_KIND__SOURCE_KIND_RANDOM;
	req.sources = sources;
	req.n_sources = 1;
	SET(num_negatives, 5);
	SET(max_score, .9);
	SET(strict, false);
	resolve("topk_abs");
	ck_assert_uint_eq(recipe->n_sources, 1);
	ck_assert_int_eq(recipe->sources[0]->kind, PB__SOURCE_KIND__SOURCE_KIND_RANDOM);
	ck_assert_uint_eq(recipe->num_negatives, 5);
	ck_assert(recipe->max_score == .9 && !recipe->strict);
}
END_TEST

START_TEST(a_margin_of_the_request_replaces_those_of_the_strategy)
{
	SET(absolute_margin, .1);
	resolve("margin");
	ck_assert(recipe->absolute_margin == .1 && !recipe->has_relative_margin);
	resolve("topk_percpos");
	ck_assert(recipe->absolute_margin == .1 && !recipe->has_relative_margin);
	SET(relative_margin, .2);
	resolve("margin");
	ck_assert(recipe->absolute_margin == .1 && recipe->relative_margin == .2);
}
END_TEST

START_TEST(the_scorer_follows_from_the_sources)
{
	resolve("topk");
	ck_assert_int_eq(recipe->scorer, PB__SCORER__SCORER_DENSE);
	resolve("bm25");
	ck_assert_int_eq(recipe->scorer, PB__SCORER__SCORER_BM25);
	resolve("bm25+random");
	ck_assert_int_eq(recipe->scorer, PB__SCORER__SCORER_BM25);
	resolve("random");
	ck_assert_int_eq(recipe->scorer, PB__SCORER__SCORER_NONE);
	resolve("in_batch");
	ck_assert_int_eq(recipe->scorer, PB__SCORER__SCORER_NONE);
	SET(max_score, .5);
	resolve("in_batch");
	ck_assert_int_eq(recipe->scorer, PB__SCORER__SCORER_DENSE);
}
END_TEST

START_TEST(presets_have_their_own_number_of_negatives_unless_told)
{
	resolve("flag");
	ck_assert_uint_eq(recipe->num_negatives, 15);
	resolve("nv_perc");
	ck_assert_uint_eq(recipe->num_negatives, 4);
	resolve("st");
	ck_assert_uint_eq(recipe->num_negatives, 3);
	SET(num_negatives, 7);
	resolve("flag");
	ck_assert_uint_eq(recipe->num_negatives, 7);
}
END_TEST

START_TEST(the_depth_follows_the_window_and_st_does_not_deepen)
{
	resolve("topk");
	ck_assert_uint_eq(recipe->depth, 3 + 30 + 16);
	ck_assert_uint_eq(recipe->max_depth, LIMIT_CANDIDATES);
	resolve("st");
	ck_assert(!recipe->has_depth && !recipe->has_max_depth && !recipe->has_range_max);
	SET(range_max, 50);
	resolve("st");
	ck_assert_uint_eq(recipe->depth, 50);
	ck_assert_uint_eq(recipe->max_depth, 50);
	SET(max_depth, 20);
	resolve("topk");
	ck_assert_uint_eq(recipe->depth, 20);
}
END_TEST

START_TEST(an_unknown_strategy_is_told_which_there_are)
{
	static const char *const wrong[] = {
		"margn", "", "margin+", "+margin", "margin++bm25", "Margin", "margin +bm25", NULL};

	for (size_t i = 0; wrong[i]; i++) {
		req.strategy = wrong[i];
		ck_refused_at("strategy", "UNKNOWN_STRATEGY");
	}
	req.strategy = "margn";
	recipe_resolve(&req, &arena, &recipe, &err);
	ck_assert_ptr_nonnull(strstr(err.text, "\"margn\""));
	for (size_t i = 0; recipe_name(i); i++)
		ck_assert_ptr_nonnull(strstr(err.text, recipe_name(i)));
}
END_TEST

START_TEST(an_unknown_strategy_is_cut_between_characters)
{
	/* 39 letters, then a character of two bytes across the fortieth. */
	req.strategy = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9zzzz";
	recipe_resolve(&req, &arena, &recipe, &err);
	ck_assert_ptr_null(strchr(err.text, '\xc3'));
}
END_TEST

START_TEST(numbers_out_of_bounds_are_refused_by_name)
{
	SET(num_negatives, 0);
	ck_refused_at("num_negatives", "LIMIT_EXCEEDED");
	SET(num_negatives, LIMIT_NEGATIVES + 1);
	ck_refused_at("num_negatives", "LIMIT_EXCEEDED");
	SET(range_min, LIMIT_CANDIDATES);
	ck_refused_at("range_min", "LIMIT_EXCEEDED");
	SET(range_max, LIMIT_CANDIDATES + 1);
	ck_refused_at("range_max", "LIMIT_EXCEEDED");
	SET(depth, 0);
	ck_refused_at("depth", "LIMIT_EXCEEDED");
	SET(depth, LIMIT_CANDIDATES + 1);
	ck_refused_at("depth", "LIMIT_EXCEEDED");
	SET(max_depth, 0);
	ck_refused_at("max_depth", "LIMIT_EXCEEDED");
	SET(semi_hard_margin, 0);
	ck_refused_at("semi_hard_margin", "INVALID_VALUE");
	SET(max_score, NAN);
	ck_refused_at("max_score", "NOT_FINITE");
	SET(min_score, -INFINITY);
	ck_refused_at("min_score", "NOT_FINITE");
	SET(absolute_margin, INFINITY);
	ck_refused_at("absolute_margin", "NOT_FINITE");
	SET(relative_margin, NAN);
	ck_refused_at("relative_margin", "NOT_FINITE");
	SET(semi_hard_margin, NAN);
	ck_refused_at("semi_hard_margin", "NOT_FINITE");
	SET(anchor, (Pb__Anchor)17);
	ck_refused_at("anchor", "INVALID_VALUE");
	SET(sampling_strategy, (Pb__Sampling)-1);
	ck_refused_at("sampling_strategy", "INVALID_VALUE");
}
END_TEST

START_TEST(contradictions_are_refused_by_name)
{
	SET(range_min, 5);
	SET(range_max, 5);
	ck_refused_at("range_min", "CONTRADICTION");
	SET(num_negatives, 6);
	SET(range_min, 5);
	SET(range_max, 10);
	ck_refused_at("num_negatives", "CONTRADICTION");
	SET(scorer, PB__SCORER__SCORER_NONE);
	ck_refused_at("scorer", "CONTRADICTION");
	SET(min_score, .6);
	SET(max_score, .5);
	ck_refused_at("min_score", "CONTRADICTION");
	SET(semi_hard_margin, .1);
	SET(absolute_margin, .1);
	ck_refused_at("absolute_margin", "CONTRADICTION");
	SET(depth, 100);
	SET(max_depth, 99);
	ck_refused_at("max_depth", "CONTRADICTION");
}
END_TEST

START_TEST(sources_are_checked_one_by_one)
{
	Pb__Source a = PB__SOURCE__INIT, b = PB__SOURCE__INIT, *sources[] = {&a, &b};

	a.has_kind = true;
	req.sources = sources;
	req.n_sources = 2;
	ck_refused_at("sources[1].kind", "MISSING_FIELD");
	b.has_kind = true;
	req.sources = sources;
	req.n_sources = 2;
	ck_refused_at("sources[1].kind", "CONTRADICTION");
	b.kind = 9;
	req.sources = sources;
	req.n_sources = 2;
	ck_refused_at("sources[1].kind", "INVALID_VALUE");
	b.kind = PB__SOURCE_KIND__SOURCE_KIND_BM25;
	b.has_quota = true;
	req.sources = sources;
	req.n_sources = 2;
	ck_refused_at("sources[1].quota", "INVALID_VALUE");
}
END_TEST

START_TEST(negative_margins_are_allowed)
{
	SET(absolute_margin, -.1); /* keeps what is at most .1 above the positive */
	resolve("topk");
	ck_assert(recipe->absolute_margin == -.1);
}
END_TEST

START_TEST(what_the_stages_need_follows_from_sources_and_scorer)
{
	resolve("bm25");
	ck_assert(recipe_needs_text(recipe) && !recipe_needs_vector(recipe));
	resolve("margin+bm25");
	ck_assert(recipe_needs_text(recipe) && recipe_needs_vector(recipe));
	resolve("random");
	ck_assert(!recipe_needs_text(recipe) && !recipe_needs_vector(recipe));
	SET(scorer, PB__SCORER__SCORER_DENSE);
	resolve("bm25");
	ck_assert(recipe_needs_text(recipe) && recipe_needs_vector(recipe));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("recipe");
	TCase *t = tcase_create("recipe");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_list_of_names_is_the_table);
	tcase_add_test(t, without_a_strategy_it_is_margin);
	tcase_add_test(t, the_recipe_has_every_setting_that_is_not_optional);
	tcase_add_test(t, a_recipe_sent_back_is_the_same_recipe);
	tcase_add_test(t, joined_names_add_sources_and_the_last_opinion_wins);
	tcase_add_test(t, the_request_overrides_the_strategy);
	tcase_add_test(t, a_margin_of_the_request_replaces_those_of_the_strategy);
	tcase_add_test(t, the_scorer_follows_from_the_sources);
	tcase_add_test(t, presets_have_their_own_number_of_negatives_unless_told);
	tcase_add_test(t, the_depth_follows_the_window_and_st_does_not_deepen);
	tcase_add_test(t, an_unknown_strategy_is_told_which_there_are);
	tcase_add_test(t, an_unknown_strategy_is_cut_between_characters);
	tcase_add_test(t, numbers_out_of_bounds_are_refused_by_name);
	tcase_add_test(t, contradictions_are_refused_by_name);
	tcase_add_test(t, sources_are_checked_one_by_one);
	tcase_add_test(t, negative_margins_are_allowed);
	tcase_add_test(t, what_the_stages_need_follows_from_sources_and_scorer);
	suite_add_tcase(s, t);
	return s;
}
