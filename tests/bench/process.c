/* The programs that the bench starts, and whose processor time is whose. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench.h"

enum { MOST = 16 };

static pid_t started[MOST];
static double ended_seconds; /* that those computed which are no more */

/* Whatever ends the bench ends what it started. */
static void kill_started(void)
{
	for (int i = 0; i < MOST; i++)
		if (started[i])
			kill(started[i], SIGTERM);
}

static void die_of(int number)
{
	kill_started();
	_exit(128 + number);
}

static void kill_at_the_end(void)
{
	static bool ready;

	if (ready)
		return;
	ready = true;
	atexit(kill_started);
	signal(SIGINT, die_of);
	signal(SIGTERM, die_of);
	signal(SIGHUP, die_of);
}

static void remember(pid_t pid, pid_t instead)
{
	for (int i = 0; i < MOST; i++)
		if (started[i] == pid) {
			started[i] = instead;
			return;
		}
	fprintf(stderr, "bench: too many programs at once\n");
	exit(1);
}

/* Our ends of the pipes are ours alone. */
static void make_pipe(int *ends)
{
	if (pipe2(ends, O_CLOEXEC)) {
		perror("bench: pipe");
		exit(1);
	}
}

pid_t start(char *const *argv, char *const *environment, int *input, int *output)
{
	int in[2], out[2];
	pid_t pid;
	posix_spawn_file_actions_t actions;

	kill_at_the_end();
	posix_spawn_file_actions_init(&actions);
	make_pipe(out);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	if (input) {
		make_pipe(in);
		posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	}
	if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environment ? environment : environ)) {
		fprintf(stderr, "bench: could not start %s\n", argv[0]);
		exit(1);
	}
	posix_spawn_file_actions_destroy(&actions);
	close(out[1]);
	*output = out[0];
	if (input) {
		close(in[0]);
		*input = in[1];
	}
	remember(0, pid);
	return pid;
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

void stop(pid_t pid)
{
	struct rusage usage;
	int status;

	kill(pid, SIGTERM);
	if (wait4(pid, &status, 0, &usage) == pid)
		ended_seconds += seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
	remember(pid, 0);
}

/* Seconds that a process has computed so far, with its threads. */
static double process_seconds(pid_t pid)
{
	char path[64], text[1024] = "";
	unsigned long long user = 0, kernel = 0;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return 0;
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = 0;
	const char *fields = strrchr(text, ')'); /* a name may hold anything */
	if (fields)
		sscanf(fields + 1, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu", &user,
			&kernel);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

/* Seconds that all cores together were not idle, time stolen by the host among them. */
static double machine_seconds(void)
{
	unsigned long long user = 0, nice = 0, kernel = 0, irq = 0, softirq = 0, steal = 0;
	FILE *f = fopen("/proc/stat", "r");

	if (!f)
		return 0;
	if (fscanf(f, "cpu %llu %llu %llu %*u %*u %llu %llu %llu", &user, &nice, &kernel, &irq,
		    &softirq, &steal) != 6)
		user = 0;
	fclose(f);
	return (double)(user + nice + kernel + irq + softirq + steal) /
	       (double)sysconf(_SC_CLK_TCK);
}

struct busy busy_now(void)
{
	struct busy b = {now_s(), machine_seconds(), process_seconds(getpid()) + ended_seconds};

	for (int i = 0; i < MOST; i++)
		if (started[i])
			b.own += process_seconds(started[i]);
	return b;
}

double foreign_cores(const struct busy *since)
{
	struct busy now = busy_now();
	double foreign = (now.all - since->all) - (now.own - since->own);

	return foreign > 0 ? foreign / (now.at - since->at) : 0;
}

/* Starts the daemon on free ports; what it prints when ready names the gRPC one. */
static void daemon_start(struct bench *b)
{
	char home[4096], ready[256] = "";
	char *argv[] = {(char *)b->daemon_path, "--data-dir", home, "--http-listen", "127.0.0.1:0",
		"--grpc-listen", "127.0.0.1:0", "--log-level", "warn", NULL};
	int out;
	struct error e;

	snprintf(home, sizeof home, "%s/daemon", b->dir);
	b->daemon = start(argv, NULL, NULL, &out);
	FILE *f = fdopen(out, "r");
	const char *grpc = f && fgets(ready, sizeof ready, f) ? strstr(ready, "grpc=") : NULL;
	if (!grpc) {
		fprintf(stderr, "bench: %s did not get ready\n", b->daemon_path);
		exit(1);
	}
	snprintf(b->target, sizeof b->target, "%.*s", (int)strcspn(grpc + 5, " \n"), grpc + 5);
	must(hm_open(b->target, &b->client, &e), &e, "connect");
}

struct hm_client *daemon_client(struct bench *b)
{
	if (!b->client)
		daemon_start(b);
	return b->client;
}

void daemon_stop(struct bench *b)
{
	if (!b->client)
		return;
	hm_close(b->client);
	stop(b->daemon);
}
