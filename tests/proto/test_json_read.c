#include "tests/runner.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/json.h"

static struct arena arena;
static struct error err;

static void setup(void)
{
	arena_init(&arena, 64 << 20);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* From memory that ends with the text, so that the sanitizer sees any read past it. */
static enum code read_n(
	const char *text, size_t len, const ProtobufCMessageDescriptor *type, void *out)
{
	char *exact = malloc(len ? len : 1);

	memcpy(exact, text, len);
	enum code rc = json_read(exact, len, type, &arena, out, &err);
	free(exact);
	return rc;
}

static enum code read_as(const ProtobufCMessageDescriptor *type, const char *text, void *out)
{
	return read_n(text, strlen(text), type, out);
}

START_TEST(every_kind_of_field_is_read)
{
	Pb__MineNegativesRequest *m;
	const char *text =
		" {\"collection\":\"demo\" , "
		"\"strategy\":\"margin+denoised\",\"num_negatives\":7,\n"
		"\t\"seed\":\"18446744073709551615\",\"explain\":true,\"relative_margin\":5e-2,"
		"\"rank_base\":\"survivors\",\"sources\":[{\"kind\":\"bm25\",\"quota\":10},{}],"
		"\"queries\":[{\"id\":\"q1\",\"vector\":[1,-2.5,0.1,1e-45],"
		"\"vector_f32\":\"AACAPw==\",\"positives\":[\"a\",\"b\"],\"positive_scores\":[]}]}"
		"\r\n";

	ck_ok(read_as(&pb__mine_negatives_request__descriptor, text, &m), &err);
	ck_assert_str_eq(m->collection, "demo");
	ck_assert_str_eq(m->strategy, "margin+denoised");
	ck_assert(m->has_num_negatives && m->num_negatives == 7);
	ck_assert(m->has_seed && m->seed == UINT64_MAX);
	ck_assert(m->has_explain && m->explain);
	ck_assert(m->has_relative_margin && m->relative_margin == 0.05);
	ck_assert(m->has_rank_base && m->rank_base == PB__RANK_BASE__RANK_BASE_SURVIVORS);
	ck_assert_uint_eq(m->n_sources, 2);
	ck_assert(m->sources[0]->has_kind &&
		  m->sources[0]->kind == PB__SOURCE_KIND__SOURCE_KIND_BM25);
	ck_assert(m->sources[0]->has_quota && m->sources[0]->quota == 10);
	ck_assert(!m->sources[1]->has_kind);

	const Pb__MineQuery *q = m->queries[0];
	ck_assert_uint_eq(q->n_vector, 4);
	ck_assert(q->vector[0] == 1 && q->vector[1] == -2.5f && q->vector[2] == 0.1f);
	ck_assert(q->vector[3] == FLT_TRUE_MIN);
	ck_assert(q->has_vector_f32 && q->vector_f32.len == 4);
	ck_assert_int_eq(memcmp(q->vector_f32.data, "\0\0\x80\x3f", 4), 0);
	ck_assert_uint_eq(q->n_positives, 2);
	ck_assert_str_eq(q->positives[1], "b");
	ck_assert_uint_eq(q->n_positive_scores, 0);
}
END_TEST

START_TEST(absent_fields_keep_the_schemas_defaults_and_stay_unset)
{
	Pb__MineNegativesRequest *m;
	static const char *const empty[] = {
		"", " \n\t", "{}", "{\"strategy\":null,\"queries\":null}"};

	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		ck_ok(read_as(&pb__mine_negatives_request__descriptor, empty[i], &m), &err);
		ck_assert_str_eq(m->strategy, "margin");
		ck_assert(!m->has_num_negatives && m->num_negatives == 3);
		ck_assert(!m->has_seed && m->seed == 0);
		ck_assert_ptr_null(m->collection);
		ck_assert_uint_eq(m->n_queries, 0);
	}
	ck_ok(json_read(NULL, 0, &pb__info__descriptor, &arena, (ProtobufCMessage **)&m, &err),
		&err);
}
END_TEST

START_TEST(names_may_be_lower_camel_case)
{
	Pb__Generation *g;

	ck_ok(read_as(&pb__generation__descriptor,
		      "{\"documentVectors\":3,\"createdAtMs\":-1,\"query_vectors\":\"4\"}", &g),
		&err);
	ck_assert_uint_eq(g->document_vectors, 3);
	ck_assert_int_eq(g->created_at_ms, -1);
	ck_assert_uint_eq(g->query_vectors, 4);
	ck_refused(read_as(&pb__generation__descriptor, "{\"createdAt_ms\":1}", &g), &err,
		INVALID_ARGUMENT, "UNKNOWN_FIELD");
}
END_TEST

START_TEST(enums_are_known_by_short_and_full_name)
{
	static const char *const names[] = {"l2", "L2", "SIMILARITY_L2", "similarity_l2"};
	Pb__Generation *g;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char text[64];
		snprintf(text, sizeof text, "{\"similarity\":\"%s\"}", names[i]);
		ck_ok(read_as(&pb__generation__descriptor, text, &g), &err);
		ck_assert(g->has_similarity && g->similarity == PB__SIMILARITY__SIMILARITY_L2);
	}
	ck_refused(read_as(&pb__generation__descriptor, "{\"similarity\":\"angular\"}", &g), &err,
		INVALID_ARGUMENT, "UNKNOWN_VALUE");
	ck_assert_str_eq(err.text, "\"angular\" is not one of: cosine, dot, l2.");
}
END_TEST

START_TEST(a_list_message_is_a_bare_array)
{
	Pb__UpsertVectorsRequest *m;

	ck_ok(read_as(&pb__upsert_vectors_request__descriptor,
		      "{\"of\":\"query\",\"ids\":[\"a\",\"b\"],\"vectors\":[[1,2.5],[]]}", &m),
		&err);
	ck_assert_uint_eq(m->n_vectors, 2);
	ck_assert_uint_eq(m->vectors[0]->n_values, 2);
	ck_assert(m->vectors[0]->values[1] == 2.5f);
	ck_assert_uint_eq(m->vectors[1]->n_values, 0);
}
END_TEST

START_TEST(escapes_become_characters)
{
	Pb__Document *d;

	ck_ok(read_as(&pb__document__descriptor,
		      "{\"t\\u0065xt\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\uD83D\\ude00 "
		      "\xc3\xa9\xf0\x9f\x98\x80\"}",
		      &d),
		&err);
	ck_assert_str_eq(d->text, "\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 "
				  "\xc3\xa9\xf0\x9f\x98\x80");
}
END_TEST

START_TEST(integers_reach_their_limits_and_no_further)
{
	Pb__Error *error;
	Pb__Generation *g;
	const ProtobufCMessageDescriptor *narrow = &pb__error__descriptor;
	const ProtobufCMessageDescriptor *wide = &pb__generation__descriptor;

	ck_ok(read_as(narrow, "{\"code\":-2147483648,\"retry_after_ms\":4294967295}", &error),
		&err);
	ck_assert_int_eq(error->code, INT32_MIN);
	ck_assert_uint_eq(error->retry_after_ms, UINT32_MAX);
	ck_ok(read_as(wide,
		      "{\"step\":-9223372036854775808,\"generation\":18446744073709551615,"
		      "\"created_at_ms\":\"9223372036854775807\"}",
		      &g),
		&err);
	ck_assert_int_eq(g->step, INT64_MIN);
	ck_assert_uint_eq(g->generation, UINT64_MAX);
	ck_assert_int_eq(g->created_at_ms, INT64_MAX);
	ck_ok(read_as(wide, "{\"generation\":1.0,\"step\":-1.2e3,\"dimension\":-0}", &g), &err);
	ck_assert_uint_eq(g->generation, 1);
	ck_assert_int_eq(g->step, -1200);

	static const char *const past[] = {"{\"step\":9223372036854775808}",
		"{\"step\":-9223372036854775809}", "{\"generation\":18446744073709551616}",
		"{\"generation\":-1}", "{\"dimension\":4294967296}", "{\"dimension\":-1}",
		"{\"step\":1e19}", "{\"generation\":\"99999999999999999999\"}",
		"{\"step\":9007199254740993.0}"};
	for (size_t i = 0; i < sizeof past / sizeof *past; i++)
		ck_refused(read_as(wide, past[i], &g), &err, INVALID_ARGUMENT, "OUT_OF_RANGE");
}
END_TEST

START_TEST(floats_are_rounded_once_from_the_text)
{
	/* 1 + 2^-24 + 2^-54: rounding to double first would land on the tie below and give 1. */
	const char *text = "[1.000000059604644830901776231257827021181583404541015625,"
			   "3.4028235677973362e38,1e-999,-0]";
	Pb__Vector *v;

	ck_ok(read_as(&pb__vector__descriptor, text, &v), &err);
	ck_assert(v->values[0] == 1 + FLT_EPSILON);
	ck_assert(v->values[1] == FLT_MAX);
	ck_assert(v->values[2] == 0);
	ck_assert(v->values[3] == 0 && signbit(v->values[3]));
}
END_TEST

START_TEST(lines_are_elements_and_blank_lines_are_nothing)
{
	Pb__UpsertDocumentsRequest *m;
	const char *text =
		"{\"id\":\"a\"}\r\n\n  \n{\"id\":\"b\",\"text\":\"x\\ny\"}\n{\"id\":\"c\"}";

	ck_ok(json_read_lines(text, strlen(text), &pb__upsert_documents_request__descriptor, &arena,
		      (ProtobufCMessage **)&m, &err),
		&err);
	ck_assert_uint_eq(m->n_documents, 3);
	ck_assert_str_eq(m->documents[1]->id, "b");
	ck_assert_str_eq(m->documents[1]->text, "x\ny");
	ck_assert_str_eq(m->documents[2]->id, "c");
}
END_TEST

START_TEST(a_bad_line_is_named_by_its_element)
{
	static const struct {
		const char *text, *reason, *field;
	} cases[] = {
		{"{}\n{\"id\":1}\n", "WRONG_TYPE", "documents[1].id"},
		{"{}\n\n{} {}\n", "MALFORMED_JSON", "documents[1]"},
		{"{}\n{\n}\n", "MALFORMED_JSON", "documents[1]"},
		{"{},\n{}\n", "MALFORMED_JSON", "documents[0]"},
		{"[{}]", "WRONG_TYPE", "documents[0]"},
	};
	ProtobufCMessage *m;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_refused(json_read_lines(cases[i].text, strlen(cases[i].text),
				   &pb__upsert_documents_request__descriptor, &arena, &m, &err),
			&err, INVALID_ARGUMENT, cases[i].reason);
		ck_assert_str_eq(err.field, cases[i].field);
	}
	ck_refused(
		json_read_lines("", 0, &pb__mine_negatives_request__descriptor, &arena, &m, &err),
		&err, INVALID_ARGUMENT, "UNSUPPORTED_MEDIA_TYPE");
}
END_TEST

#define DEEP "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["

static const struct {
	const char *text, *reason, *field;
} bad[] = {
	{"[]", "WRONG_TYPE", ""},
	{"null", "WRONG_TYPE", ""},
	{"{} {}", "MALFORMED_JSON", ""},
	{"{", "MALFORMED_JSON", ""},
	{"\xef\xbb\xbf{}", "MALFORMED_JSON", ""},
	{"{\"seed\":1,}", "MALFORMED_JSON", ""},
	{"{'seed':1}", "MALFORMED_JSON", ""},
	{"{\"seed\" 1}", "MALFORMED_JSON", ""},
	{"{\"seed\":}", "MALFORMED_JSON", "seed"},
	{"{\"seed\":01}", "MALFORMED_JSON", "seed"},
	{"{\"seed\":1.}", "MALFORMED_JSON", "seed"},
	{"{\"max_score\":NaN}", "MALFORMED_JSON", "max_score"},
	{"{\"max_score\":-Infinity}", "MALFORMED_JSON", "max_score"},
	{"{\"max_score\":+1}", "MALFORMED_JSON", "max_score"},
	{"{\"max_score\":0x10}", "MALFORMED_JSON", ""},
	{"{\"max_score\":1e999}", "OUT_OF_RANGE", "max_score"},
	{"{\"max_score\":\"1\"}", "WRONG_TYPE", "max_score"},
	{"{\"seed\":1.5}", "WRONG_TYPE", "seed"},
	{"{\"seed\":\"1x\"}", "WRONG_TYPE", "seed"},
	{"{\"seed\":\"\"}", "WRONG_TYPE", "seed"},
	{"{\"seed\":true}", "WRONG_TYPE", "seed"},
	{"{\"explain\":1}", "WRONG_TYPE", "explain"},
	{"{\"explain\":\"true\"}", "WRONG_TYPE", "explain"},
	{"{\"collection\":5}", "WRONG_TYPE", "collection"},
	{"{\"scorer\":1}", "WRONG_TYPE", "scorer"},
	{"{\"scorer\":\"\"}", "UNKNOWN_VALUE", "scorer"},
	{"{\"queries\":{}}", "WRONG_TYPE", "queries"},
	{"{\"queries\":[null]}", "WRONG_TYPE", "queries[0]"},
	{"{\"queries\":[{}", "MALFORMED_JSON", "queries"},
	{"{\"queries\":[{},{\"vektor\":[]}]}", "UNKNOWN_FIELD", "queries[1].vektor"},
	{"{\"queries\":[{},{\"vector\":[0,1,\"2\"]}]}", "WRONG_TYPE", "queries[1].vector[2]"},
	{"{\"queries\":[{},{\"vector\":[0,1e39]}]}", "OUT_OF_RANGE", "queries[1].vector[1]"},
	{"{\"queries\":[{\"vector\":[1,]}]}", "MALFORMED_JSON", "queries[0].vector[1]"},
	{"{\"queries\":[{\"vector\":[,1]}]}", "MALFORMED_JSON", "queries[0].vector[0]"},
	{"{\"queries\":[{\"vector\":[1 2]}]}", "MALFORMED_JSON", "queries[0].vector"},
	{"{\"queries\":[{\"vector_f32\":\"A\"}]}", "INVALID_BASE64", "queries[0].vector_f32"},
	{"{\"queries\":[{\"vector_f32\":\"AA\"}]}", "INVALID_BASE64", "queries[0].vector_f32"},
	{"{\"queries\":[{\"vector_f32\":\"AB==\"}]}", "INVALID_BASE64", "queries[0].vector_f32"},
	{"{\"queries\":[{\"vector_f32\":\"A===\"}]}", "INVALID_BASE64", "queries[0].vector_f32"},
	{"{\"queries\":[{\"vector_f32\":\"A=AA\"}]}", "INVALID_BASE64", "queries[0].vector_f32"},
	{"{\"queries\":[{\"vector_f32\":\"AA-_\"}]}", "INVALID_BASE64", "queries[0].vector_f32"},
	{"{\"seed\":1,\"seed\":1}", "DUPLICATE_FIELD", "seed"},
	{"{\"rank_base\":null,\"rankBase\":\"raw\"}", "DUPLICATE_FIELD", "rank_base"},
	{"{\"collection\":\"a\\u0000b\"}", "NUL_IN_STRING", "collection"},
	{"{\"collection\":\"a\nb\"}", "MALFORMED_JSON", "collection"},
	{"{\"collection\":\"\\x41\"}", "MALFORMED_JSON", "collection"},
	{"{\"collection\":\"\\u12g4\"}", "MALFORMED_JSON", "collection"},
	{"{\"collection\":\"abc", "MALFORMED_JSON", "collection"},
	{"{\"collection\":\"abc\\", "MALFORMED_JSON", "collection"},
	{"{\"collection\":\"\\ud83d\"}", "INVALID_UTF8", "collection"},
	{"{\"collection\":\"\\ud83d\\u0041\"}", "INVALID_UTF8", "collection"},
	{"{\"collection\":\"\\ude00\"}", "INVALID_UTF8", "collection"},
	{"{\"collection\":\"\xff\"}", "INVALID_UTF8", "collection"},
	{"{\"collection\":\"\xc0\x80\"}", "INVALID_UTF8", "collection"},
	{"{\"collection\":\"\xed\xa0\x80\"}", "INVALID_UTF8", "collection"},
	{"{\"collection\":\"\xf4\x90\x80\x80\"}", "INVALID_UTF8", "collection"},
	{"{\"collection\":\"1234567\xe2\x82\"}", "INVALID_UTF8", "collection"},
	{"{\"\xff\":1}", "INVALID_UTF8", ""},
	{"{\"collection\":\"\\\"" DEEP "\",\"x\":1}", "UNKNOWN_FIELD", "x"},
	{DEEP, "TOO_DEEP", ""},
	{"{\"queries\":[{\"id\":" DEEP "]}", "TOO_DEEP", "queries[0].id"},
};

START_TEST(bad_input_is_refused_with_its_reason_and_path)
{
	ProtobufCMessage *m = (ProtobufCMessage *)1;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		enum code rc = read_as(&pb__mine_negatives_request__descriptor, bad[i].text, &m);
		ck_assert_msg(rc == INVALID_ARGUMENT && !strcmp(err.reason, bad[i].reason) &&
				      !strcmp(err.field, bad[i].field),
			"%s: %s %s %s (%s)", bad[i].text, code_name(rc), err.reason, err.field,
			err.text);
	}
	ck_assert_ptr_eq(m, (ProtobufCMessage *)1);
}
END_TEST

START_TEST(malformed_text_is_told_the_byte)
{
	ProtobufCMessage *m;

	read_as(&pb__mine_negatives_request__descriptor, "{\"seed\":1;}", &m);
	ck_assert_str_eq(err.text, "The JSON is malformed at byte 9: ',' or '}' was expected.");
	read_as(&pb__mine_negatives_request__descriptor, "{\"seed\":1", &m);
	ck_assert_str_eq(err.text, "The JSON is malformed at byte 9: it ends too early.");
	ck_assert_int_eq(read_n("{\"seed\":1\0}", 11, &pb__mine_negatives_request__descriptor, &m),
		INVALID_ARGUMENT);
	ck_assert_str_eq(err.text, "The JSON is malformed at byte 9: ',' or '}' was expected.");
}
END_TEST

START_TEST(a_long_unknown_name_is_cut_between_characters)
{
	ProtobufCMessage *m;
	char text[4096] = "{\"";

	for (int i = 0; i < 1000; i++)
		strcat(text, "\xe2\x82\xac");
	strcat(text, "\":1}");
	ck_refused(read_as(&pb__document__descriptor, text, &m), &err, INVALID_ARGUMENT,
		"UNKNOWN_FIELD");
	ck_assert_uint_eq(strlen(err.field), 60);
	ck_assert_uint_eq(strlen(err.text), strlen("Document has no field \"\".") + 60);
}
END_TEST

START_TEST(a_number_of_thousands_of_digits_is_refused)
{
	ProtobufCMessage *m;
	char text[1200];

	memset(text, '1', sizeof text);
	memcpy(text, "[0.", 3);
	text[sizeof text - 1] = ']';
	ck_refused(read_n(text, sizeof text, &pb__vector__descriptor, &m), &err, INVALID_ARGUMENT,
		"MALFORMED_JSON");
	text[1024] = ']';
	ck_ok(read_n(text, 1025, &pb__vector__descriptor, &m), &err);
}
END_TEST

START_TEST(a_body_that_needs_more_than_its_memory_is_refused)
{
	Pb__Vector *v;
	size_t n = 1 << 20;
	char *text = malloc(2 * n + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(text + 2 * i, ",7", 2);
	text[0] = '[';
	text[2 * n] = ']';
	ck_ok(json_read(text, 2 * n + 1, &pb__vector__descriptor, &arena, (ProtobufCMessage **)&v,
		      &err),
		&err);
	ck_assert_uint_eq(v->n_values, n);
	/* A number costs what it costs in the message, and nothing twice. */
	ck_assert_uint_le(arena.used, n * sizeof(float) + (128 << 10));
	arena_free(&arena);
	arena.limit = n * sizeof(float);
	ck_refused(json_read(text, 2 * n + 1, &pb__vector__descriptor, &arena,
			   (ProtobufCMessage **)&v, &err),
		&err, RESOURCE_EXHAUSTED, "OUT_OF_MEMORY");
	free(text);
}
END_TEST

START_TEST(a_path_value_fills_the_field_it_names)
{
	Pb__BeginGenerationRequest *m;

	ck_ok(read_as(&pb__begin_generation_request__descriptor, "{\"dimension\":3}", &m), &err);
	ck_ok(json_set_field(&m->base, "collection", "d\xc3\xa9mo", &arena, &err), &err);
	ck_ok(json_set_field(&m->base, "similarity", "dot", &arena, &err), &err);
	ck_ok(json_set_field(&m->base, "step", "-5", &arena, &err), &err);
	ck_ok(json_set_field(&m->base, "dimension", "3", &arena, &err), &err);
	ck_ok(json_set_field(&m->base, "index", "HNSW32", &arena, &err), &err);
	ck_assert_str_eq(m->collection, "d\xc3\xa9mo");
	ck_assert(m->has_similarity && m->similarity == PB__SIMILARITY__SIMILARITY_DOT);
	ck_assert(m->has_step && m->step == -5);
	ck_assert_ptr_ne(
		m->index, pb__begin_generation_request__descriptor.fields[5].default_value);
}
END_TEST

START_TEST(a_path_value_that_does_not_fit_or_disagrees_is_refused)
{
	static const struct {
		const char *name, *value, *reason;
	} cases[] = {
		{"generation", "two", "WRONG_TYPE"},
		{"generation", "", "WRONG_TYPE"},
		{"generation", "-1", "OUT_OF_RANGE"},
		{"generation", "8", "FIELD_MISMATCH"},
		{"collection", "other", "FIELD_MISMATCH"},
		{"collection", "\xff", "INVALID_UTF8"},
		{"data", "AAA=", "FIELD_MISMATCH"},
		{"data", "A", "INVALID_BASE64"},
		{"of", "nobody", "UNKNOWN_VALUE"},
		{"ids", "a", "WRONG_TYPE"},
		{"vectors", "[]", "WRONG_TYPE"},
		{"nothing", "1", "UNKNOWN_FIELD"},
	};
	Pb__UpsertVectorsRequest *m;

	ck_ok(read_as(&pb__upsert_vectors_request__descriptor,
		      "{\"generation\":7,\"collection\":\"demo\",\"data\":\"AAAA\"}", &m),
		&err);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum code rc =
			json_set_field(&m->base, cases[i].name, cases[i].value, &arena, &err);
		ck_assert_msg(rc == INVALID_ARGUMENT && !strcmp(err.reason, cases[i].reason) &&
				      !strcmp(err.field, cases[i].name),
			"%s=%s: %s %s", cases[i].name, cases[i].value, err.reason, err.field);
	}
	ck_ok(json_set_field(&m->base, "data", "AAAA", &arena, &err), &err);
	ck_assert_uint_eq(m->generation, 7);
}
END_TEST

START_TEST(a_flag_in_the_query_string_is_true_or_false)
{
	Pb__ReadMinedSetRequest *m;

	ck_ok(read_as(&pb__read_mined_set_request__descriptor, "", &m), &err);
	ck_refused(json_set_field(&m->base, "include_text", "1", &arena, &err), &err,
		INVALID_ARGUMENT, "WRONG_TYPE");
	ck_ok(json_set_field(&m->base, "includeText", "true", &arena, &err), &err);
	ck_assert(m->has_include_text && m->include_text);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("json_read");
	TCase *t = tcase_create("json_read");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_kind_of_field_is_read);
	tcase_add_test(t, absent_fields_keep_the_schemas_defaults_and_stay_unset);
	tcase_add_test(t, names_may_be_lower_camel_case);
	tcase_add_test(t, enums_are_known_by_short_and_full_name);
	tcase_add_test(t, a_list_message_is_a_bare_array);
	tcase_add_test(t, escapes_become_characters);
	tcase_add_test(t, integers_reach_their_limits_and_no_further);
	tcase_add_test(t, floats_are_rounded_once_from_the_text);
	tcase_add_test(t, lines_are_elements_and_blank_lines_are_nothing);
	tcase_add_test(t, a_bad_line_is_named_by_its_element);
	tcase_add_test(t, bad_input_is_refused_with_its_reason_and_path);
	tcase_add_test(t, malformed_text_is_told_the_byte);
	tcase_add_test(t, a_long_unknown_name_is_cut_between_characters);
	tcase_add_test(t, a_number_of_thousands_of_digits_is_refused);
	tcase_add_test(t, a_body_that_needs_more_than_its_memory_is_refused);
	tcase_add_test(t, a_path_value_fills_the_field_it_names);
	tcase_add_test(t, a_path_value_that_does_not_fit_or_disagrees_is_refused);
	tcase_add_test(t, a_flag_in_the_query_string_is_true_or_false);
	suite_add_tcase(s, t);
	return s;
}
