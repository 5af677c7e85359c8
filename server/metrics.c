#include "server/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "server/call.h"
#include "server/process.h"

enum { CODES = UNAUTHENTICATED + 1, LAG_EVERY_MS = 250 };

/* Upper bounds of the duration histogram, in seconds; +Inf is the count. */
static const double bounds[] = {
	.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30};
enum { BUCKETS = sizeof bounds / sizeof *bounds };

static const char *const vias[] = {"http", "grpc"};
static const char *const shed_reasons[] = {[SHED_OVERLOADED] = "overloaded",
	[SHED_DRAINING] = "draining",
	[SHED_DEADLINE] = "deadline"};
static const char *const lanes[] = {[QUICK] = "quick", [HEAVY] = "heavy"};

struct operation_metrics {
	uint64_t ended[2][CODES]; /* by transport */
	uint64_t within[BUCKETS]; /* cumulative, as Prometheus wants them */
	uint64_t count;
	double seconds;
};

struct metrics {
	const struct operation *table;
	size_t n;
	uint64_t shed[SHED_REASONS];
	double work_ms[2]; /* by lane */
	uv_timer_t lag_timer;
	uint64_t lag_due_ns;
	double lag_s; /* the last one seen */
	struct operation_metrics operations[];
};

static void arm_lag(struct metrics *m)
{
	m->lag_due_ns = uv_hrtime() + (uint64_t)LAG_EVERY_MS * 1000000;
}

static void lag_tick(uv_timer_t *timer)
{
	struct metrics *m = timer->data;
	uint64_t now = uv_hrtime();

	m->lag_s = now > m->lag_due_ns ? (double)(now - m->lag_due_ns) / 1e9 : 0;
	arm_lag(m);
}

struct metrics *metrics_open(uv_loop_t *loop, const struct operation *table, size_t n)
{
	struct metrics *m =
		FAULT() ? NULL : calloc(1, sizeof *m + n * sizeof(struct operation_metrics));

	if (!m)
		return NULL;
	m->table = table;
	m->n = n;
	uv_timer_init(loop, &m->lag_timer);
	m->lag_timer.data = m;
	arm_lag(m);
	uv_timer_start(&m->lag_timer, lag_tick, LAG_EVERY_MS, LAG_EVERY_MS);
	uv_unref((uv_handle_t *)&m->lag_timer);
	return m;
}

static void closed(uv_handle_t *timer)
{
	free(timer->data);
}

void metrics_close(struct metrics *m)
{
	if (m)
		uv_close((uv_handle_t *)&m->lag_timer, closed);
}

void metrics_call(
	struct metrics *m, const struct operation *op, const char *via, enum code code, uint64_t ns)
{
	struct operation_metrics *o = &m->operations[op - m->table];
	double seconds = (double)ns / 1e9;

	o->ended[!strcmp(via, "grpc")][(size_t)code < CODES ? code : UNKNOWN]++;
	o->count++;
	o->seconds += seconds;
	for (size_t i = 0; i < BUCKETS; i++)
		o->within[i] += seconds <= bounds[i];
}

void metrics_shed(struct metrics *m, enum shed reason)
{
	m->shed[reason]++;
}

void metrics_work(struct metrics *m, enum lane lane, uint64_t ns)
{
	double ms = (double)ns / 1e6;

	m->work_ms[lane] += (ms - m->work_ms[lane]) / 16;
}

double metrics_work_ms(const struct metrics *m, enum lane lane)
{
	return m->work_ms[lane];
}

static void family(struct buf *to, const char *name, const char *type, const char *help)
{
	buf_printf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(struct buf *to, const char *name, const char *type, const char *help, double v)
{
	family(to, name, type, help);
	buf_printf(to, "%s %.17g\n", name, v);
}

static void write_requests(const struct metrics *m, struct buf *to)
{
	family(to, "hardminer_requests_total", "counter",
		"Requests that ended, by operation, transport and gRPC code.");
	for (size_t i = 0; i < m->n; i++)
		for (size_t via = 0; via < 2; via++)
			for (int code = 0; code < CODES; code++)
				if (m->operations[i].ended[via][code])
					buf_printf(to,
						"hardminer_requests_total{method=\"%s\",transport="
						"\"%s\",code=\"%s\"} %" PRIu64 "\n",
						m->table[i].name, vias[via],
						code_name((enum code)code),
						m->operations[i].ended[via][code]);
}

static void write_histogram(const struct operation_metrics *o, const char *method, struct buf *to)
{
	static const char name[] = "hardminer_request_duration_seconds";

	for (size_t i = 0; i < BUCKETS; i++)
		buf_printf(to, "%s_bucket{method=\"%s\",le=\"%g\"} %" PRIu64 "\n", name, method,
			bounds[i], o->within[i]);
	buf_printf(
		to, "%s_bucket{method=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, method, o->count);
	buf_printf(to, "%s_sum{method=\"%s\"} %.17g\n", name, method, o->seconds);
	buf_printf(to, "%s_count{method=\"%s\"} %" PRIu64 "\n", name, method, o->count);
}

static void write_durations(const struct metrics *m, struct buf *to)
{
	family(to, "hardminer_request_duration_seconds", "histogram",
		"From a request's arrival to its reply, waiting included.");
	for (size_t i = 0; i < m->n; i++)
		if (m->operations[i].count)
			write_histogram(&m->operations[i], m->table[i].name, to);
}

static void write_load(const struct metrics *m, const struct daemon *d, struct buf *to)
{
	size_t inflight = 0;

	for (const struct call *c = d->live; c; c = c->next_live)
		inflight++;
	single(to, "hardminer_inflight", "gauge", "Requests between arrival and reply.",
		(double)inflight);
	family(to, "hardminer_queue_depth", "gauge", "Requests that wait for a worker.");
	for (int lane = 0; lane < 2; lane++)
		buf_printf(to, "hardminer_queue_depth{lane=\"%s\"} %zu\n", lanes[lane],
			pool_queued(d->pool, (enum lane)lane));
	family(to, "hardminer_shed_total", "counter", "Requests refused before any work was done.");
	for (int i = 0; i < SHED_REASONS; i++)
		buf_printf(to, "hardminer_shed_total{reason=\"%s\"} %" PRIu64 "\n", shed_reasons[i],
			m->shed[i]);
	single(to, "hardminer_event_loop_lag_seconds", "gauge",
		"How late the event loop's last regular timer came.", m->lag_s);
	single(to, "hardminer_ready", "gauge", "1 while /readyz says yes.", d->ready);
}

void metrics_write(const struct metrics *m, const struct daemon *d, struct buf *to)
{
	struct process_usage p;

	family(to, "hardminer_build_info", "gauge", "1, labelled with the version.");
	buf_printf(to, "hardminer_build_info{version=\"%s\"} 1\n", HARDMINER_VERSION);
	write_requests(m, to);
	write_durations(m, to);
	write_load(m, d, to);
	process_usage(&p);
	single(to, "process_cpu_seconds_total", "counter", "User and system time.", p.cpu_seconds);
	single(to, "process_resident_memory_bytes", "gauge", "Resident memory.", p.resident_bytes);
	single(to, "process_virtual_memory_bytes", "gauge", "Virtual memory.", p.virtual_bytes);
	single(to, "process_open_fds", "gauge", "Open file descriptors.", p.open_fds);
	single(to, "process_max_fds", "gauge", "The most file descriptors that may be open.",
		p.max_fds);
	single(to, "process_start_time_seconds", "gauge", "Start, as Unix time.",
		(double)d->started_at_ms / 1e3);
}
