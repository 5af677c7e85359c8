/*
 * Measurements, each against a named partner in the same run: a line `name value unit partner
 * ratio`. A bare figure of a shared machine says little; the ratio of two that took turns does.
 *
 * What a line needs is made when the first line asks for it: the data, the codes, the partners'
 * processes, the daemon. Figures go to stdout, everything that helps to read them to stderr.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "client/client.h"
#include "hardminer/v1/miner.pb-c.h"

enum { ROUNDS = 5 }; /* both sides of a pair take turns; medians are reported */

struct data;
struct exact;
struct partner;
struct ranked;
struct nfcorpus;

struct bench {
	const char *daemon_path, *partner_path, *python, *peer_path, *bm25s_path,
		*st_path; /* programs */
	const char *dir;  /* empty at first */
	uint32_t rows;	  /* documents of the data */
	bool twice;	  /* and as many again, for the line that grows */
	size_t cores;

	/* made when asked for */
	struct data *data;
	struct exact *exact;
	struct partner *faiss, *faiss_avx512, *peer, *bm25s;
	struct ranked *ranked; /* documents for BM25, and their index */
	struct nfcorpus *nfcorpus;
	struct hm_client *client; /* of the daemon under test */
	char target[128];
	pid_t daemon;
	size_t codes_bytes; /* private memory that the codes took */
};

/* One line of the output; `n` tells lines of one kind apart. */
struct measurement {
	const char *name;
	void (*run)(struct bench *b, const struct measurement *m);
	int n;
};

void line_calls(struct bench *b, const struct measurement *m);
void line_upserts(struct bench *b, const struct measurement *m);
void line_upload(struct bench *b, const struct measurement *m);
void line_publish(struct bench *b, const struct measurement *m);
void line_mine(struct bench *b, const struct measurement *m);
void line_mine_st(struct bench *b, const struct measurement *m);
void line_gives_way(struct bench *b, const struct measurement *m);
void line_grpc_overhead(struct bench *b, const struct measurement *m);
void line_mine_deep(struct bench *b, const struct measurement *m);
void line_coalesced(struct bench *b, const struct measurement *m);
void line_exact_batch(struct bench *b, const struct measurement *m);
void line_exact_avx512(struct bench *b, const struct measurement *m);
void line_exact_torch(struct bench *b, const struct measurement *m);
void line_exact_faiss_cpu(struct bench *b, const struct measurement *m);
void line_exact_k1000(struct bench *b, const struct measurement *m);
void line_exact_wide(struct bench *b, const struct measurement *m);
void line_exact_single(struct bench *b, const struct measurement *m);
void line_int8_peak(struct bench *b, const struct measurement *m);
void line_ceiling(struct bench *b, const struct measurement *m);
void line_resident(struct bench *b, const struct measurement *m);
void line_growth(struct bench *b, const struct measurement *m);
void line_ivf(struct bench *b, const struct measurement *m);
void line_bm25(struct bench *b, const struct measurement *m);
void line_bm25_ceiling(struct bench *b, const struct measurement *m);
void line_bm25_parts(struct bench *b, const struct measurement *m);
void line_bm25_updates(struct bench *b, const struct measurement *m);
void line_bm25_update(struct bench *b, const struct measurement *m);
void line_bm25_start(struct bench *b, const struct measurement *m);
void line_nfcorpus_bm25(struct bench *b, const struct measurement *m);

double now_s(void);
double cpu_s(void);			 /* that the thread computed */
double median(double *values, size_t n); /* sorts them */
/* Prints one line. */
void line(const char *name, double value, const char *unit, const char *partner, double ratio);
/* Ends the program with a sentence: a bench that cannot run has no figure. */
void must(enum code rc, const struct error *e, const char *what);
void *must_allocate(size_t n, size_t size);
void must_write(const char *folder, const char *name, const void *data, size_t bytes);
/* Says on stderr why a line is not there. */
void left_out(const char *name, const char *why);

/* Runs body(arg, i) on n threads at once and returns the seconds until the last is done. */
double on_threads(size_t n, void (*body)(void *arg, size_t i), void *arg);

/* Starts a program whose standard output is ours to read, and its input ours to write unless that
 * is NULL; `environment` may be NULL. Its processor time counts as the bench's own. */
pid_t start(char *const *argv, char *const *environment, int *input, int *output);
void stop(pid_t pid);
/* Memory of a process that no file stands behind. */
size_t private_bytes(pid_t pid);

/* How much processor time others than the bench and what it started took since `since`, in cores. */
struct busy {
	double at, all, own;
};
struct busy busy_now(void);
double foreign_cores(const struct busy *since);

/* The daemon under test, started by the first who asks. */
struct hm_client *daemon_client(struct bench *b);
void daemon_stop(struct bench *b);
/* What the BM25 lines made. */
void ranked_free(struct bench *b);

#endif
