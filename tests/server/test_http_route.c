#include "tests/runner.h"

#include <string.h>

#include "server/http_route.h"

enum { LIST, CREATE, GET_ONE, DROP, DOCUMENT, MINE, MINE_STREAM, PUBLISH, JOB, CANCEL_JOB, UPLOAD };

/* Rows as proto/operations.h has them. */
static const struct operation table[] = {
	[LIST] = {"List", "/v1/collections", GET, QUICK, READ, UNARY},
	[CREATE] = {"Create", "/v1/collections", POST, QUICK, WRITE, UNARY},
	[GET_ONE] = {"Get", "/v1/collections/{collection}", GET, QUICK, READ, UNARY},
	[DROP] = {"Drop", "/v1/collections/{collection}", DELETE, QUICK, ADMIN, UNARY},
	[DOCUMENT] = {"Document", "/v1/collections/{collection}/documents/{id}", GET, QUICK, READ,
		UNARY},
	[MINE] = {"Mine", "/v1/collections/{collection}:mine", POST, HEAVY, READ, UNARY},
	[MINE_STREAM] = {"MineStream", "/v1/collections/{collection}:mine", POST, HEAVY, READ,
		SERVER_STREAM},
	[PUBLISH] = {"Publish", "/v1/collections/{collection}/generations/{generation}:publish",
		POST, HEAVY, WRITE, UNARY},
	[JOB] = {"Job", "/v1/jobs/{id}", GET, QUICK, READ, UNARY},
	[CANCEL_JOB] = {"CancelJob", "/v1/jobs/{id}:cancel", POST, QUICK, WRITE, UNARY},
	[UPLOAD] = {"Upload", NULL, POST, QUICK, WRITE, CLIENT_STREAM},
};

static struct route route;
static struct error err;
static char path[512];

static enum code find(enum verb verb, const char *text, bool stream)
{
	ck_assert_uint_lt(strlen(text), sizeof path);
	strcpy(path, text);
	return route_find(table, sizeof table / sizeof *table, path, verb, stream, &route, &err);
}

static void leads_to(enum verb verb, const char *text, int row)
{
	ck_ok(find(verb, text, false), &err);
	ck_assert_str_eq(route.op->name, table[row].name);
}

START_TEST(each_verb_and_path_leads_to_its_row)
{
	leads_to(GET, "/v1/collections", LIST);
	leads_to(POST, "/v1/collections", CREATE);
	leads_to(GET, "/v1/collections/demo", GET_ONE);
	leads_to(DELETE, "/v1/collections/demo", DROP);
	leads_to(POST, "/v1/collections/demo:mine", MINE);
	leads_to(GET, "/v1/jobs/7f", JOB);
	leads_to(POST, "/v1/jobs/7f:cancel", CANCEL_JOB);
	ck_assert_uint_eq(route.n, 1);
	ck_assert_str_eq(route.variables[0].name, "id");
	ck_assert_str_eq(route.variables[0].value, "7f");
}
END_TEST

START_TEST(variables_are_decoded_after_matching)
{
	leads_to(GET, "/v1/collections/demo/documents/a%2Fb%20c:d%25", DOCUMENT);
	ck_assert_uint_eq(route.n, 2);
	ck_assert_str_eq(route.variables[0].name, "collection");
	ck_assert_str_eq(route.variables[0].value, "demo");
	ck_assert_str_eq(route.variables[1].name, "id");
	ck_assert_str_eq(route.variables[1].value, "a/b c:d%");
	leads_to(GET, "/v1/collections/demo/documents/+", DOCUMENT);
	ck_assert_str_eq(route.variables[1].value, "+");
	leads_to(GET, "/v1/collections/demo/documents/%C3%A9", DOCUMENT);
	ck_assert_str_eq(route.variables[1].value, "\xc3\xa9");
	leads_to(POST, "/v1/collections/demo/generations/12:publish", PUBLISH);
	ck_assert_str_eq(route.variables[1].value, "12");
}
END_TEST

START_TEST(only_the_last_colon_of_a_segment_can_be_a_verb)
{
	leads_to(POST, "/v1/collections/a:mine:mine", MINE);
	ck_assert_str_eq(route.variables[0].value, "a:mine");
	leads_to(GET, "/v1/collections/a%3Amine", GET_ONE);
	ck_assert_str_eq(route.variables[0].value, "a:mine");
}
END_TEST

START_TEST(between_twins_the_client_chooses_the_stream)
{
	ck_ok(find(POST, "/v1/collections/demo:mine", true), &err);
	ck_assert_str_eq(route.op->name, "MineStream");
	ck_ok(find(GET, "/v1/collections", true), &err);
	ck_assert_str_eq(route.op->name, "List");
}
END_TEST

START_TEST(unknown_paths_are_not_found)
{
	static const char *const paths[] = {"", "/", "/v1", "/v1/", "/v2/collections",
		"/v1/collections/", "/v1/collectionsx", "/v1/collections/demo/",
		"/v1/collections//x", "/v1/collections/demo/documents/",
		"/v1/collections/demo/documents/a/b", "/v1/jobs/:cancel/x", "v1/collections",
		"/V1/collections"};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		ck_assert_msg(find(GET, paths[i], false) == NOT_FOUND, "%s", paths[i]);
		ck_assert_str_eq(err.reason, "NO_SUCH_ROUTE");
		ck_assert_int_eq(error_http_status(&err), 404);
		ck_assert_uint_eq(route.allowed, 0);
	}
}
END_TEST

START_TEST(a_known_path_with_another_verb_says_what_it_takes)
{
	char allow[64];

	ck_refused(
		find(DELETE, "/v1/collections", false), &err, UNIMPLEMENTED, "METHOD_NOT_ALLOWED");
	ck_assert_int_eq(error_http_status(&err), 405);
	route_allow(route.allowed, allow, sizeof allow);
	ck_assert_str_eq(allow, "GET, HEAD, POST, OPTIONS");
	ck_refused(find(GET, "/v1/collections/demo:mine", false), &err, UNIMPLEMENTED,
		"METHOD_NOT_ALLOWED");
	route_allow(route.allowed, allow, sizeof allow);
	ck_assert_str_eq(allow, "POST, OPTIONS");
}
END_TEST

START_TEST(bad_percent_encoding_and_nul_are_refused)
{
	static const char *const ids[] = {"%", "%4", "%zz", "a%00b", "%%41", "x%2"};

	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		char text[128] = "/v1/collections/demo/documents/";
		strcat(text, ids[i]);
		ck_refused(find(GET, text, false), &err, INVALID_ARGUMENT, "BAD_PATH");
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("http_route");
	TCase *t = tcase_create("http_route");

	tcase_add_test(t, each_verb_and_path_leads_to_its_row);
	tcase_add_test(t, variables_are_decoded_after_matching);
	tcase_add_test(t, only_the_last_colon_of_a_segment_can_be_a_verb);
	tcase_add_test(t, between_twins_the_client_chooses_the_stream);
	tcase_add_test(t, unknown_paths_are_not_found);
	tcase_add_test(t, a_known_path_with_another_verb_says_what_it_takes);
	tcase_add_test(t, bad_percent_encoding_and_nul_are_refused);
	suite_add_tcase(s, t);
	return s;
}
