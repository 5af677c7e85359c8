#include "tests/bench/bench.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *values, size_t n)
{
	qsort(values, n, sizeof *values, by_value);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

void line(const char *name, double value, const char *unit, const char *partner, double ratio)
{
	printf("%s %.0f %s %s %.3g\n", name, value, unit, partner, ratio);
	fflush(stdout);
}

void must(enum code rc, const struct error *e, const char *what)
{
	if (rc == OK)
		return;
	fprintf(stderr, "bench: could not %s: %s (%s)\n", what, e->text, e->field);
	exit(1);
}

struct one_thread {
	void (*body)(void *arg, size_t i);
	void *arg;
	size_t i;
};

static void *run_one(void *arg)
{
	struct one_thread *t = arg;

	t->body(t->arg, t->i);
	return NULL;
}

double on_threads(size_t n, void (*body)(void *arg, size_t i), void *arg)
{
	pthread_t *threads = calloc(n, sizeof *threads);
	struct one_thread *what = calloc(n, sizeof *what);
	double began = now_s();

	for (size_t i = 0; i < n; i++) {
		what[i] = (struct one_thread){body, arg, i};
		if (pthread_create(&threads[i], NULL, run_one, &what[i]))
			exit(1);
	}
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	free(what);
	return now_s() - began;
}

/* Starts the daemon on free ports; what it prints when ready names the gRPC one. */
static pid_t start_daemon(const char *path, const char *dir, char *target, size_t size)
{
	char *argv[] = {(char *)path, "--data-dir", (char *)dir, "--http-listen", "127.0.0.1:0",
		"--grpc-listen", "127.0.0.1:0", "--log-level", "warn", NULL};
	char ready[256] = "";
	int out[2];
	pid_t pid;
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	if (pipe(out))
		exit(1);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_addclose(&actions, out[0]);
	if (posix_spawn(&pid, path, &actions, NULL, argv, environ))
		exit(1);
	close(out[1]);
	FILE *f = fdopen(out[0], "r");
	const char *grpc = f && fgets(ready, sizeof ready, f) ? strstr(ready, "grpc=") : NULL;
	if (!grpc) {
		fprintf(stderr, "bench: %s did not get ready\n", path);
		exit(1);
	}
	snprintf(target, size, "%.*s", (int)strcspn(grpc + 5, " \n"), grpc + 5);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

int main(int argc, char **argv)
{
	struct bench b;
	struct error e;
	char target[128];
	int status;

	if (argc != 3) {
		fprintf(stderr, "usage: bench HARDMINERD EMPTY-DIRECTORY\n");
		return 2;
	}
	pid_t pid = start_daemon(argv[1], argv[2], target, sizeof target);
	b.target = target;
	must(hm_open(target, &b.client, &e), &e, "connect");
	bench_calls(&b);
	bench_upserts(&b, argv[2]);
	bench_vectors(&b);
	hm_close(b.client);
	kill(pid, SIGTERM);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
