#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "proto/json.h"
#include "server/http_server.h"

static const char json[] = "application/json";

static void add_time(struct MHD_Response *response, const char *name, uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof text, "%.3f", (double)ns / 1e6);
	MHD_add_response_header(response, name, text);
}

/* Queues the response and gives it up; a suspended connection goes on with it. */
enum MHD_Result reply_response(struct request *r, unsigned status, struct MHD_Response *response)
{
	enum MHD_Result result;

	MHD_add_response_header(response, "X-Request-Id", r->call.request_id);
	if (r->http->daemon->draining)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (r->state != REQUEST_STREAMING)
		r->state = REQUEST_REPLYING;
	r->since_ms = (int64_t)uv_now(r->http->daemon->loop);
	result = MHD_queue_response(r->connection, status, response);
	MHD_destroy_response(response);
	if (r->suspended)
		http_resume(r);
	return result;
}

static struct MHD_Response *response_of(struct buf *bytes, const char *type)
{
	size_t len;
	char *data;

	if (bytes->failed)
		return NULL;
	data = buf_detach(bytes, &len);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	else
		free(data);
	return response;
}

/* Without memory for an answer the connection is closed, which is one, too. */
static enum MHD_Result reply_or_close(
	struct request *r, unsigned status, struct MHD_Response *response)
{
	if (response)
		return reply_response(r, status, response);
	if (r->suspended) {
		shutdown(r->peer->fd, SHUT_RDWR);
		http_resume(r);
	}
	return MHD_NO;
}

enum MHD_Result reply_bytes(struct request *r, unsigned status, const char *type, struct buf *bytes)
{
	r->size = bytes->len;
	return reply_or_close(r, status, response_of(bytes, type));
}

void error_write(const struct error *e, const char *request_id, struct buf *to)
{
	Pb__Error m = PB__ERROR__INIT;

	m.has_code = true;
	m.code = error_http_status(e);
	m.status = code_name(e->code);
	m.reason = e->reason;
	m.message = e->text;
	m.field = e->field[0] ? e->field : NULL;
	m.has_retry_after_ms = e->retry_after_ms > 0;
	m.retry_after_ms = e->retry_after_ms;
	m.request_id = request_id;
	buf_str(to, "{\"error\":");
	json_write(&m.base, to);
	buf_str(to, "}\n");
}

enum MHD_Result reply_error(struct request *r, const struct error *e)
{
	unsigned status = (unsigned)error_http_status(e);
	struct buf body;
	char text[64];

	buf_init(&body);
	error_write(e, r->call.request_id, &body);
	r->size = body.len;
	struct MHD_Response *response = response_of(&body, json);
	buf_free(&body);
	if (response && e->retry_after_ms) {
		snprintf(text, sizeof text, "%u", (e->retry_after_ms + 999) / 1000);
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, text);
	}
	if (response && status == MHD_HTTP_METHOD_NOT_ALLOWED) {
		route_allow(r->route.allowed, text, sizeof text);
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, text);
	}
	return reply_or_close(r, status, response);
}

enum MHD_Result reply_allow(struct request *r)
{
	char allow[64];
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);

	route_allow(r->route.allowed, allow, sizeof allow);
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
	return reply_or_close(r, MHD_HTTP_NO_CONTENT, response);
}

static void reply_call(struct request *r)
{
	struct call *c = &r->call;

	if (c->error.code) {
		reply_error(r, &c->error);
		return;
	}
	r->size = c->out.len;
	struct MHD_Response *response = response_of(&c->out, json);
	if (response) {
		add_time(response, "X-Total-Time-Ms", uv_hrtime() - c->started_ns);
		add_time(response, "X-Queue-Time-Ms", c->queued_ns);
	}
	reply_or_close(r, MHD_HTTP_OK, response);
}

void http_reply(struct call *c)
{
	struct request *r = (struct request *)c;

	r->in_call = false;
	if (!r->connection)
		; /* nobody is there to be told */
	else if (r->state == REQUEST_STREAMING ||
		 (c->op->streaming == SERVER_STREAM && !c->error.code))
		stream_end(r);
	else
		reply_call(r);
	call_free(c);
	request_release(r);
}

const struct transport http_transport = {.name = "http",
	.decode = http_decode,
	.encode = http_encode,
	.emit = http_emit,
	.reply = http_reply};
