/*
 * A SERVER_STREAM's answer as lines of JSON. The worker appends lines under the lock and mails the
 * loop; the loop swaps them out and feeds libmicrohttpd, whose connection is suspended while there
 * are none. A worker that is AHEAD of its client waits.
 *
 * The status goes out with the first line, so a failure before it is an ordinary error; after it,
 * the error is the last line: {"error":{...}}.
 */
#include <string.h>
#include <sys/socket.h>

#include "server/http_server.h"

#include "proto/json.h"

enum { AHEAD = 1 << 20, BLOCK = 64 << 10 };
static const uint64_t look_again_ns = 100000000;

static void deliver(struct mail *mail);

void stream_init(struct request *r)
{
	uv_mutex_init(&r->lock);
	uv_cond_init(&r->taken);
	buf_init(&r->lines);
	buf_init(&r->sending);
	r->mail.deliver = deliver;
}

void stream_free(struct request *r)
{
	buf_free(&r->lines);
	buf_free(&r->sending);
	uv_cond_destroy(&r->taken);
	uv_mutex_destroy(&r->lock);
}

void stream_wake(struct request *r)
{
	uv_mutex_lock(&r->lock);
	uv_cond_signal(&r->taken);
	uv_mutex_unlock(&r->lock);
}

/* Under the lock. Deadlines and shutdown cancel without a signal, so the flag is looked at now and
 * then. */
static bool wait_for_room(struct request *r)
{
	while (r->lines.len > AHEAD && !atomic_load(&r->call.cancelled))
		uv_cond_timedwait(&r->taken, &r->lock, look_again_ns);
	return !atomic_load(&r->call.cancelled);
}

enum code http_emit(struct call *c, const ProtobufCMessage *m)
{
	struct request *r = (struct request *)c;
	enum code code = OK;

	/* The line is made outside the lock, in `out`, which streams do not use otherwise. */
	buf_reset(&c->out);
	if (http_encode(c, m))
		return c->error.code;
	uv_mutex_lock(&r->lock);
	if (!wait_for_room(r))
		code = error_set(&c->error, CANCELLED, "CANCELLED", "The call was cancelled.");
	else
		buf_add(&r->lines, c->out.data, c->out.len);
	if (!code && r->lines.failed)
		code = error_memory(&c->error);
	if (!code && !r->woken) {
		r->woken = true;
		mailbox_post(c->daemon->mailbox, &r->mail);
	}
	uv_mutex_unlock(&r->lock);
	return code;
}

/* Takes what the worker has made so far. */
static void swap_lines(struct request *r)
{
	struct buf empty = r->sending;

	buf_reset(&empty);
	uv_mutex_lock(&r->lock);
	r->sending = r->lines;
	r->lines = empty;
	uv_cond_signal(&r->taken);
	uv_mutex_unlock(&r->lock);
	r->sent = 0;
}

static ssize_t read_lines(void *request, uint64_t at, char *to, size_t most)
{
	struct request *r = request;

	(void)at;
	if (r->sent == r->sending.len)
		swap_lines(r);
	size_t n = r->sending.len - r->sent;
	if (n > most)
		n = most;
	r->since_ms = (int64_t)uv_now(r->http->daemon->loop);
	if (n) {
		memcpy(to, r->sending.data + r->sent, n);
		r->sent += n;
		return (ssize_t)n;
	}
	if (r->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	http_suspend(r);
	return 0;
}

/* The head of the answer. */
static void open_stream(struct request *r)
{
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_lines, r, NULL);

	if (!response) {
		shutdown(r->peer->fd, SHUT_RDWR);
		http_resume(r);
		return;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/x-ndjson");
	r->state = REQUEST_STREAMING;
	reply_response(r, MHD_HTTP_OK, response);
}

/* There are lines, or there will be no more. */
static void feed(struct request *r)
{
	if (!r->connection)
		return;
	if (r->state == REQUEST_WORKING)
		open_stream(r);
	else if (r->suspended)
		http_resume(r);
}

/* Mail is delivered before the mail that ends the call, which was posted later. */
static void deliver(struct mail *mail)
{
	struct request *r = (struct request *)((char *)mail - offsetof(struct request, mail));

	uv_mutex_lock(&r->lock);
	r->woken = false;
	uv_mutex_unlock(&r->lock);
	feed(r);
}

void stream_end(struct request *r)
{
	uv_mutex_lock(&r->lock);
	if (r->call.error.code)
		error_write(&r->call.error, r->call.request_id, &r->lines);
	uv_mutex_unlock(&r->lock);
	r->ended = true;
	feed(r);
}
