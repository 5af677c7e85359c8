/*
 * paths: one object a path, one member a verb. A SERVER_STREAM row that shares path and verb with a
 * UNARY row is that operation's other answer (Accept: application/x-ndjson), not another operation.
 *
 * Nothing here is escaped: every name comes from the schema or the table, which have only letters,
 * digits and "_-+:/{}"; a test parses the document.
 */
#include "server/openapi.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/field.h"
#include "proto/operations.h"
#include "server/openapi_schema.h"

#define JSON_TYPE "application/json"
#define LINES_TYPE "application/x-ndjson"
#define RAW_TYPE "application/octet-stream"

struct route {
	const char *name, *path;
	enum verb verb;
	enum streaming streaming;
};

#define ROUTE(Name, handler, Request, Response, verb, path, lane, permission, streaming) \
	{#Name, path, verb, streaming},
static const struct route routes[] = {OPERATIONS(ROUTE)};
#undef ROUTE

enum { N_ROUTES = sizeof routes / sizeof *routes };

static const ProtobufCMethodDescriptor *method_of(const struct route *r)
{
	return protobuf_c_service_descriptor_get_method_by_name(&pb__miner__descriptor, r->name);
}

/* The first route from `from` with this path and, when `verb` is not NULL, this verb. */
static const struct route *find(const struct route *from, const char *path, const enum verb *verb)
{
	for (const struct route *r = from; r < routes + N_ROUTES; r++)
		if (r->path && !strcmp(r->path, path) && (!verb || r->verb == *verb))
			return r;
	return NULL;
}

static bool in_path(const char *path, const char *field)
{
	size_t len = strlen(field);

	for (const char *s = path; (s = strchr(s, '{')); s++)
		if (!strncmp(s + 1, field, len) && s[1 + len] == '}')
			return true;
	return false;
}

/* Whether the URL carries the field: in its path, or in the query of a request without a body. */
static bool is_parameter(const struct route *r, const ProtobufCFieldDescriptor *f)
{
	if (in_path(r->path, f->name))
		return true;
	return r->verb != POST && f->label != PROTOBUF_C_LABEL_REPEATED &&
	       f->type != PROTOBUF_C_TYPE_MESSAGE;
}

static void write_parameters(const struct route *r, struct buf *to)
{
	const ProtobufCMessageDescriptor *request = method_of(r)->input;
	const char *before = "";

	buf_str(to, ",\"parameters\":[");
	for (unsigned i = 0; i < request->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &request->fields[i];
		if (!is_parameter(r, f))
			continue;
		buf_printf(to, "%s{\"name\":\"%s\",", before, f->name);
		buf_str(to, in_path(r->path, f->name) ? "\"in\":\"path\",\"required\":true"
						      : "\"in\":\"query\"");
		buf_str(to, ",\"schema\":");
		openapi_write_field(f, to);
		buf_char(to, '}');
		before = ",";
	}
	buf_char(to, ']');
}

static void write_content(
	const char *before, const char *media_type, const char *schema, struct buf *to)
{
	buf_printf(to, "%s\"%s\":{\"schema\":", before, media_type);
	openapi_write_ref(schema, to);
	buf_char(to, '}');
}

static void write_body(const struct route *r, struct buf *to)
{
	const ProtobufCMessageDescriptor *request = method_of(r)->input;
	const ProtobufCFieldDescriptor *lines = field_of_lines(request);

	if (r->verb != POST)
		return;
	buf_str(to, ",\"requestBody\":{\"content\":{");
	write_content("", JSON_TYPE, request->short_name, to);
	if (lines)
		write_content(",", LINES_TYPE,
			((const ProtobufCMessageDescriptor *)lines->descriptor)->short_name, to);
	if (field_of_raw(request))
		buf_printf(to,
			",\"" RAW_TYPE "\":{\"schema\":{\"description\":"
			"\"A line of JSON, the %s without data; after it the bytes of data.\"}}",
			request->short_name);
	buf_str(to, "}}");
}

/* 200 with each form it comes in; anything else is an error, and all errors look alike. */
static void write_responses(const struct route *r, struct buf *to)
{
	const struct route *twin = find(r + 1, r->path, &r->verb);
	const char *name = method_of(r)->output->short_name;

	buf_str(to, ",\"responses\":{\"200\":{\"description\":\"Done\",\"content\":{");
	write_content("", r->streaming == SERVER_STREAM ? LINES_TYPE : JSON_TYPE, name, to);
	if (twin)
		write_content(",", LINES_TYPE, method_of(twin)->output->short_name, to);
	buf_str(to, "}},\"default\":{\"$ref\":\"#/components/responses/Error\"}}");
}

/* "MineNegatives" as "Mine negatives". */
static void write_summary(const char *name, struct buf *to)
{
	buf_printf(to, "\"summary\":\"%c", name[0]);
	for (const char *s = name + 1; *s; s++) {
		if (isupper((unsigned char)*s))
			buf_char(to, ' ');
		buf_char(to, (char)tolower((unsigned char)*s));
	}
	buf_char(to, '"');
}

static void write_operation(const struct route *r, struct buf *to)
{
	static const char *const verbs[] = {[GET] = "get", [POST] = "post", [DELETE] = "delete"};

	buf_printf(to, "\"%s\":{\"operationId\":\"%s\",", verbs[r->verb], r->name);
	write_summary(r->name, to);
	write_parameters(r, to);
	write_body(r, to);
	write_responses(r, to);
	buf_char(to, '}');
}

static void write_path(const char *path, struct buf *to)
{
	const char *before = "";

	buf_printf(to, "\"%s\":{", path);
	for (const struct route *r = routes; (r = find(r, path, NULL)); r++) {
		if (find(routes, path, &r->verb) != r)
			continue; /* the twin of an operation that is there */
		buf_str(to, before);
		write_operation(r, to);
		before = ",";
	}
	buf_char(to, '}');
}

static void write_paths(struct buf *to)
{
	const char *before = "";

	for (const struct route *r = routes; r < routes + N_ROUTES; r++) {
		if (!r->path || find(routes, r->path, NULL) != r)
			continue;
		buf_str(to, before);
		write_path(r->path, to);
		before = ",";
	}
}

static void write_schemas(struct buf *to)
{
	struct openapi_types types = {.n = 0};

	for (const struct route *r = routes; r < routes + N_ROUTES; r++)
		if (r->path)
			openapi_add(&types, method_of(r)->input, true);
	for (const struct route *r = routes; r < routes + N_ROUTES; r++)
		if (r->path)
			openapi_add(&types, method_of(r)->output, false);
	openapi_add(&types, &pb__error__descriptor, false);
	openapi_write_types(&types, to);
}

void openapi_write(struct buf *to)
{
	buf_str(to, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"hardminer\",\"version\":"
		    "\"" HARDMINER_VERSION "\"},\"paths\":{");
	write_paths(to);
	buf_str(to, "},\"components\":{\"responses\":{\"Error\":{\"description\":\"It failed\","
		    "\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\","
		    "\"required\":[\"error\"],\"properties\":{\"error\":");
	openapi_write_ref(pb__error__descriptor.short_name, to);
	buf_str(to, "}}}}}},\"schemas\":{");
	write_schemas(to);
	buf_str(to, "}}}");
}
