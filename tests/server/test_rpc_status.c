#include "tests/runner.h"

#include <string.h>

#include "server/rpc_status.h"

static struct error err;
static struct rpc_status status;

static void setup(void)
{
	grpc_init();
}

static void teardown(void)
{
	rpc_status_free(&status);
	grpc_shutdown_blocking();
}

static void ck_slice(grpc_slice slice, const char *bytes, size_t len)
{
	ck_assert_uint_eq(GRPC_SLICE_LENGTH(slice), len);
	ck_assert_mem_eq(GRPC_SLICE_START_PTR(slice), bytes, len);
}

#define ck_slice_is(slice, literal) ck_slice(slice, literal, sizeof literal - 1)

START_TEST(success_says_nothing)
{
	err = (struct error){.code = OK};
	rpc_status_make(&status, &err, "id");
	ck_assert_int_eq(status.code, GRPC_STATUS_OK);
	ck_assert_uint_eq(status.n_trailing, 0);
	ck_slice_is(status.text, "");
}
END_TEST

/* The bytes below are google.rpc.Status and its details written out by hand, from their public
 * field numbers and the encoding rules of protocol buffers. */
START_TEST(a_plain_error_has_an_error_info)
{
	error_set(&err, NOT_FOUND, "NO_X", "No x.");
	rpc_status_make(&status, &err, "");
	ck_assert_int_eq(status.code, GRPC_STATUS_NOT_FOUND);
	ck_slice_is(status.text, "No x.");
	ck_assert_uint_eq(status.n_trailing, 1);
	ck_slice_is(status.trailing[0].key, "grpc-status-details-bin");
	ck_slice_is(status.trailing[0].value, "\x08\x05"
					      "\x12\x05No x."
					      "\x1a\x3d"
					      "\x0a\x28type.googleapis.com/google.rpc.ErrorInfo"
					      "\x12\x11\x0a\x04NO_X\x12\x09hardminer");
}
END_TEST

START_TEST(field_retry_and_request_id_have_their_details)
{
	error_set(&err, INVALID_ARGUMENT, "BAD", "No.");
	error_field(&err, "a[1]");
	err.retry_after_ms = 2001;
	rpc_status_make(&status, &err, "r7");
	ck_assert_uint_eq(status.n_trailing, 2);
	ck_slice_is(status.trailing[0].value,
		"\x08\x03"
		"\x12\x03No."
		"\x1a\x4e"
		"\x0a\x28type.googleapis.com/google.rpc.ErrorInfo"
		"\x12\x22\x0a\x03"
		"BAD\x12\x09hardminer\x1a\x10\x0a\x0arequest_id\x12\x02r7"
		"\x1a\x3a"
		"\x0a\x29type.googleapis.com/google.rpc.BadRequest"
		"\x12\x0d\x0a\x0b\x0a\x04"
		"a[1]\x12\x03No."
		"\x1a\x34"
		"\x0a\x28type.googleapis.com/google.rpc.RetryInfo"
		"\x12\x08\x0a\x06\x08\x02\x10\xc0\x84\x3d");
	ck_slice_is(status.trailing[1].key, "retry-after");
	ck_slice_is(status.trailing[1].value, "3");
}
END_TEST

START_TEST(whole_seconds_are_not_rounded_up)
{
	error_set(&err, RESOURCE_EXHAUSTED, "QUEUE_FULL", "Later.");
	err.retry_after_ms = 2000;
	rpc_status_make(&status, &err, "");
	ck_slice_is(status.trailing[1].value, "2");
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("rpc_status");
	TCase *t = tcase_create("rpc_status");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, success_says_nothing);
	tcase_add_test(t, a_plain_error_has_an_error_info);
	tcase_add_test(t, field_retry_and_request_id_have_their_details);
	tcase_add_test(t, whole_seconds_are_not_rounded_up);
	suite_add_tcase(s, t);
	return s;
}
