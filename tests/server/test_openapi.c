#include "tests/runner.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/operations.h"
#include "server/openapi.h"

static json_t *doc;

static void setup(void)
{
	struct buf text;
	json_error_t e;

	buf_init(&text);
	openapi_write(&text);
	ck_assert(!text.failed);
	doc = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &e);
	ck_assert_msg(doc != NULL, "%s at byte %d", e.text, e.position);
	buf_free(&text);
}

static void teardown(void)
{
	json_decref(doc);
}

/* Follows member names; NULL where one is missing. */
static const json_t *member(const json_t *at, const char *const *names)
{
	for (; *names; names++)
		at = json_object_get(at, *names);
	return at;
}

#define MEMBER(at, ...) member(at, (const char *const[]){__VA_ARGS__, NULL})

static void same(const json_t *got, const char *expected)
{
	json_t *want = json_loads(expected, JSON_DECODE_ANY, NULL);
	char *text = got ? json_dumps(got, JSON_ENCODE_ANY) : NULL;

	ck_assert_ptr_nonnull(want);
	ck_assert_msg(json_equal((json_t *)got, want), "%s instead of %s", text, expected);
	free(text);
	json_decref(want);
}

static const struct {
	const char *name, *path;
	enum verb verb;
	enum streaming streaming;
} rows[] = {
#define ROW(Name, handler, Request, Response, verb, path, lane, permission, streaming) \
	{#Name, path, verb, streaming},
	OPERATIONS(ROW)
#undef ROW
};
static const char *const verbs[] = {[GET] = "get", [POST] = "post", [DELETE] = "delete"};

START_TEST(the_operations_are_the_tables_routes_and_no_others)
{
	size_t operations = 0, expected = 0;
	const char *path;
	json_t *item;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (!rows[i].path)
			continue;
		const json_t *there = MEMBER(doc, "paths", rows[i].path, verbs[rows[i].verb]);
		ck_assert_msg(there != NULL, "%s", rows[i].name);
		const char *id = json_string_value(MEMBER(there, "operationId"));
		if (!strcmp(id, rows[i].name))
			expected++;
		else
			ck_assert_int_eq(rows[i].streaming, SERVER_STREAM);
		if (rows[i].streaming == SERVER_STREAM)
			ck_assert_ptr_nonnull(MEMBER(
				there, "responses", "200", "content", "application/x-ndjson"));
	}
	json_object_foreach(json_object_get(doc, "paths"), path, item)
	{
		operations += json_object_size(item);
	}
	ck_assert_uint_eq(operations, expected);
}
END_TEST

static void check_refs(const json_t *at)
{
	const char *name;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)at, name, value)
	{
		char part[2][64];
		check_refs(value);
		if (strcmp(name, "$ref"))
			continue;
		ck_assert_int_eq(sscanf(json_string_value(value), "#/components/%63[a-z]/%63s",
					 part[0], part[1]),
			2);
		ck_assert_msg(MEMBER(doc, "components", part[0], part[1]) != NULL, "%s", part[1]);
	}
	json_array_foreach(at, i, value)
	{
		check_refs(value);
	}
}

START_TEST(every_reference_leads_somewhere)
{
	check_refs(doc);
}
END_TEST

/* How many {variables} a path has; each must be a required path parameter. */
static size_t check_variables(const char *path, const json_t *parameters)
{
	size_t n = 0;

	for (const char *s = path; (s = strchr(s, '{')); s++, n++) {
		size_t len = strcspn(s + 1, "}"), i, found = 0;
		json_t *p;
		json_array_foreach(parameters, i, p)
		{
			const char *name = json_string_value(json_object_get(p, "name"));
			if (strlen(name) != len || memcmp(name, s + 1, len))
				continue;
			ck_assert_str_eq(json_string_value(json_object_get(p, "in")), "path");
			ck_assert(json_is_true(json_object_get(p, "required")));
			found++;
		}
		ck_assert_msg(found == 1, "%s", path);
	}
	return n;
}

/* The variables are path parameters, and there are no others. */
static void check_path(const char *path, const json_t *parameters)
{
	size_t n = check_variables(path, parameters), i;
	json_t *p;

	json_array_foreach(parameters, i, p)
	{
		n -= !strcmp(json_string_value(json_object_get(p, "in")), "path");
	}
	ck_assert_msg(n == 0, "%s", path);
}

START_TEST(the_variables_of_a_path_are_its_path_parameters)
{
	const char *path, *verb;
	json_t *item, *operation;

	json_object_foreach(json_object_get(doc, "paths"), path, item)
	{
		json_object_foreach(item, verb, operation)
		{
			check_path(path, json_object_get(operation, "parameters"));
		}
	}
}
END_TEST

START_TEST(every_message_of_the_service_has_a_schema)
{
	const ProtobufCServiceDescriptor *service = &pb__miner__descriptor;

	for (unsigned i = 0; i < service->n_methods; i++) {
		const ProtobufCMethodDescriptor *m = &service->methods[i];
		ck_assert_ptr_nonnull(MEMBER(doc, "components", "schemas", m->input->short_name));
		ck_assert_ptr_nonnull(MEMBER(doc, "components", "schemas", m->output->short_name));
	}
}
END_TEST

START_TEST(schemas_speak_the_dialect_of_the_bodies)
{
	const json_t *schemas = MEMBER(doc, "components", "schemas");

	same(MEMBER(schemas, "Similarity"),
		"{\"type\":\"string\",\"enum\":[\"cosine\",\"dot\",\"l2\"]}");
	same(MEMBER(schemas, "Vector"),
		"{\"type\":\"array\",\"items\":{\"type\":\"number\",\"format\":\"float\"}}");
	same(MEMBER(schemas, "UpsertVectorsRequest"),
		"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
		"\"collection\":{\"type\":\"string\"},"
		"\"generation\":{\"type\":\"integer\",\"format\":\"uint64\",\"minimum\":0},"
		"\"of\":{\"$ref\":\"#/components/schemas/Side\",\"default\":\"document\"},"
		"\"ids\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
		"\"vectors\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/"
		"Vector\"}},"
		"\"data\":{\"type\":\"string\",\"contentEncoding\":\"base64\"},"
		"\"dtype\":{\"$ref\":\"#/components/schemas/Dtype\",\"default\":\"f32\"}}}");
	same(MEMBER(schemas, "EncodeCollectionRequest", "properties", "seed"),
		"{\"type\":\"integer\",\"format\":\"uint64\",\"minimum\":0,\"default\":0}");
	same(MEMBER(schemas, "MineNegativesRequest", "properties", "strategy"),
		"{\"type\":\"string\",\"default\":\"margin\"}");
	ck_assert_ptr_null(MEMBER(schemas, "UpsertResponse", "additionalProperties"));
}
END_TEST

START_TEST(requests_without_a_body_take_query_parameters)
{
	same(MEMBER(doc, "paths", "/v1/collections/{collection}/generations", "get"),
		"{\"operationId\":\"ListGenerations\",\"summary\":\"List generations\","
		"\"parameters\":["
		"{\"name\":\"collection\",\"in\":\"path\",\"required\":true,"
		"\"schema\":{\"type\":\"string\"}},"
		"{\"name\":\"page_size\",\"in\":\"query\",\"schema\":{\"type\":\"integer\","
		"\"format\":\"uint32\",\"minimum\":0,\"default\":100}},"
		"{\"name\":\"page_token\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}}],"
		"\"responses\":{\"200\":{\"description\":\"Done\",\"content\":{"
		"\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/"
		"ListGenerationsResponse\"}}}},"
		"\"default\":{\"$ref\":\"#/components/responses/Error\"}}}");
}
END_TEST

START_TEST(bodies_and_answers_come_in_every_form_they_can)
{
	const json_t *documents = MEMBER(doc, "paths", "/v1/collections/{collection}/documents");
	const json_t *vectors = MEMBER(
		doc, "paths", "/v1/collections/{collection}/generations/{generation}/vectors");
	const json_t *mine = MEMBER(doc, "paths", "/v1/collections/{collection}:mine", "post");

	same(MEMBER(documents, "post", "requestBody", "content"),
		"{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/"
		"UpsertDocumentsRequest\"}},\"application/x-ndjson\":{\"schema\":{\"$ref\":"
		"\"#/components/schemas/Document\"}}}");
	same(MEMBER(vectors, "post", "requestBody", "content"),
		"{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/"
		"UpsertVectorsRequest\"}},\"application/"
		"octet-stream\":{\"schema\":{\"description\":"
		"\"A line of JSON, the UpsertVectorsRequest without data; after it the bytes of "
		"data.\""
		"}}}");
	same(MEMBER(mine, "requestBody", "content"),
		"{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/"
		"MineNegativesRequest\"}}}");
	same(MEMBER(mine, "responses", "200", "content"),
		"{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/"
		"MineNegativesResponse\"}},\"application/x-ndjson\":{\"schema\":{\"$ref\":"
		"\"#/components/schemas/MineResult\"}}}");
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("openapi");
	TCase *t = tcase_create("openapi");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_operations_are_the_tables_routes_and_no_others);
	tcase_add_test(t, every_reference_leads_somewhere);
	tcase_add_test(t, the_variables_of_a_path_are_its_path_parameters);
	tcase_add_test(t, every_message_of_the_service_has_a_schema);
	tcase_add_test(t, schemas_speak_the_dialect_of_the_bodies);
	tcase_add_test(t, requests_without_a_body_take_query_parameters);
	tcase_add_test(t, bodies_and_answers_come_in_every_form_they_can);
	suite_add_tcase(s, t);
	return s;
}
