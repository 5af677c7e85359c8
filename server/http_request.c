/*
 * A request from its first line to its call, as libmicrohttpd tells it:
 *
 *   http_begin      the request line
 *   http_access     once with the headers, then with each piece of the body, then without one
 *   http_completed  the answer is out, or the connection is gone
 *
 * An answer may be given at the headers or at the body's end, not between: what is too large is
 * swallowed to its end without being kept, and cut off when it does not end.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "server/config.h"
#include "server/http_server.h"
#include "server/log.h"

enum { SWALLOW = 2, BUDGET = 16 }; /* times the largest body: of one request; of all in memory */

static int64_t now_ms(const struct http *h)
{
	return (int64_t)uv_now(h->daemon->loop);
}

static struct request *request_new(struct http *h, const char *uri)
{
	struct request *r = FAULT() ? NULL : calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->uri = strdup(uri);
	if (!r->uri) {
		free(r);
		return NULL;
	}
	r->http = h;
	r->since_ms = now_ms(h);
	buf_init(&r->body);
	stream_init(r);
	return r;
}

void *http_begin(void *http, const char *uri, struct MHD_Connection *connection)
{
	struct http *h = http;
	struct peer *p = http_peer(connection);
	struct request *r = p && !h->stopping ? request_new(h, uri) : NULL;

	if (!r)
		return NULL;
	r->connection = connection;
	r->peer = p;
	p->request = r;
	h->requests++;
	r->query = strchr(r->uri, '?');
	if (r->query)
		*r->query++ = 0;
	return r;
}

static void drop_body(struct request *r)
{
	r->http->held -= r->body.len;
	buf_free(&r->body);
}

void request_release(struct request *r)
{
	if (r->connection || r->in_call)
		return;
	drop_body(r);
	stream_free(r);
	free(r->uri);
	free(r);
}

void http_completed(void *http, struct MHD_Connection *connection, void **request,
	enum MHD_RequestTerminationCode how)
{
	struct request *r = *request;

	(void)http, (void)connection, (void)how;
	if (!r)
		return;
	*request = NULL;
	r->peer->request = NULL;
	r->peer->used = true;
	r->peer->since_ms = now_ms(r->http);
	r->http->requests--;
	r->connection = NULL;
	if (r->in_call) {
		call_cancel(&r->call);
		stream_wake(r);
	}
	request_release(r);
}

static void set_state(struct request *r, enum request_state state)
{
	r->state = state;
	r->since_ms = now_ms(r->http);
}

/* Refuses before there is a call; writes the log line that a call would have written. */
static enum MHD_Result refuse(struct request *r, const char *method, const struct error *e)
{
	struct log_line l;

	r->http->refused++;
	log_begin(&l, LEVEL_INFO, "refused");
	log_text(&l, "via", "http");
	log_text(&l, "method", method);
	log_text(&l, "path", r->uri);
	log_text(&l, "reason", e->reason);
	log_text(&l, "message", e->text);
	log_text(&l, "request_id", r->call.request_id);
	log_end(&l);
	return reply_error(r, e);
}

static bool verb_of(const char *method, enum verb *out)
{
	if (!strcmp(method, "GET") || !strcmp(method, "HEAD"))
		*out = GET;
	else if (!strcmp(method, "POST"))
		*out = POST;
	else if (!strcmp(method, "DELETE"))
		*out = DELETE;
	else
		return false;
	return true;
}

/* What no row can have, so that the path's own verbs are found and told. */
enum { NO_VERB = DELETE + 1 };

static enum code find_route(struct request *r, const char *method, struct error *e)
{
	enum verb verb;

	if (!verb_of(method, &verb))
		verb = (enum verb)NO_VERB;
	enum code code = route_find(
		operations, n_operations, r->uri, verb, head_wants_lines(r), &r->route, e);
	if (!code && r->head && r->route.op->streaming == SERVER_STREAM)
		return error_set(e, UNIMPLEMENTED, "METHOD_NOT_ALLOWED",
			"This path answers with a stream; ask for it with GET.");
	return code;
}

/* A fixed page, the path's verbs, or an operation. */
static enum code find_answer(struct request *r, const char *method, struct error *e)
{
	r->page = page_find(r->uri);
	if (r->page) {
		r->route.allowed = 1u << GET;
		if (!strcmp(method, "GET") || r->head)
			return OK;
		error_set(e, UNIMPLEMENTED, "METHOD_NOT_ALLOWED",
			"This path takes GET, HEAD, OPTIONS.");
	} else if (!find_route(r, method, e)) {
		return head_read(r, e);
	} else if (!strcmp(r->uri, "*")) {
		r->route.allowed = ~0u;
	}
	r->options = !strcmp(method, "OPTIONS") && r->route.allowed;
	if (r->options)
		e->code = OK;
	return e->code;
}

/* The headers are here. libmicrohttpd closes a connection that is answered now, which suits bodies
 * that nobody wants and requests that nobody should trust; other answers wait for the end. */
static enum MHD_Result take_head(struct request *r, const char *method, const char *version)
{
	struct error *e = &r->call.error;

	head_request_id(r);
	r->head = !strcmp(method, "HEAD");
	if (head_check(r, version, e) || (find_answer(r, method, e) && head_has_body(r)))
		return refuse(r, method, e);
	set_state(r, REQUEST_BODY);
	return MHD_YES;
}

static enum MHD_Result take_body(struct request *r, const char *bytes, size_t len)
{
	struct http *h = r->http;
	size_t most = h->daemon->config->body_bytes;

	if (r->over_limit || r->over_budget) {
		r->size += len; /* nothing is answered yet: counts what is swallowed */
		return r->size > SWALLOW * most ? MHD_NO : MHD_YES;
	}
	r->over_limit = len > most - r->body.len;
	r->over_budget = len > BUDGET * most - h->held;
	if (r->over_limit || r->over_budget) {
		drop_body(r);
		return MHD_YES;
	}
	size_t before = r->body.len;
	buf_add(&r->body, bytes, len);
	h->held += r->body.len - before;
	return MHD_YES;
}

static enum code check_body(struct request *r, struct error *e)
{
	size_t most = r->http->daemon->config->body_bytes;

	if (r->over_limit)
		return error_set(e, RESOURCE_EXHAUSTED, "BODY_TOO_LARGE",
			"The body is larger than %zu bytes; send it in smaller parts.", most);
	if (r->over_budget)
		return error_set(e, RESOURCE_EXHAUSTED, "OVERLOADED",
			"Other requests' bodies fill the memory set aside for them; try again "
			"later.");
	if (r->body.failed)
		return error_memory(e);
	if (r->body.len && (!r->route.op || r->route.op->verb != POST))
		return error_set(e, INVALID_ARGUMENT, "UNEXPECTED_BODY",
			"This request takes no body; its fields go into the query string.");
	return OK;
}

/* The body is here. What is for the workers is a call from now on. */
static enum MHD_Result take_end(struct request *r, const char *method)
{
	struct error *e = &r->call.error;

	r->size = 0;
	if (e->code || check_body(r, e))
		return refuse(r, method, e);
	if (r->options)
		return reply_allow(r);
	if (r->page)
		return reply_page(r);
	r->call.daemon = r->http->daemon;
	r->call.op = r->route.op;
	r->call.via = &http_transport;
	r->in_call = true;
	set_state(r, REQUEST_WORKING);
	r->call.bytes = r->body.len;
	call_start(&r->call);
	if (r->in_call)
		http_suspend(r);
	return MHD_YES; /* otherwise it was refused, and answered */
}

enum MHD_Result http_access(void *http, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **request)
{
	struct request *r = *request;
	size_t len = *upload_size;

	(void)http, (void)connection, (void)url;
	if (!r)
		return MHD_NO;
	switch (r->state) {
	case REQUEST_HEAD:
		return take_head(r, method, version);
	case REQUEST_BODY:
		*upload_size = 0;
		return len ? take_body(r, upload, len) : take_end(r, method);
	default:
		return MHD_NO; /* there was no memory for an answer, or the server stops */
	}
}
