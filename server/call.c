/*
 * How a call ends, whoever ends it:
 *
 *   refused     on the loop in call_start, before anything was done for it
 *   done        the worker hands it back
 *   cancelled   by its deadline, by a client that went away, or at shutdown. While a worker has it,
 *               only the flag is set and the worker's return ends it; a CLIENT_STREAM call between
 *               two messages is nobody's and ends at once
 *
 * All three go through `end`, which replies once. A call past its deadline answers
 * DEADLINE_EXCEEDED even when its work was done: the client has been told that, or will be, by its
 * own clock.
 */
#include "server/call.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "proto/limits.h"
#include "server/config.h"
#include "server/log.h"
#include "server/metrics.h"

enum { RETRY_LEAST_MS = 50, RETRY_MOST_MS = 30000, RETRY_DRAINING_MS = 1000 };

enum { MUCH = 1 << 20 /* bytes: some ten milliseconds of JSON */ };

static void link_live(struct call *c)
{
	struct call **first = &c->daemon->live;

	c->next_live = *first;
	c->prev_live = first;
	if (*first)
		(*first)->prev_live = &c->next_live;
	*first = c;
}

static void unlink_live(struct call *c)
{
	*c->prev_live = c->next_live;
	if (c->next_live)
		c->next_live->prev_live = c->prev_live;
}

/* Ids end up in headers and log lines, so they are printable ASCII without spaces. */
static bool id_is_fit(const char *id)
{
	for (const char *s = id; *s; s++)
		if (*s <= ' ' || *s >= 0x7f || *s == '"' || *s == '\\')
			return false;
	return *id;
}

void call_identify(struct call *c)
{
	unsigned char random[16];
	char *id = c->request_id;

	if (id_is_fit(id))
		return;
	if (getrandom(random, sizeof random, 0) != sizeof random)
		memset(random, 0, sizeof random);
	for (size_t i = 0; i < sizeof random; i++) {
		id[2 * i] = "0123456789abcdef"[random[i] >> 4];
		id[2 * i + 1] = "0123456789abcdef"[random[i] & 15];
	}
	id[2 * sizeof random] = 0;
}

static void log_call(const struct call *c, uint64_t ns)
{
	struct log_line l;
	bool ours = c->error.code == INTERNAL || c->error.code == DATA_LOSS;

	log_begin(&l, ours ? LEVEL_ERROR : LEVEL_INFO, "call");
	log_text(&l, "op", c->op->name);
	log_text(&l, "via", c->via->name);
	log_text(&l, "code", code_name(c->error.code));
	if (c->error.code) {
		log_text(&l, "reason", c->error.reason);
		log_text(&l, "message", c->error.text);
	}
	log_ms(&l, "ms", ns);
	log_ms(&l, "queue_ms", c->queued_ns);
	log_ms(&l, "work_ms", c->worked_ns);
	log_text(&l, "request_id", c->request_id);
	log_end(&l);
}

static bool is_past(const struct call *c)
{
	return (int64_t)uv_now(c->daemon->loop) >= c->deadline_ms;
}

/* What an ending makes of the result: a deadline overrides it, the others explain a failure. */
static void settle(struct call *c)
{
	if (c->ending == DEADLINE_PASSED || (!c->ending && is_past(c)))
		error_set(&c->error, DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED",
			"The deadline passed before the answer was ready; allow more time or ask "
			"for "
			"less.");
	else if (c->error.code && c->ending == STOPPING)
		error_set(&c->error, UNAVAILABLE, "DRAINING",
			"The daemon stopped before the answer was ready; try again later.");
	else if (c->error.code && c->ending == CLIENT_GONE)
		error_set(&c->error, CANCELLED, "CLIENT_GONE",
			"The client went away before the answer was ready.");
}

static void end(struct call *c)
{
	uint64_t ns = uv_hrtime() - c->started_ns;

	c->ended = true;
	if (c->error.code)
		buf_reset(&c->out);
	metrics_call(c->daemon->metrics, c->op, c->via->name, c->error.code, ns);
	log_call(c, ns);
	c->via->reply(c);
}

/* Nobody was told anything yet and no worker has it. */
static void end_cancelled(struct call *c)
{
	error_set(&c->error, CANCELLED, "CANCELLED", "The call was cancelled.");
	settle(c);
	end(c);
}

static void cancel(struct call *c, enum ending why)
{
	if (c->ended || c->ending)
		return;
	c->ending = why;
	atomic_store(&c->cancelled, true);
	if (!c->busy)
		end_cancelled(c);
}

void call_cancel(struct call *c)
{
	cancel(c, CLIENT_GONE);
}

void calls_cancel(struct daemon *d)
{
	for (struct call *c = d->live, *next; c; c = next) {
		next = c->next_live; /* a call that nobody has is gone after this */
		cancel(c, STOPPING);
	}
}

static void deadlines_due(uv_timer_t *timer);

static void watch_deadline(struct daemon *d, int64_t due)
{
	int64_t now = (int64_t)uv_now(d->loop);
	uint64_t in = due > now ? (uint64_t)(due - now) : 0;

	if (due == INT64_MAX)
		return;
	if (!uv_is_active((uv_handle_t *)&d->deadlines) || uv_timer_get_due_in(&d->deadlines) > in)
		uv_timer_start(&d->deadlines, deadlines_due, in, 0);
}

static void deadlines_due(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	for (struct call *c = d->live, *next; c; c = next) {
		next = c->next_live;
		if (c->ended || c->ending)
			continue;
		if (is_past(c))
			cancel(c, DEADLINE_PASSED);
		else
			watch_deadline(d, c->deadline_ms);
	}
}

void calls_open(struct daemon *d)
{
	uv_timer_init(d->loop, &d->deadlines);
	d->deadlines.data = d;
}

void calls_close(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->deadlines, NULL);
}

static enum code prepare_response(struct call *c)
{
	if (c->response)
		return OK;
	c->response = arena_alloc(&c->arena, c->op->response->sizeof_message);
	if (!c->response)
		return error_memory(&c->error);
	protobuf_c_message_init(c->op->response, c->response);
	return OK;
}

/* Asked again after a wait, too. */
static enum code check_live(struct call *c)
{
	if (!atomic_load(&c->cancelled))
		return OK;
	return error_set(&c->error, CANCELLED, "CANCELLED", "The call was cancelled.");
}

/* What a worker does for a call that may take long in one piece. */
struct piece {
	struct call *c;
	ProtobufCMessage *req;
	enum code code;
};

static void decode_piece(void *arg)
{
	struct piece *p = arg;

	p->code = check_live(p->c);
	if (!p->code)
		p->code = p->c->via->decode(p->c, &p->req);
}

static void encode_piece(void *arg)
{
	struct piece *p = arg;

	p->code = p->c->via->encode(p->c, p->c->response);
}

/* 10,000 queries in JSON take half a second to read, and small requests are not to wait for that. */
static enum code decode(struct call *c, ProtobufCMessage **req)
{
	struct piece p = {.c = c};

	if (c->bytes >= MUCH)
		pool_aside(c->daemon->pool, c->op->lane, decode_piece, &p, IN_TURN);
	else
		decode_piece(&p);
	*req = p.req;
	return p.code;
}

static enum code encode(struct call *c)
{
	struct piece p = {.c = c};

	if (protobuf_c_message_get_packed_size(c->response) >= MUCH)
		pool_aside(c->daemon->pool, c->op->lane, encode_piece, &p, AT_ONCE);
	else
		encode_piece(&p);
	return p.code;
}

/* One trip through a worker. Nothing but `cancelled` is shared with the loop meanwhile. */
static enum code work(struct call *c)
{
	ProtobufCMessage *req;
	enum code code;

	if ((code = check_live(c)) || (code = prepare_response(c)))
		return code;
	if (c->finishing)
		return encode(c);
	if ((code = decode(c, &req)) || (code = c->op->run(c, req, c->response)))
		return code;
	return c->op->streaming == UNARY ? encode(c) : OK;
}

/* On the loop: the worker has let go of the call. */
static void call_done(struct mail *mail)
{
	struct call *c = (struct call *)((char *)mail - offsetof(struct call, mail));

	c->busy = false;
	c->queued_ns += c->began_ns - c->sent_ns;
	c->worked_ns += c->took_ns;
	metrics_work(c->daemon->metrics, c->op->lane, c->took_ns);
	if (c->op->streaming != CLIENT_STREAM || c->finishing || c->error.code) {
		settle(c);
		end(c);
	} else if (c->ending) {
		end_cancelled(c);
	} else {
		arena_free(&c->message);
		c->via->more(c);
	}
}

/* On a worker. */
static void call_work(struct job *job)
{
	struct call *c = (struct call *)((char *)job - offsetof(struct call, job));

	c->began_ns = uv_hrtime();
	c->error.code = work(c);
	c->took_ns = uv_hrtime() - c->began_ns;
	mailbox_post(c->daemon->mailbox, &c->mail);
}

/* The queue's length in time. */
static unsigned retry_after_ms(const struct call *c)
{
	struct pool *pool = c->daemon->pool;
	enum lane lane = c->op->lane;
	double ms = (double)pool_queued(pool, lane) * metrics_work_ms(c->daemon->metrics, lane) /
		    (double)pool_threads(pool, lane);

	if (ms < RETRY_LEAST_MS)
		return RETRY_LEAST_MS;
	return ms > RETRY_MOST_MS ? RETRY_MOST_MS : (unsigned)ms;
}

static void refuse_overloaded(struct call *c)
{
	error_set(&c->error, RESOURCE_EXHAUSTED, "OVERLOADED",
		"%zu %s requests are waiting already; try again later.",
		pool_queued(c->daemon->pool, c->op->lane),
		c->op->lane == HEAVY ? "heavy" : "quick");
	c->error.retry_after_ms = retry_after_ms(c);
	metrics_shed(c->daemon->metrics, SHED_OVERLOADED);
	end(c);
}

/* `first`: the call may still be refused. Later parts of it wait, however long the queue. */
static void send_to_worker(struct call *c, bool first)
{
	c->busy = true;
	c->sent_ns = uv_hrtime();
	if (!first) {
		pool_resume(c->daemon->pool, c->op->lane, &c->job);
	} else if (!pool_submit(c->daemon->pool, c->op->lane, &c->job)) {
		c->busy = false;
		refuse_overloaded(c);
	}
}

static void begin(struct call *c)
{
	struct daemon *d = c->daemon;

	link_live(c);
	arena_init(&c->arena, LIMIT_REQUEST_MEMORY);
	arena_init(&c->message, LIMIT_REQUEST_MEMORY);
	buf_init(&c->out);
	c->job.run = call_work;
	c->mail.deliver = call_done;
	c->started_ns = uv_hrtime();
	call_identify(c);
	if (c->deadline_ms == INT64_MAX && c->op->streaming == UNARY)
		c->deadline_ms = (int64_t)(uv_now(d->loop) + d->config->default_timeout_ms);
}

/* False when the call was refused, and with that has ended. */
static bool admit(struct call *c)
{
	struct daemon *d = c->daemon;
	enum shed reason = d->draining ? SHED_DRAINING : SHED_DEADLINE;

	if (d->draining) {
		error_set(&c->error, UNAVAILABLE, "DRAINING",
			"The daemon is stopping and takes no new requests; try again later.");
		c->error.retry_after_ms = RETRY_DRAINING_MS;
	} else if (is_past(c)) {
		error_set(&c->error, DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED",
			"The deadline had passed when the request arrived; nothing was done.");
	} else {
		watch_deadline(d, c->deadline_ms);
		return true;
	}
	metrics_shed(d->metrics, reason);
	end(c);
	return false;
}

void call_start(struct call *c)
{
	begin(c);
	if (admit(c))
		send_to_worker(c, true);
}

void call_open(struct call *c)
{
	begin(c);
	admit(c);
}

void call_message(struct call *c)
{
	if (c->ended)
		return;
	send_to_worker(c, !c->messages);
	c->messages = true;
}

void call_finish(struct call *c)
{
	if (c->ended)
		return;
	c->finishing = true;
	if (c->messages) {
		send_to_worker(c, false);
		return;
	}
	error_set(&c->error, INVALID_ARGUMENT, "EMPTY_STREAM",
		"The stream ended before its first message; send at least one.");
	end(c);
}

void call_free(struct call *c)
{
	unlink_live(c);
	arena_free(&c->arena);
	arena_free(&c->message);
	buf_free(&c->out);
}

enum code call_emit(struct call *c, const ProtobufCMessage *m)
{
	enum code code = check_live(c);

	return code ? code : c->via->emit(c, m);
}
