#include "tests/server/http_fixture.h"

#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/config.h"
#include "server/log.h"
#include "server/metrics.h"

static uv_loop_t loop;
struct daemon d;
static uv_thread_t thread;
static sem_t started;
sem_t handler_began, handler_may_go, handler_ended;
char bound[ADDRESS_TEXT];
static struct error err;
atomic_int handled;
atomic_uint emitted;
static const struct config config = {.http_max_connections = 64,
	.http_per_ip = 64,
	.http_head_ms = 300,
	.http_idle_ms = 1000,
	.body_bytes = MOST,
	.default_timeout_ms = 60000};

/* Answers with what it was asked: page_size comes back doubled, the token as version. */
static enum code tell(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	const Pb__ListJobsRequest *r = (const Pb__ListJobsRequest *)req;
	Pb__Info *info = (Pb__Info *)res;

	handled++;
	info->version = r->page_token ? r->page_token : r->collection;
	info->has_workers = true;
	info->workers = r->page_size * 2;
	if (r->page_token && !strcmp(r->page_token, "fail")) {
		error_set(&c->error, RESOURCE_EXHAUSTED, "NO_MORE", "There is no more.");
		c->error.retry_after_ms = 1500;
		return error_field(&c->error, "page_token");
	}
	return OK;
}

static enum code wait_for_test(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	sem_post(&handler_began);
	sem_wait(&handler_may_go);
	return tell(c, req, res);
}

static enum code wait_for_cancel(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	(void)req, (void)res;
	sem_post(&handler_began);
	while (!c->cancelled)
		sched_yield();
	sem_post(&handler_ended);
	return error_set(&c->error, CANCELLED, "CANCELLED", "Stopped.");
}

/* page_size lines, numbered from 0; then a failure when there is a page token. */
static enum code number(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	const Pb__ListJobsRequest *r = (const Pb__ListJobsRequest *)req;
	Pb__Info *info = (Pb__Info *)res;
	enum code code = OK;

	info->has_workers = true;
	for (uint32_t i = 0; i < r->page_size && !code; i++) {
		info->workers = i;
		code = call_emit(c, res);
		emitted = i + 1;
	}
	sem_post(&handler_ended);
	if (!code && r->page_token)
		return error_set(&c->error, NOT_FOUND, "GONE", "It is gone.");
	return code;
}

static enum code store(struct call *c, const ProtobufCMessage *req, ProtobufCMessage *res)
{
	const Pb__UpsertVectorsRequest *r = (const Pb__UpsertVectorsRequest *)req;
	Pb__Info *info = (Pb__Info *)res;

	info->version = arena_printf(&c->arena, "%s/%llu %zu ids %.*s", r->collection,
		(unsigned long long)r->generation, r->n_ids, (int)r->data.len,
		(char *)r->data.data);
	return info->version ? OK : error_memory(&c->error);
}

#define OPERATION(name_, path_, verb_, run_, streaming_, request_) \
	{ \
		.name = name_, .path = path_, .verb = verb_, .run = run_, .streaming = streaming_, \
		.request = &request_, .response = &pb__info__descriptor \
	}
#define JOBS pb__list_jobs_request__descriptor

const struct operation operations[] = {
	OPERATION("Tell", "/v1/tell", GET, tell, UNARY, JOBS),
	OPERATION("TellMore", "/v1/tell", POST, tell, UNARY, JOBS),
	OPERATION("Of", "/v1/of/{collection}:tell", POST, tell, UNARY, JOBS),
	OPERATION("Wait", "/v1/wait", POST, wait_for_test, UNARY, JOBS),
	OPERATION("Linger", "/v1/linger", POST, wait_for_cancel, UNARY, JOBS),
	OPERATION("Numbers", "/v1/numbers", GET, number, SERVER_STREAM, JOBS),
	OPERATION("Twin", "/v1/tell", POST, number, SERVER_STREAM, JOBS),
	OPERATION("Store", "/v1/store/{collection}/{generation}", POST, store, UNARY,
		pb__upsert_vectors_request__descriptor),
};
const size_t n_operations = sizeof operations / sizeof *operations;

static void daemon_thread(void *arg)
{
	(void)arg;
	uv_loop_init(&loop);
	d = (struct daemon){.loop = &loop, .config = &config, .ready = true};
	d.mailbox = mailbox_open(&loop);
	d.metrics = metrics_open(&loop, operations, n_operations);
	d.pool = pool_start(&(struct pool_options){{2, 2}, {2, 2}});
	calls_open(&d);
	d.http = http_start(&d, "127.0.0.1:0", bound, &err);
	sem_post(&started);
	uv_run(&loop, UV_RUN_DEFAULT); /* until uv_stop */
	calls_cancel(&d);
	while (d.live)
		uv_run(&loop, UV_RUN_ONCE);
	http_stop(d.http);
	pool_stop(d.pool);
	calls_close(&d);
	metrics_close(d.metrics);
	mailbox_close(d.mailbox);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

void http_setup(void)
{
	log_set_level(LEVEL_ERROR);
	signal(SIGPIPE, SIG_IGN);
	sem_init(&started, 0, 0);
	sem_init(&handler_began, 0, 0);
	sem_init(&handler_may_go, 0, 0);
	sem_init(&handler_ended, 0, 0);
	uv_thread_create(&thread, daemon_thread, NULL);
	sem_wait(&started);
	ck_assert_msg(d.http, "%s", err.text);
}

static void stop_loop(struct mail *mail)
{
	(void)mail;
	uv_stop(&loop);
}

void http_teardown(void)
{
	struct mail mail = {.deliver = stop_loop};

	mailbox_post(d.mailbox, &mail);
	uv_thread_join(&thread);
}

int dial(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct timeval wait = {.tv_sec = WAIT_MS / 1000};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_port = htons((uint16_t)strtoul(strrchr(bound, ':') + 1, NULL, 10));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	return fd;
}

void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

/* What the server says until it closes; valid until the next call. */
const char *hear(int fd)
{
	static char heard[1 << 20];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof heard - 1 && (n = recv(fd, heard + len, sizeof heard - 1 - len, 0)) > 0)
		len += (size_t)n;
	heard[len] = 0;
	close(fd);
	return heard;
}

const char *ask(const char *text)
{
	int fd = dial();

	say(fd, text);
	return hear(fd);
}

void answers(const char *request, const char *status, const char *part)
{
	const char *answer = ask(request);
	char line[64];

	snprintf(line, sizeof line, "HTTP/1.1 %s", status);
	ck_assert_msg(!strncmp(answer, line, strlen(line)), "%s\n---\n%.1000s", request, answer);
	ck_assert_msg(strstr(answer, part), "no %s in\n%.1000s", part, answer);
}
