#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/bench.h"

static double seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double now_s(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

double cpu_s(void)
{
	return seconds_of(CLOCK_THREAD_CPUTIME_ID);
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
	printf("%s %.*f %s %s %.3g\n", name, fabs(value) < 100 ? 2 : 0, value, unit, partner,
		ratio);
	fflush(stdout);
}

void left_out(const char *name, const char *why)
{
	fprintf(stderr, "%s is left out: %s\n", name, why);
}

void must(enum code rc, const struct error *e, const char *what)
{
	if (rc == OK)
		return;
	fprintf(stderr, "bench: could not %s: %s (%s)\n", what, e->text, e->field);
	exit(1);
}

void *must_allocate(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p) {
		fprintf(stderr, "bench: no memory for %zu x %zu bytes\n", n, size);
		exit(1);
	}
	return p;
}

void must_write(const char *folder, const char *name, const void *data, size_t bytes)
{
	char path[4200];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f)) {
		fprintf(stderr, "bench: cannot write %s\n", path);
		exit(1);
	}
}

size_t private_bytes(pid_t pid)
{
	char path[64], text[128];
	size_t kb = 0;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "r");
	while (f && fgets(text, sizeof text, f) && sscanf(text, "RssAnon: %zu", &kb) != 1)
		;
	if (f)
		fclose(f);
	return kb * 1024;
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
	pthread_t *threads = must_allocate(n, sizeof *threads);
	struct one_thread *what = must_allocate(n, sizeof *what);
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
