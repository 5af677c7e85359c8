/*
 * hardminerd: builds the daemon in order, runs it, tears it down in reverse. Exit codes: 0 told to
 * stop, 1 it could not run, 2 it was told nonsense.
 *
 * On SIGTERM or SIGINT readiness goes off and new calls are refused, while those under way finish;
 * after drain_timeout_ms, or at a second signal, they are cancelled.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "server/address.h"
#include "server/call.h"
#include "server/config.h"
#include "server/grpc.h"
#include "server/http.h"
#include "server/log.h"
#include "server/metrics.h"

enum { RAN = 0, COULD_NOT_RUN = 1, TOLD_NONSENSE = 2, LOOK_EVERY_MS = 10 };

struct server {
	struct daemon d;
	uv_loop_t loop;
	uv_signal_t terminate, interrupt;
	uv_timer_t drain;
	int64_t cancel_at_ms;
	bool cancelled;
	char http[ADDRESS_TEXT], grpc[128];
};

static bool is_any_working(const struct daemon *d)
{
	for (const struct call *c = d->live; c; c = c->next_live)
		if (!c->ended)
			return true;
	return false;
}

/* A client that does not take its answer holds nothing up once the calls are cancelled. */
static void look_whether_drained(uv_timer_t *timer)
{
	struct server *s = timer->data;

	if (!s->cancelled && (int64_t)uv_now(&s->loop) >= s->cancel_at_ms) {
		s->cancelled = true;
		calls_cancel(&s->d);
	}
	if (s->cancelled ? !is_any_working(&s->d) : !s->d.live && !http_busy(s->d.http))
		uv_stop(&s->loop);
}

static void stop(uv_signal_t *handle, int number)
{
	struct server *s = handle->data;
	struct log_line l;

	log_begin(&l, LEVEL_INFO, "stopping");
	log_text(&l, "signal", strsignal(number));
	log_end(&l);
	if (s->d.draining) {
		s->cancel_at_ms = 0;
		return;
	}
	s->d.ready = false;
	s->d.draining = true;
	grpc_ready_changed(s->d.grpc);
	grpc_drain(s->d.grpc);
	s->cancel_at_ms = (int64_t)(uv_now(&s->loop) + s->d.config->drain_timeout_ms);
	uv_timer_start(&s->drain, look_whether_drained, 0, LOOK_EVERY_MS);
}

/* Each connection is a descriptor, and so is each mapped generation. */
static void raise_file_limit(void)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int64_t wall_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void open_loop(struct server *s, const struct config *config)
{
	uv_loop_init(&s->loop);
	uv_signal_init(&s->loop, &s->terminate);
	uv_signal_init(&s->loop, &s->interrupt);
	uv_timer_init(&s->loop, &s->drain);
	s->terminate.data = s->interrupt.data = s->drain.data = s;
	s->d.config = config;
	s->d.loop = &s->loop;
	s->d.started_at_ms = wall_clock_ms();
	calls_open(&s->d);
}

/* What was not written before takes a start time, and that is all; else a disk is to blame, or was. */
static void tell_of_catalog(
	const char *event, const char *collection, uint64_t generation, const char *why)
{
	struct log_line l;

	bool is_new = !strcmp(event, "made") || !strcmp(event, "indexed");

	log_begin(&l, is_new ? LEVEL_INFO : LEVEL_WARN, event);
	log_text(&l, "collection", collection);
	if (generation)
		log_number(&l, "generation", (int64_t)generation);
	log_text(&l, "why", why);
	log_end(&l);
}

static enum code open_storage(struct daemon *d, struct error *e)
{
	struct catalog_options options = {
		.keep = d->config->keep_generations, .told = tell_of_catalog};
	enum code code = database_open(d->config->data_dir, &d->db, e);

	if (code)
		return code;
	return catalog_open(d->db, d->config->data_dir, &options, &d->catalog, e);
}

static enum code start_workers(struct daemon *d, struct error *e)
{
	const struct config *c = d->config;
	struct pool_options options = {
		.threads = {[QUICK] = c->quick_threads, [HEAVY] = c->workers},
		.queue = {[QUICK] = c->quick_queue, [HEAVY] = c->heavy_queue},
	};

	d->metrics = metrics_open(d->loop, operations, n_operations);
	d->mailbox = d->metrics ? mailbox_open(d->loop) : NULL;
	d->pool = d->mailbox ? pool_start(&options) : NULL;
	if (d->pool) {
		struct crew crew = pool_crew(d->pool);
		catalog_lend(d->catalog, &crew);
	}
	d->runner = d->pool ? runner_start(d->db, d->catalog, d->pool) : NULL;
	if (!d->runner)
		return error_set(e, RESOURCE_EXHAUSTED, "NO_THREADS",
			"The system gives no memory or no threads for the workers; lower workers "
			"or quick_threads.");
	return OK;
}

static enum code start_serving(struct server *s, struct error *e)
{
	s->d.http = http_start(&s->d, s->d.config->http_listen, s->http, e);
	if (!s->d.http)
		return e->code;
	s->d.grpc = grpc_start(&s->d, s->d.config->grpc_listen, s->grpc, sizeof s->grpc, e);
	if (!s->d.grpc)
		return e->code;
	uv_signal_start(&s->terminate, stop, SIGTERM);
	uv_signal_start(&s->interrupt, stop, SIGINT);
	s->d.ready = true;
	grpc_ready_changed(s->d.grpc);
	return OK;
}

/* Addresses are tried first: a daemon that is refused for one has made no data directory. */
static enum code start(struct server *s, struct error *e)
{
	enum code code = address_try(s->d.config->http_listen, e);

	if (!code)
		code = address_try(s->d.config->grpc_listen, e);
	if (!code)
		code = open_storage(&s->d, e);
	if (!code)
		code = start_workers(&s->d, e);
	if (!code)
		code = start_serving(s, e);
	return code;
}

enum { TEXTS_SECONDS = 10 /* of what supervisors wait beside drain_timeout_ms */ };

/* Whatever was started, in reverse. */
static void tear_down(struct server *s)
{
	struct daemon *d = &s->d;

	grpc_stop(d->grpc);
	http_stop(d->http);
	runner_stop(d->runner);
	if (d->catalog)
		catalog_closing(d->catalog, TEXTS_SECONDS);
	pool_stop(d->pool);
	if (d->mailbox)
		mailbox_close(d->mailbox);
	metrics_close(d->metrics);
	catalog_close(d->catalog);
	database_close(d->db);
	calls_close(d);
	uv_close((uv_handle_t *)&s->drain, NULL);
	uv_close((uv_handle_t *)&s->interrupt, NULL);
	uv_close((uv_handle_t *)&s->terminate, NULL);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	uv_loop_close(&s->loop);
}

static int run(const struct config *config)
{
	struct server s = {.cancelled = false};
	struct error e;
	enum log_level level;

	if (log_level_named(config->log_level, &level))
		log_set_level(level);
	signal(SIGPIPE, SIG_IGN);
	raise_file_limit();
	open_loop(&s, config);
	enum code code = start(&s, &e);
	if (code) {
		log_error("start", &e);
	} else {
		printf("ready http=%s grpc=%s\n", s.http, s.grpc);
		fflush(stdout);
		uv_run(&s.loop, UV_RUN_DEFAULT);
	}
	tear_down(&s);
	return code ? COULD_NOT_RUN : RAN;
}

static int print(void (*write)(struct buf *to))
{
	struct buf text;

	buf_init(&text);
	write(&text);
	fwrite(text.data, 1, text.len, stdout);
	buf_free(&text);
	return RAN;
}

static int print_config(const struct config *config)
{
	struct buf text;

	buf_init(&text);
	config_print(config, &text);
	fwrite(text.data, 1, text.len, stdout);
	buf_free(&text);
	return RAN;
}

static int act(enum config_action action, const struct config *config)
{
	switch (action) {
	case CONFIG_HELP:
		return print(config_help);
	case CONFIG_VERSION:
		puts("hardminerd " HARDMINER_VERSION);
		return RAN;
	case CONFIG_PRINT:
		return print_config(config);
	case CONFIG_CHECK:
		return RAN;
	default:
		return run(config);
	}
}

int main(int argc, char **argv)
{
	struct config config;
	enum config_action action;
	struct buf errors;
	int status = TOLD_NONSENSE;

	buf_init(&errors);
	if (config_load(&config, argc, argv, environ, &action, &errors))
		status = act(action, &config);
	else
		fwrite(errors.data, 1, errors.len, stderr);
	buf_free(&errors);
	config_free(&config);
	return status;
}
