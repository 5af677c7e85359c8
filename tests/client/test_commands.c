/* The commands' tables against the schema. */
#include "tests/runner.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/pretty.h"
#include "client/cli/session.h"

static const struct {
	const struct command *command;
	const ProtobufCMessageDescriptor *request;
} requests[] = {
	{&command_import, &pb__begin_generation_request__descriptor},
	{&command_encode, &pb__encode_collection_request__descriptor},
	{&command_mine, &pb__mine_negatives_request__descriptor},
	{&command_jobs, &pb__list_jobs_request__descriptor},
};

/* "relative_margin" <-> "relative-margin" */
static bool same_name(const char *option, const char *field)
{
	for (; *option && *field; option++, field++)
		if (*field != (*option == '-' ? '_' : *option))
			return false;
	return !*option && !*field;
}

static const ProtobufCFieldDescriptor *field_of(
	const ProtobufCMessageDescriptor *type, const char *option)
{
	for (unsigned i = 0; i < type->n_fields; i++)
		if (same_name(option, type->fields[i].name))
			return &type->fields[i];
	return NULL;
}

START_TEST(every_option_that_is_a_field_is_in_the_request)
{
	for (const struct option *o = requests[_i].command->options; o->name; o++)
		if (o->kind == OPTION_FIELD)
			ck_assert_msg(field_of(requests[_i].request, o->name), "--%s", o->name);
}
END_TEST

/* The default of the schema, as one types it. */
static void default_text(const ProtobufCFieldDescriptor *f, char to[32])
{
	to[0] = 0;
	if (f->type == PROTOBUF_C_TYPE_UINT32)
		snprintf(to, 32, "%" PRIu32, *(const uint32_t *)f->default_value);
	if (f->type == PROTOBUF_C_TYPE_UINT64)
		snprintf(to, 32, "%" PRIu64, *(const uint64_t *)f->default_value);
	if (f->type == PROTOBUF_C_TYPE_INT64)
		snprintf(to, 32, "%" PRId64, *(const int64_t *)f->default_value);
	if (f->type == PROTOBUF_C_TYPE_STRING)
		snprintf(to, 32, "%s", (const char *)f->default_value);
}

START_TEST(help_names_the_defaults_of_the_schema)
{
	for (const struct option *o = requests[_i].command->options; o->name; o++) {
		char want[32];
		if (o->kind != OPTION_FIELD || !o->assumed)
			continue;
		const ProtobufCFieldDescriptor *f = field_of(requests[_i].request, o->name);
		ck_assert_msg(f && f->default_value, "--%s", o->name);
		default_text(f, want);
		ck_assert_str_eq(o->assumed, want);
	}
}
END_TEST

START_TEST(every_scalar_of_a_recipe_is_an_option_of_mine)
{
	const ProtobufCMessageDescriptor *type = &pb__mine_negatives_request__descriptor;

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		bool found =
			f->label == PROTOBUF_C_LABEL_REPEATED || !strcmp(f->name, "collection");
		for (const struct option *o = command_mine.options; o->name; o++)
			found |= o->kind == OPTION_FIELD && same_name(o->name, f->name);
		ck_assert_msg(found, "%s", f->name);
	}
}
END_TEST

START_TEST(every_operation_of_the_table_can_be_called)
{
	size_t n = 0;

	for (; operation_name(n); n++) {
		struct operation op;
		ck_assert_msg(operation_find(operation_name(n), &op), "%s", operation_name(n));
		ck_assert_ptr_nonnull(op.request);
		ck_assert_ptr_nonnull(op.answer);
	}
	ck_assert_uint_eq(n, pb__miner__descriptor.n_methods);
}
END_TEST

static const struct {
	const char *line, *want;
} layouts[] = {
	{"{}", "{}"},
	{"{\"a\":1}", "{\n  \"a\": 1\n}"},
	{"{\"a\":[1,2],\"b\":[]}", "{\n  \"a\": [1,2],\n  \"b\": []\n}"},
	{"{\"a\":[{\"b\":\"x,{\\\"}\"},{}]}",
		"{\n  \"a\": [\n    {\n      \"b\": \"x,{\\\"}\"\n    },\n    {}\n  ]\n}"},
	{"[\"]\",[1]]", "[\n  \"]\",\n  [1]\n]"},
};

START_TEST(json_is_laid_out_for_people)
{
	struct buf out;

	buf_init(&out);
	pretty_json(layouts[_i].line, strlen(layouts[_i].line), &out);
	buf_char(&out, 0);
	ck_assert_str_eq(out.data, layouts[_i].want);
	buf_free(&out);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("commands");
	TCase *t = tcase_create("commands");

	tcase_add_loop_test(t, every_option_that_is_a_field_is_in_the_request, 0, 4);
	tcase_add_loop_test(t, help_names_the_defaults_of_the_schema, 0, 4);
	tcase_add_test(t, every_scalar_of_a_recipe_is_an_option_of_mine);
	tcase_add_test(t, every_operation_of_the_table_can_be_called);
	tcase_add_loop_test(t, json_is_laid_out_for_people, 0, 5);
	suite_add_tcase(s, t);
	return s;
}
