#include "tests/runner.h"

#include <math.h>
#include <string.h>

#include "hardminer/internal/descriptor.pb-c.h"
#include "hardminer/v1/miner.pb-c.h"
#include "proto/buf.h"
#include "proto/fault.h"
#include "proto/json.h"
#include "proto/unpack.h"

static struct arena arena;
static struct buf packed;
static struct error err;

static void setup(void)
{
	arena_init(&arena, 8 << 20);
	buf_init(&packed);
}

static void teardown(void)
{
	arena_free(&arena);
	buf_free(&packed);
}

static enum code unpack(const ProtobufCMessageDescriptor *type, void *out)
{
	return message_unpack((const uint8_t *)packed.data, packed.len, type, &arena, out, &err);
}

static void pack(const void *m)
{
	buf_reset(&packed);
	protobuf_c_message_pack_to_buffer(m, &packed.pb);
	ck_assert(!packed.failed);
}

/* Bytes that a packer would not write; `wire` is a literal, whose NUL does not count. */
#define raw(wire) (buf_reset(&packed), buf_add(&packed, wire, sizeof wire - 1))

START_TEST(a_message_survives_the_wire)
{
	float values[] = {1, 2};
	char *positives[] = {"a", "b"};
	Pb__MineQuery q = PB__MINE_QUERY__INIT, *queries[] = {&q}, *got;
	Pb__MineNegativesRequest m = PB__MINE_NEGATIVES_REQUEST__INIT, *back;

	q.id = "q1";
	q.vector = values;
	q.n_vector = 2;
	q.positives = (void *)positives;
	q.n_positives = 2;
	m.queries = queries;
	m.n_queries = 1;
	m.has_absolute_margin = 1;
	pack(&m);
	ck_ok(unpack(&pb__mine_negatives_request__descriptor, &back), &err);
	got = back->queries[0];
	ck_assert_str_eq(got->id, "q1");
	ck_assert_str_eq(got->positives[1], "b");
	ck_assert(got->n_vector == 2 && got->vector[1] == 2);
	ck_assert(back->has_absolute_margin && back->absolute_margin == 0);
	ck_assert(!back->has_relative_margin);
	ck_assert_str_eq(back->strategy, "margin");
}
END_TEST

START_TEST(no_bytes_are_an_empty_message)
{
	Pb__Info *m;

	ck_ok(message_unpack(NULL, 0, &pb__info__descriptor, &arena, (ProtobufCMessage **)&m, &err),
		&err);
	ck_assert_ptr_null(m->version);
}
END_TEST

START_TEST(bytes_that_are_no_message_are_refused)
{
	Pb__MineNegativesRequest *m = NULL;
	const ProtobufCMessageDescriptor *type = &pb__mine_negatives_request__descriptor;

	raw("\x0a"); /* field 1, its length missing */
	ck_refused(unpack(type, &m), &err, INVALID_ARGUMENT, "MALFORMED_PROTOBUF");
	raw("\x0a\x05zz"); /* shorter than it says */
	ck_refused(unpack(type, &m), &err, INVALID_ARGUMENT, "MALFORMED_PROTOBUF");
	raw("\x0b\x0c"); /* a group */
	ck_refused(unpack(type, &m), &err, INVALID_ARGUMENT, "MALFORMED_PROTOBUF");
	raw("\x02\x00"); /* field number 0 */
	ck_refused(unpack(type, &m), &err, INVALID_ARGUMENT, "MALFORMED_PROTOBUF");
	raw("\x08\x01"); /* the collection as a number */
	ck_refused(unpack(type, &m), &err, INVALID_ARGUMENT, "MALFORMED_PROTOBUF");
	raw("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"); /* a number of eleven bytes */
	ck_refused(unpack(type, &m), &err, INVALID_ARGUMENT, "MALFORMED_PROTOBUF");
	raw("\x12\x02\x0a\x05"); /* a query that does not fit its own length */
	ck_refused(unpack(type, &m), &err, INVALID_ARGUMENT, "MALFORMED_PROTOBUF");
	ck_assert_str_eq(err.field, "queries[0]");
	ck_assert_ptr_null(m);
}
END_TEST

START_TEST(nul_in_a_string_is_seen_wherever_it_is)
{
	Pb__MineNegativesRequest *m;
	const ProtobufCMessageDescriptor *type = &pb__mine_negatives_request__descriptor;

	raw("\x0a\x03"
	    "a\0b");
	ck_refused(unpack(type, &m), &err, INVALID_ARGUMENT, "NUL_IN_STRING");
	ck_assert_str_eq(err.field, "collection");
	/* queries: {}, {positives: "x", positives: NUL} */
	raw("\x12\x00\x12\x06\x2a\x01x\x2a\x01\0");
	ck_refused(unpack(type, &m), &err, INVALID_ARGUMENT, "NUL_IN_STRING");
	ck_assert_str_eq(err.field, "queries[1].positives[1]");
}
END_TEST

START_TEST(bad_utf8_is_refused_with_its_path)
{
	Pb__Document a = PB__DOCUMENT__INIT, b = PB__DOCUMENT__INIT, *documents[] = {&a, &b};
	Pb__UpsertDocumentsRequest m = PB__UPSERT_DOCUMENTS_REQUEST__INIT, *back;

	b.title = "\xed\xa0\x80";
	m.documents = documents;
	m.n_documents = 2;
	pack(&m);
	ck_refused(unpack(&pb__upsert_documents_request__descriptor, &back), &err, INVALID_ARGUMENT,
		"INVALID_UTF8");
	ck_assert_str_eq(err.field, "documents[1].title");
}
END_TEST

START_TEST(floats_that_are_not_finite_are_refused_with_their_path)
{
	float values[] = {1, 2, 3, NAN};
	double scores[] = {1, -INFINITY};
	Pb__Vector v = PB__VECTOR__INIT, *vectors[] = {&v};
	Pb__UpsertVectorsRequest m = PB__UPSERT_VECTORS_REQUEST__INIT, *back;
	Pb__MineQuery q = PB__MINE_QUERY__INIT, *query;
	Pb__Candidate c = PB__CANDIDATE__INIT, *candidate;

	v.values = values;
	v.n_values = 4;
	m.vectors = vectors;
	m.n_vectors = 1;
	pack(&m);
	ck_refused(unpack(&pb__upsert_vectors_request__descriptor, &back), &err, INVALID_ARGUMENT,
		"NOT_FINITE");
	ck_assert_str_eq(err.field, "vectors[0][3]");
	values[1] = -INFINITY;
	pack(&m);
	ck_refused(unpack(&pb__upsert_vectors_request__descriptor, &back), &err, INVALID_ARGUMENT,
		"NOT_FINITE");
	ck_assert_str_eq(err.field, "vectors[0][1]");
	q.positive_scores = scores;
	q.n_positive_scores = 2;
	pack(&q);
	ck_refused(
		unpack(&pb__mine_query__descriptor, &query), &err, INVALID_ARGUMENT, "NOT_FINITE");
	ck_assert_str_eq(err.field, "positive_scores[1]");
	c.has_score = 1;
	c.score = INFINITY;
	pack(&c);
	ck_refused(unpack(&pb__candidate__descriptor, &candidate), &err, INVALID_ARGUMENT,
		"NOT_FINITE");
	ck_assert_str_eq(err.field, "score");
}
END_TEST

START_TEST(enum_numbers_and_fields_the_schema_does_not_know_are_refused)
{
	Pb__MineNegativesRequest *m;
	const ProtobufCMessageDescriptor *type = &pb__mine_negatives_request__descriptor;

	raw("\x4a\x02\x08\x63"); /* sources: {kind: 99} */
	ck_refused(unpack(type, &m), &err, INVALID_ARGUMENT, "UNKNOWN_VALUE");
	ck_assert_str_eq(err.field, "sources[0].kind");
	ck_assert_str_eq(err.text, "SourceKind has no value 99.");
	raw("\x12\x03\xa0\x06\x01"); /* queries: {100: 1} */
	ck_refused(unpack(type, &m), &err, INVALID_ARGUMENT, "UNKNOWN_FIELD");
	ck_assert_str_eq(err.field, "queries[0]");
	ck_assert_str_eq(err.text,
		"MineQuery has no field number 100; is the client newer than the server?");
}
END_TEST

START_TEST(small_bytes_that_become_large_messages_end_at_the_budget)
{
	Pb__MineNegativesRequest *m;

	for (int i = 0; i < 500000; i++)
		buf_add(&packed, "\x12\x00", 2); /* one empty query */
	ck_refused(unpack(&pb__mine_negatives_request__descriptor, &m), &err, RESOURCE_EXHAUSTED,
		"OUT_OF_MEMORY");
	ck_assert_uint_le(arena.used, arena.limit);
}
END_TEST

START_TEST(bytes_that_nest_too_deep_are_refused_before_they_are_decoded)
{
	Wire__DescriptorProto *m; /* the requests' types cannot nest without end; this one can */
	uint8_t wire[4096];
	size_t at = sizeof wire;

	for (int depth = 0; depth < 1000; depth++) {
		size_t len = sizeof wire - at;
		wire[--at] = (uint8_t)(len >> 7);
		wire[--at] = (uint8_t)(len | 0x80);
		wire[--at] = 3 << 3 | 2; /* nested_type */
	}
	buf_add(&packed, wire + at, sizeof wire - at);
	ck_refused(unpack(&wire__descriptor_proto__descriptor, &m), &err, INVALID_ARGUMENT,
		"TOO_DEEP");
	buf_reset(&packed);
	at = sizeof wire - 3 * JSON_DEPTH;
	buf_add(&packed, wire + at, sizeof wire - at);
	ck_ok(unpack(&wire__descriptor_proto__descriptor, &m), &err);
}
END_TEST

/* Follows every message field; `path` are the types on the way down. */
static void walk(const ProtobufCMessageDescriptor *type, const ProtobufCMessageDescriptor **path,
	size_t depth)
{
	ck_assert_uint_lt(depth, JSON_DEPTH);
	for (size_t i = 0; i < depth; i++)
		ck_assert_msg(path[i] != type, "%s contains itself", type->name);
	path[depth] = type;
	ck_assert_uint_le(type->n_fields, 64);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		ck_assert_msg(f->label == PROTOBUF_C_LABEL_OPTIONAL ||
				      f->label == PROTOBUF_C_LABEL_REPEATED,
			"%s.%s", type->name, f->name);
		ck_assert_msg(!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF), "%s.%s is in a oneof",
			type->name, f->name);
		if (f->type == PROTOBUF_C_TYPE_MESSAGE)
			walk(f->descriptor, path, depth + 1);
	}
}

START_TEST(no_message_of_the_schema_contains_itself)
{
	const ProtobufCServiceDescriptor *service = &pb__miner__descriptor;
	const ProtobufCMessageDescriptor *path[JSON_DEPTH];

	for (unsigned i = 0; i < service->n_methods; i++) {
		walk(service->methods[i].input, path, 0);
		walk(service->methods[i].output, path, 0);
	}
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(every_single_allocation_may_fail)
{
	Pb__MineNegativesRequest *m;
	enum code rc;
	long n = 0;

	raw("\x0a\x01"
	    "c\x12\x04\x0a\x02q1\x12\x03\x2a\x01p\x22\x02st\x4a\x02\x08\x01");
	do {
		fault_arm(n++);
		rc = unpack(&pb__mine_negatives_request__descriptor, &m);
		ck_assert_int_eq(rc, fault_fired() ? RESOURCE_EXHAUSTED : OK);
		arena_free(&arena);
	} while (rc);
	ck_assert_int_gt(n, 8);
	fault_arm(-1);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("unpack");
	TCase *t = tcase_create("unpack");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_message_survives_the_wire);
	tcase_add_test(t, no_bytes_are_an_empty_message);
	tcase_add_test(t, bytes_that_are_no_message_are_refused);
	tcase_add_test(t, nul_in_a_string_is_seen_wherever_it_is);
	tcase_add_test(t, bad_utf8_is_refused_with_its_path);
	tcase_add_test(t, floats_that_are_not_finite_are_refused_with_their_path);
	tcase_add_test(t, enum_numbers_and_fields_the_schema_does_not_know_are_refused);
	tcase_add_test(t, small_bytes_that_become_large_messages_end_at_the_budget);
	tcase_add_test(t, bytes_that_nest_too_deep_are_refused_before_they_are_decoded);
	tcase_add_test(t, no_message_of_the_schema_contains_itself);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, every_single_allocation_may_fail);
#endif
	suite_add_tcase(s, t);
	return s;
}
