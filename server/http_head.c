#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/config.h"
#include "server/http_server.h"

static const char *header(struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

struct counts {
	unsigned host, length, encoding;
	bool odd_name;
};

/* RFC 9110, 5.6.2. */
static bool is_token(const char *name)
{
	for (const char *s = name; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("!#$%&'*+-.^_`|~", *s))
			return false;
	return *name;
}

static enum MHD_Result count(
	void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct counts *n = arg;

	(void)kind, (void)value;
	n->odd_name |= !is_token(name);
	n->host += !strcasecmp(name, MHD_HTTP_HEADER_HOST);
	n->length += !strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH);
	n->encoding += !strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING);
	return MHD_YES;
}

static enum code malformed(struct error *e, const char *why)
{
	return error_set(e, INVALID_ARGUMENT, "MALFORMED_REQUEST", "%s", why);
}

/* A page in a browser may send us simple requests without asking; it cannot hide where it is from. */
static enum code check_origin(struct request *r, struct error *e)
{
	const char *origin = header(r, MHD_HTTP_HEADER_ORIGIN),
		   *host = header(r, MHD_HTTP_HEADER_HOST);
	const char *from = origin ? strstr(origin, "://") : NULL;

	if (!origin || (from && host && !strcasecmp(from + 3, host)))
		return OK;
	return error_set(e, PERMISSION_DENIED, "CROSS_ORIGIN",
		"A page of another origin may not use this daemon.");
}

enum code head_check(struct request *r, const char *version, struct error *e)
{
	struct counts n = {0};

	MHD_get_connection_values(r->connection, MHD_HEADER_KIND, count, &n);
	if (strcmp(version, MHD_HTTP_VERSION_1_1) != 0 &&
		strcmp(version, MHD_HTTP_VERSION_1_0) != 0)
		return malformed(e, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
	if (n.odd_name) /* "Content-Length : 5" is a length to some who pass it on, and none to us */
		return malformed(e, "A header's name has no white space and no other separators.");
	if (n.host > 1 || (!n.host && !strcmp(version, MHD_HTTP_VERSION_1_1)))
		return malformed(e, "An HTTP/1.1 request has exactly one Host header.");
	if (n.length > 1)
		return malformed(e, "A request has at most one Content-Length header.");
	if (n.length && n.encoding)
		return malformed(e,
			"A request has a Content-Length or a Transfer-Encoding header, not both.");
	if (n.encoding > 1 ||
		(n.encoding &&
			strcasecmp(header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING), "chunked") != 0))
		return malformed(e, "The one Transfer-Encoding spoken here is chunked.");
	return check_origin(r, e);
}

static bool is_type(const char *value, size_t len, const char *type)
{
	return strlen(type) == len && !strncasecmp(value, type, len);
}

/* `curl -d` says application/x-www-form-urlencoded of whatever it sends. */
static enum code read_type(struct request *r, struct error *e)
{
	const char *value = header(r, MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *coding = header(r, MHD_HTTP_HEADER_CONTENT_ENCODING);
	size_t len = value ? strcspn(value, "; \t") : 0;

	if (coding && strcasecmp(coding, "identity") != 0)
		return error_set(e, INVALID_ARGUMENT, "UNSUPPORTED_MEDIA_TYPE",
			"Send the body as it is: Content-Encoding \"%.40s\" is not understood.",
			coding);
	if (!len || is_type(value, len, "application/json") ||
		is_type(value, len, "application/x-www-form-urlencoded"))
		r->format = BODY_JSON;
	else if (is_type(value, len, "application/x-ndjson"))
		r->format = BODY_LINES;
	else if (is_type(value, len, "application/octet-stream"))
		r->format = BODY_RAW;
	else
		return error_set(e, INVALID_ARGUMENT, "UNSUPPORTED_MEDIA_TYPE",
			"Content-Type \"%.60s\" is not understood; send application/json, "
			"application/x-ndjson or application/octet-stream.",
			value);
	return OK;
}

/* Refused here, a body that is too large is never sent. */
static enum code check_length(struct request *r, struct error *e)
{
	const char *value = header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t most = r->http->daemon->config->body_bytes;

	if (!value || strtoull(value, NULL, 10) <= most)
		return OK;
	return error_set(e, RESOURCE_EXHAUSTED, "BODY_TOO_LARGE",
		"The body has %.20s bytes; at most %" PRIu64
		" are taken. Send it in smaller parts.",
		value, most);
}

static enum code read_deadline(struct request *r, struct error *e)
{
	const char *value = header(r, "Request-Timeout-Ms");
	enum { DIGITS = 12 };

	r->call.deadline_ms = INT64_MAX;
	if (!value)
		return OK;
	size_t len = strspn(value, "0123456789");
	if (!len || len > DIGITS || value[len]) {
		error_set(e, INVALID_ARGUMENT, "BAD_HEADER",
			"Request-Timeout-Ms must be a number of milliseconds.");
		return error_field(e, "Request-Timeout-Ms");
	}
	r->call.deadline_ms =
		(int64_t)uv_now(r->http->daemon->loop) + (int64_t)strtoll(value, NULL, 10);
	return OK;
}

enum code head_read(struct request *r, struct error *e)
{
	enum code code;

	if ((code = read_type(r, e)) || (code = check_length(r, e)))
		return code;
	return read_deadline(r, e);
}

bool head_has_body(struct request *r)
{
	const char *length = header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING) || (length && strcmp(length, "0") != 0);
}

bool head_wants_lines(struct request *r)
{
	const char *accept = header(r, MHD_HTTP_HEADER_ACCEPT);

	return accept && strcasestr(accept, "application/x-ndjson");
}

void head_request_id(struct request *r)
{
	const char *id = header(r, "X-Request-Id");

	if (id && strlen(id) < sizeof r->call.request_id)
		memcpy(r->call.request_id, id, strlen(id) + 1);
	call_identify(&r->call);
}
