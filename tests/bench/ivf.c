/*
 * Lists against FAISS's: the same centroids, the same k, and each side looks into the fewest lists with
 * which it finds 99 of 100 of the true top k of all queries.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/exact/lists.h"
#include "storage/exact/shared.h"
#include "storage/vectors/lists_train.h"
#include "tests/bench/batch.h"
#include "tests/bench/partner.h"

enum { N = 4096, K = 100, TURNS = 3 };
#define ENOUGH .99

struct ivf {
	struct bench *b;
	struct lists *lists;
	struct exact exact; /* by lists */
	float *queries;	    /* N x D */
	struct exact_query ask[N];
	struct hit *hits; /* N x K */
	uint32_t *truth;  /* N x K: the documents of each query, rising */
	int64_t *theirs;  /* N x K rows */
	char queries_path[4096], centroids_path[4096], rows_path[4096];
};

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* A power of two near four roots of the rows, as FAISS advises. */
static uint32_t lists_for(uint32_t rows)
{
	return 1u << lround(log2(4 * sqrt(rows)));
}

static void write_floats(const char *path, const float *x, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(x, sizeof *x, n, f) != n || fclose(f)) {
		fprintf(stderr, "bench: could not write %s\n", path);
		exit(1);
	}
}

static void build(struct ivf *t)
{
	const struct exact *x = exact_of(t->b);
	uint32_t n = lists_for(x->rows->count);
	double began = now_s();
	float *centroids = must_allocate(n * (size_t)D, sizeof *centroids);
	struct progress progress = {.crew = crew_of(t->b->cores)};
	struct vectors plain = *x->rows;
	struct error e;

	must(lists_train(x->rows, n, &progress, centroids, &e), &e, "train lists");
	double trained = now_s();
	plain.about.plain = true;
	struct codes *codes = codes_of(&plain);
	must(lists_new(&plain.about, &codes->rotation.basis, centroids, n, &t->lists, &e), &e,
		"make lists");
	must(lists_fill(t->lists, &plain, codes, &progress, &e), &e, "fill lists");
	codes_free(codes);
	fprintf(stderr, "# %u lists: trained in %.1f s, filled in %.1f s, on %zu threads\n", n,
		trained - began, now_s() - trained, t->b->cores);
	write_floats(t->centroids_path, centroids, n * (size_t)D);
	free(centroids);
	t->exact = (struct exact){x->rows, t->lists->codes, t->lists};
}

static void put_queries(struct ivf *t)
{
	t->queries = more_queries(t->b, N, t->queries_path);
	t->hits = must_allocate((size_t)N * K, sizeof *t->hits);
	for (size_t i = 0; i < N; i++)
		t->ask[i] = (struct exact_query){.vector = t->queries + i * D,
			.k = K,
			.floor = -INFINITY,
			.out = t->hits + i * K};
}

/* Seconds for all queries, on all cores. */
static double search(struct ivf *t, const struct exact *x, uint32_t nprobe)
{
	double began = now_s();
	struct shared *s = shared_new(x);
	struct shared_request r = {.queries = t->ask,
		.n = N,
		.order = data_of(t->b)->order,
		.bulk = true,
		.crew = crew_of(t->b->cores)};
	struct error e;

	for (size_t i = 0; i < N; i++)
		t->ask[i].nprobe = nprobe;
	must(s ? shared_search(s, &r, &e) : error_memory(&e), &e, "search");
	shared_free(s);
	return now_s() - began;
}

static double find_truth(struct ivf *t)
{
	double seconds = search(t, exact_of(t->b), 0);

	t->truth = must_allocate((size_t)N * K, sizeof *t->truth);
	for (size_t i = 0; i < N; i++) {
		for (size_t j = 0; j < K; j++)
			t->truth[i * K + j] = t->hits[i * K + j].document;
		qsort(t->truth + i * K, K, sizeof *t->truth, by_number);
	}
	return seconds;
}

static bool is_true(const struct ivf *t, size_t i, uint32_t document)
{
	return bsearch(&document, t->truth + i * K, K, sizeof document, by_number);
}

static double recall(struct ivf *t, uint32_t nprobe)
{
	size_t right = 0;

	search(t, &t->exact, nprobe);
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < t->ask[i].found; j++)
			right += is_true(t, i, t->hits[i * K + j].document);
	return (double)right / (N * (double)K);
}

static uint32_t fewest(struct ivf *t)
{
	uint32_t low = 1, high = t->lists->n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (recall(t, middle) >= ENOUGH)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static double their_seconds(const struct ivf *t, struct partner *p, uint32_t nprobe)
{
	return partner_seconds(p, "lists %zu %d %u", t->b->cores, K, nprobe);
}

/* Of what the partner found last. */
static double their_recall(struct ivf *t, struct partner *p, uint32_t nprobe)
{
	size_t right = 0;

	their_seconds(t, p, nprobe);
	partner_seconds(p, "save %s", t->rows_path);
	FILE *f = fopen(t->rows_path, "rb");
	if (!f || fread(t->theirs, sizeof *t->theirs * K, N, f) != N) {
		fprintf(stderr, "bench: could not read %s\n", t->rows_path);
		exit(1);
	}
	fclose(f);
	for (size_t i = 0; i < (size_t)N * K; i++)
		right += t->theirs[i] >= 0 && is_true(t, i / K, (uint32_t)t->theirs[i]);
	return (double)right / (N * (double)K);
}

/* Their lists are ours but for what rounding assigns: it is near the same number. */
static uint32_t their_fewest(struct ivf *t, struct partner *p, uint32_t nprobe)
{
	while (nprobe > 1 && their_recall(t, p, nprobe - 1) >= ENOUGH)
		nprobe--;
	while (their_recall(t, p, nprobe) < ENOUGH)
		nprobe++;
	return nprobe;
}

static void compare(struct ivf *t, const struct measurement *m, double truth_seconds)
{
	struct partner *p =
		faiss_lists_of(t->b, t->queries_path, N, t->centroids_path, t->lists->n);
	uint32_t nprobe = fewest(t), their_nprobe = their_fewest(t, p, nprobe);
	double ours[TURNS], theirs[TURNS];

	fprintf(stderr, "# recall of %.4f with %u of %u lists; FAISS's: %.4f with %u\n",
		recall(t, nprobe), nprobe, t->lists->n, their_recall(t, p, their_nprobe),
		their_nprobe);
	for (int i = 0; i < TURNS; i++) {
		theirs[i] = their_seconds(t, p, their_nprobe);
		ours[i] = search(t, &t->exact, nprobe);
	}
	double seconds = median(ours, TURNS);
	fprintf(stderr, "# the exact engine took %.1f times as long, once\n",
		truth_seconds / seconds);
	line(m->name, N / seconds, "queries/s", p->name, median(theirs, TURNS) / seconds);
	partner_stop(p);
}

void line_ivf(struct bench *b, const struct measurement *m)
{
	struct ivf *t = must_allocate(1, sizeof *t);

	t->b = b;
	t->theirs = must_allocate((size_t)N * K, sizeof *t->theirs);
	snprintf(t->queries_path, sizeof t->queries_path, "%s/more-queries", b->dir);
	snprintf(t->centroids_path, sizeof t->centroids_path, "%s/centroids", b->dir);
	snprintf(t->rows_path, sizeof t->rows_path, "%s/found", b->dir);
	put_queries(t);
	build(t);
	compare(t, m, find_truth(t));
	lists_free(t->lists);
	free(t->queries);
	free(t->hits);
	free(t->truth);
	free(t->theirs);
	free(t);
}
