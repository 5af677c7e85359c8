/*
 * Measurements, each against a named partner in the same run: a line `name value unit partner
 * ratio`. A bare figure of a shared machine says little; the ratio of two that took turns does.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

#include "client/client.h"
#include "hardminer/v1/miner.pb-c.h"

enum { ROUNDS = 5 }; /* both sides of a pair take turns; medians are reported */

struct bench {
	struct hm_client *client; /* of the daemon under test */
	const char *target;
};

double now_s(void);
double median(double *values, size_t n); /* sorts them */
/* Prints one line; `ratio` is ours over the partner's, so that more is better. */
void line(const char *name, double value, const char *unit, const char *partner, double ratio);
/* Ends the program with a sentence: a bench that cannot run has no figure. */
void must(enum code rc, const struct error *e, const char *what);

/* Runs body(arg, i) on n threads at once and returns the seconds until the last is done. */
double on_threads(size_t n, void (*body)(void *arg, size_t i), void *arg);

void bench_calls(struct bench *b);
void bench_upserts(struct bench *b, const char *dir);
void bench_vectors(struct bench *b); /* upload, publish, mine */

#endif
