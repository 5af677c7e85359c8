/*
 * libmicrohttpd (0.9.75) on a libuv loop, and what has to be done around it:
 *
 *   its epoll descriptor is polled; whenever it is readable, MHD_run
 *   a resumed connection is not seen before the next MHD_run, and MHD_get_timeout does not mention
 *     it: `resumed` asks for one run before the loop polls and one after, for all of them together
 *   at the connection limit the listening socket leaves its epoll set and comes back only at the
 *     start of a run, for which nobody may be left to ask: the timer never sleeps for more than TICK
 *   a client that goes away while its connection is suspended is not noticed: the sweep asks the
 *     socket
 *   its timeout counts silence, and a trickle of bytes is not silent: the sweep counts age
 *   stopping it with a suspended connection aborts: calls end, and resume theirs, before http_stop
 */
#include "server/http.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/fault.h"
#include "server/config.h"
#include "server/http_server.h"

enum {
	TICK_MS = 200,
	PACE_MS = 1000, /* what must be read of a body, or taken of an answer, in this time ... */
	PACE_BYTES = 16 << 10,
	STALL_MS = 30000, /* ... once it is older than this, for answers */
	CONNECTION_MEMORY = 64 << 10,
	HANDLES = 4
};

static int64_t now_ms(const struct http *h)
{
	return (int64_t)uv_now(h->daemon->loop);
}

/* No public call closes a connection; a socket that is shut down makes libmicrohttpd do it. */
static void cut_off(const struct peer *p)
{
	shutdown(p->fd, SHUT_RDWR);
}

static bool is_gone(const struct peer *p)
{
	struct pollfd fd = {.fd = p->fd, .events = POLLRDHUP};

	return poll(&fd, 1, 0) > 0 && fd.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

static bool is_too_slow(const struct http *h, const struct peer *p)
{
	const struct config *config = h->daemon->config;
	const struct request *r = p->request;
	int64_t now = now_ms(h), head_ms = (int64_t)config->http_head_ms;

	if (!r)
		return now - p->since_ms > head_ms + (p->used ? (int64_t)config->http_idle_ms : 0);
	int64_t age = now - r->since_ms;
	switch (r->state) {
	case REQUEST_HEAD:
		return age > head_ms;
	case REQUEST_BODY:
		return age > head_ms + (int64_t)(r->body.len / PACE_BYTES) * PACE_MS;
	case REQUEST_STREAMING:
		return !r->suspended && age > STALL_MS;
	case REQUEST_REPLYING:
		return age > STALL_MS + (int64_t)(r->size / PACE_BYTES) * PACE_MS;
	default:
		return false;
	}
}

static void sweep(struct http *h)
{
	for (struct peer *p = h->peers, *next; p; p = next) {
		struct request *r = p->request;
		next = p->next;
		if (r && r->suspended && r->in_call && is_gone(p)) {
			call_cancel(&r->call);
			stream_wake(r);
		} else if (is_too_slow(h, p)) {
			cut_off(p);
		}
	}
}

static void timer_due(uv_timer_t *timer);

/* The timer is set anew by every run, so the sweep keeps its own time. */
static void run(struct http *h)
{
	int64_t until_sweep = h->swept_ms + TICK_MS - now_ms(h);
	uint64_t tick = until_sweep > 0 ? (uint64_t)until_sweep : 0;
	MHD_UNSIGNED_LONG_LONG wait;

	h->resumed = false;
	MHD_run(h->mhd);
	if (MHD_get_timeout(h->mhd, &wait) != MHD_YES || wait > tick)
		wait = tick;
	uv_timer_start(&h->timer, timer_due, wait, 0);
}

static void timer_due(uv_timer_t *timer)
{
	struct http *h = timer->data;

	if (now_ms(h) - h->swept_ms >= TICK_MS) {
		h->swept_ms = now_ms(h);
		sweep(h);
	}
	run(h);
}

static void readable(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	run(poll->data);
}

static void before_poll(uv_prepare_t *prepare)
{
	struct http *h = prepare->data;

	if (h->resumed)
		run(h);
}

static void after_poll(uv_check_t *check)
{
	struct http *h = check->data;

	if (h->resumed)
		run(h);
}

void http_suspend(struct request *r)
{
	MHD_suspend_connection(r->connection);
	r->suspended = true;
}

void http_resume(struct request *r)
{
	r->suspended = false;
	MHD_resume_connection(r->connection);
	r->http->resumed = true;
}

struct peer *http_peer(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static struct peer *peer_new(struct http *h, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct peer *p = FAULT() ? NULL : calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->fd = info->connect_fd;
	p->since_ms = now_ms(h);
	p->next = h->peers;
	p->prev = &h->peers;
	if (p->next)
		p->next->prev = &p->next;
	h->peers = p;
	return p;
}

static void peer_free(struct peer *p)
{
	if (!p)
		return;
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	free(p);
}

static void notify_connection(void *http, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = peer_new(http, connection);
	} else {
		peer_free(*context);
		*context = NULL;
	}
}

/* Routes are matched before anything is decoded, and "%00" must not end a string. */
static size_t leave_encoded(void *http, struct MHD_Connection *connection, char *s)
{
	size_t n = 0;

	(void)http, (void)connection;
	while (s[n])
		n++;
	return n;
}

static struct MHD_Daemon *start_mhd(struct http *h, int fd)
{
	const struct config *c = h->daemon->config;

	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		http_access, h, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)c->http_max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned)c->http_per_ip, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)(c->http_idle_ms + 999) / 1000, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_URI_LOG_CALLBACK, http_begin, h, MHD_OPTION_UNESCAPE_CALLBACK,
		leave_encoded, h, MHD_OPTION_NOTIFY_COMPLETED, http_completed, h,
		MHD_OPTION_NOTIFY_CONNECTION, notify_connection, h, MHD_OPTION_END);
}

/* A socket of our own, so that another daemon's port is an error and port 0 can be told. */
static int listen_on(const char *text, char bound[static ADDRESS_TEXT], struct error *e)
{
	struct address a;
	int on = 1;

	if (address_resolve(text, &a, e))
		return -1;
	int fd = socket(a.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
		bind(fd, (struct sockaddr *)&a.addr, a.len) || listen(fd, SOMAXCONN) ||
		getsockname(fd, (struct sockaddr *)&a.addr, &a.len)) {
		error_set(e, UNAVAILABLE, "CANNOT_LISTEN",
			"Cannot listen on %s for HTTP: %m. Is another daemon running there?", text);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	address_print(&a, bound);
	return fd;
}

static void open_handles(struct http *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	uv_loop_t *loop = h->daemon->loop;

	uv_poll_init(loop, &h->readable, info->epoll_fd);
	uv_timer_init(loop, &h->timer);
	uv_prepare_init(loop, &h->before_poll);
	uv_check_init(loop, &h->after_poll);
	h->readable.data = h->timer.data = h->before_poll.data = h->after_poll.data = h;
	uv_poll_start(&h->readable, UV_READABLE, readable);
	uv_timer_start(&h->timer, timer_due, 0, 0);
	uv_prepare_start(&h->before_poll, before_poll);
	uv_check_start(&h->after_poll, after_poll);
}

struct http *http_start(
	struct daemon *d, const char *listen, char bound[static ADDRESS_TEXT], struct error *e)
{
	int fd = listen_on(listen, bound, e);
	struct http *h = fd < 0 || FAULT() ? NULL : calloc(1, sizeof *h);

	if (!h) {
		if (fd >= 0) {
			error_memory(e);
			close(fd);
		}
		return NULL;
	}
	h->daemon = d;
	h->mhd = start_mhd(h, fd);
	if (!h->mhd) {
		error_set(
			e, INTERNAL, "HTTP_SERVER", "The HTTP server on %s did not start.", bound);
		close(fd);
		free(h);
		return NULL;
	}
	open_handles(h);
	return h;
}

bool http_busy(const struct http *h)
{
	return h->requests;
}

static void closed(uv_handle_t *handle)
{
	struct http *h = handle->data;

	if (--h->closing == 0)
		free(h);
}

void http_stop(struct http *h)
{
	if (!h)
		return;
	h->stopping = true;
	for (const struct peer *p = h->peers; p; p = p->next)
		cut_off(p);
	MHD_run(h->mhd); /* those that were resumed last are still counted as suspended */
	h->closing = HANDLES;
	uv_close((uv_handle_t *)&h->readable, closed);
	uv_close((uv_handle_t *)&h->timer, closed);
	uv_close((uv_handle_t *)&h->before_poll, closed);
	uv_close((uv_handle_t *)&h->after_poll, closed);
	MHD_stop_daemon(h->mhd);
}
