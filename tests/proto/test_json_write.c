#include "tests/runner.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/fault.h"
#include "proto/json.h"
#include "proto/utf8.h"

static struct arena arena;
static struct buf out;
static struct error err;

static void setup(void)
{
	arena_init(&arena, 1 << 20);
	buf_init(&out);
}

static void teardown(void)
{
	arena_free(&arena);
	buf_free(&out);
}

static const char *written(const void *m)
{
	buf_reset(&out);
	json_write(m, &out);
	buf_char(&out, 0);
	ck_assert(!out.failed);
	return out.data;
}

START_TEST(fields_that_are_set_are_written_in_the_schemas_order)
{
	Pb__Negative a = PB__NEGATIVE__INIT, b = PB__NEGATIVE__INIT;
	Pb__Negative *negatives[] = {&a, &b};
	Pb__MineResult r = PB__MINE_RESULT__INIT;

	a.document_id = "d\"1";
	a.has_score = a.has_rank = a.has_source = 1;
	a.score = 0.1;
	a.source = PB__SOURCE_KIND__SOURCE_KIND_IN_BATCH;
	r.query_id = "q1";
	r.negatives = negatives;
	r.n_negatives = 2;
	r.has_candidates = 1;
	r.candidates = UINT32_MAX;
	ck_assert_str_eq(written(&r),
		"{\"query_id\":\"q1\",\"positives\":[],\"negatives\":[{\"document_id\":\"d\\\"1\","
		"\"score\":0.1,\"rank\":0,\"source\":\"in_batch\"},{}],\"candidates\":4294967295,"
		"\"explain\":[]}");
}
END_TEST

START_TEST(defaults_are_not_written_until_they_are_set)
{
	Pb__BeginGenerationRequest m = PB__BEGIN_GENERATION_REQUEST__INIT;
	char index[] = "HNSW32";

	ck_assert_str_eq(written(&m), "{}");
	m.index = index;
	m.has_step = 1;
	m.has_similarity = 1;
	ck_assert_str_eq(
		written(&m), "{\"step\":0,\"similarity\":\"cosine\",\"index\":\"HNSW32\"}");
}
END_TEST

START_TEST(lists_bytes_and_flags_have_their_forms)
{
	float values[] = {1, -0.5f, 0.1f, 16777216, 1e-45f, FLT_MAX};
	Pb__Vector v = PB__VECTOR__INIT, none = PB__VECTOR__INIT, *vectors[] = {&v, &none};
	Pb__UpsertVectorsRequest m = PB__UPSERT_VECTORS_REQUEST__INIT;
	static const char *const base64[] = {"", "Zg==", "Zm8=", "Zm9v",
		"Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"}; /* RFC 4648, section 10 */
	char expected[64];

	v.values = values;
	v.n_values = 6;
	m.vectors = vectors;
	m.n_vectors = 2;
	ck_assert_str_eq(written(&m),
		"{\"ids\":[],\"vectors\":[[1,-0.5,0.1,16777216,1.4013e-45,3.4028235e+38],[]]}");
	m.n_vectors = 0;
	m.has_data = 1;
	m.data.data = (uint8_t *)"foobar";
	for (size_t i = 0; i <= 6; i++) {
		m.data.len = i;
		snprintf(expected, sizeof expected, "{\"ids\":[],\"vectors\":[],\"data\":\"%s\"}",
			base64[i]);
		ck_assert_str_eq(written(&m), expected);
	}
}
END_TEST

START_TEST(integers_are_plain_numbers_to_their_last_digit)
{
	Pb__Generation g = PB__GENERATION__INIT;

	g.has_generation = g.has_step = g.has_created_at_ms = g.has_serving = 1;
	g.generation = UINT64_MAX;
	g.step = INT64_MIN;
	g.created_at_ms = 9007199254740993;
	ck_assert_str_eq(written(&g),
		"{\"generation\":18446744073709551615,\"step\":-9223372036854775808,"
		"\"created_at_ms\":9007199254740993,\"serving\":false}");
}
END_TEST

START_TEST(numbers_are_short_and_read_back_the_same)
{
	static const double values[] = {0.0, -0.0, 0.1, 1.0 / 3, 1e15, 1e16, 123456789012345678.0,
		DBL_MIN, DBL_MAX, DBL_TRUE_MIN, 0.1 + 0.2, 5e-324, 2.5, -1e-7};
	static const char *const texts[] = {"0", "-0", "0.1", "0.3333333333333333",
		"1000000000000000", "1e+16", "1.2345678901234568e+17", "2.2250738585072014e-308",
		"1.7976931348623157e+308", "4.94065645841247e-324", "0.30000000000000004",
		"4.94065645841247e-324", "2.5", "-1e-07"};
	Pb__Candidate c = PB__CANDIDATE__INIT;
	char expected[64];

	c.has_score = 1;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		c.score = values[i];
		snprintf(expected, sizeof expected, "{\"score\":%s}", texts[i]);
		ck_assert_str_eq(written(&c), expected);
	}
}
END_TEST

START_TEST(numbers_that_are_not_finite_are_absent)
{
	Pb__Negative n = PB__NEGATIVE__INIT;
	float values[] = {1, NAN, -INFINITY};
	Pb__Vector v = PB__VECTOR__INIT;

	n.has_score = n.has_rank = 1;
	n.score = NAN;
	ck_assert_str_eq(written(&n), "{\"rank\":0}");
	n.score = INFINITY;
	ck_assert_str_eq(written(&n), "{\"rank\":0}");
	v.values = values;
	v.n_values = 3;
	ck_assert_str_eq(written(&v), "[1,null,null]");
}
END_TEST

START_TEST(strings_are_escaped_and_always_utf8)
{
	Pb__Document d = PB__DOCUMENT__INIT;

	d.text = "\"\\/\b\f\n\r\t\x01\x1f\x7f \xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80";
	ck_assert_str_eq(written(&d), "{\"text\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f "
				      "\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80\"}");
	d.text = "a\xff\xc3(\xe2\x82";
	ck_assert_str_eq(
		written(&d), "{\"text\":\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\"}");
}
END_TEST

START_TEST(text_is_valid_utf8_up_to_its_first_bad_byte)
{
	/* The boundary cases of RFC 3629, section 4. */
	static const struct {
		const char *s;
		size_t span;
	} cases[] = {{"\xc2\x80", 2}, {"\xdf\xbf", 2}, {"\xe0\xa0\x80", 3}, {"\xed\x9f\xbf", 3},
		{"\xee\x80\x80", 3}, {"\xf0\x90\x80\x80", 4}, {"\xf4\x8f\xbf\xbf", 4},
		{"\xc1\xbf", 0}, {"\xe0\x9f\xbf", 0}, {"\xed\xa0\x80", 0}, {"\xf0\x8f\xbf\xbf", 0},
		{"\xf4\x90\x80\x80", 0}, {"\xf5\x80\x80\x80", 0}, {"\x80", 0}, {"a\xc3", 1},
		{"12345678\xe2\x82", 8}, {"1234567890\xf0\x9f\x98", 10}, {"\xc3\xa9\xff", 2}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ck_assert_uint_eq(utf8_span(cases[i].s, strlen(cases[i].s)), cases[i].span);
	ck_assert_uint_eq(utf8_cut("a\xe2\x82\xac", 4, 3), 1);
	ck_assert_uint_eq(utf8_cut("a\xe2\x82\xac", 4, 4), 4);
	ck_assert_uint_eq(utf8_cut("abc", 3, 2), 2);
}
END_TEST

static const char everything[] =
	"{\"collection\":\"demo\",\"queries\":[{\"id\":\"q\\u00041\",\"text\":\"a b\","
	"\"vector\":[1,2.5,-3],\"vector_f32\":\"AACAPw==\",\"positives\":[\"a\"],"
	"\"positive_scores\":[0.5],\"candidates\":[{\"document_id\":\"d\",\"score\":1}]}],"
	"\"generation\":3,\"strategy\":\"st\",\"explain\":true,\"sources\":[{\"kind\":\"bm25\"}],"
	"\"scorer\":\"none\",\"max_score\":0.75}";

START_TEST(what_was_written_reads_back_and_is_written_the_same)
{
	ProtobufCMessage *m;

	ck_ok(json_read(everything, strlen(everything), &pb__mine_negatives_request__descriptor,
		      &arena, &m, &err),
		&err);
	ck_assert_str_eq(written(m), everything);
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(every_single_allocation_may_fail)
{
	ProtobufCMessage *m;
	enum code rc;
	long n = 0;

	do {
		struct buf small;
		buf_init(&small);
		fault_arm(n++);
		rc = json_read(everything, strlen(everything),
			&pb__mine_negatives_request__descriptor, &arena, &m, &err);
		if (!rc)
			json_write(m, &small);
		ck_assert(rc || small.failed == fault_fired());
		ck_assert_int_eq(rc, fault_fired() && !small.failed ? RESOURCE_EXHAUSTED : OK);
		buf_free(&small);
		arena_free(&arena);
	} while (fault_fired());
	ck_assert_int_gt(n, 20);
	fault_arm(-1);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("json_write");
	TCase *t = tcase_create("json_write");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, fields_that_are_set_are_written_in_the_schemas_order);
	tcase_add_test(t, defaults_are_not_written_until_they_are_set);
	tcase_add_test(t, lists_bytes_and_flags_have_their_forms);
	tcase_add_test(t, integers_are_plain_numbers_to_their_last_digit);
	tcase_add_test(t, numbers_are_short_and_read_back_the_same);
	tcase_add_test(t, numbers_that_are_not_finite_are_absent);
	tcase_add_test(t, strings_are_escaped_and_always_utf8);
	tcase_add_test(t, text_is_valid_utf8_up_to_its_first_bad_byte);
	tcase_add_test(t, what_was_written_reads_back_and_is_written_the_same);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, every_single_allocation_may_fail);
#endif
	suite_add_tcase(s, t);
	return s;
}
