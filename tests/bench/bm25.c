/*
 * A million documents of 20 to 83 words, half of them by Zipf's law from one vocabulary, half by
 * Zipf's law from the words of the document's topic; seeded. Queries are six different words of a
 * random document: whichever come (stop words among them), or none of the thousand most frequent.
 * Both sides get the same words, k1, b, and one thread; both time whole queries from words to the
 * sorted top 100, in processor time.
 */
#include "tests/bench/bm25.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storage/text/bm25.h"
#include "tests/bench/bench.h"

enum {
	DOCUMENTS = 1000000,
	LEAST_WORDS = 20,
	MORE_WORDS = 64,
	WORDS = 200000, /* of the vocabulary, by falling frequency */
	TOPICS = 2000,
	TOPIC_WORDS = 500,
	STOP_WORDS = 1000,
	SETS = 2,
	QUERIES = 500,
	QUERY_WORDS = 6,
	TOP = 100
};

static const char *const names[SETS] = {"bm25_bm25s", "bm25_bm25s_rare"};

struct text_data {
	uint32_t *words; /* of all documents, one after the other */
	size_t *start;	 /* DOCUMENTS + 1 */
	uint32_t queries[SETS][QUERIES][QUERY_WORDS];
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint32_t below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(next_random(state) % n);
}

/* Sums of 1 / rank. */
static double *zipf(uint32_t n)
{
	double *sum = malloc(sizeof *sum * n), so_far = 0;

	for (uint32_t i = 0; i < n; i++)
		sum[i] = so_far += 1.0 / (i + 1);
	return sum;
}

static uint32_t draw(const double *sum, uint32_t n, uint64_t *state)
{
	double x = (double)(next_random(state) >> 11) * 0x1p-53 * sum[n - 1];
	uint32_t low = 0, high = n - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (sum[middle] <= x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void make_documents(struct text_data *d, uint64_t *state)
{
	static uint32_t topics[TOPICS][TOPIC_WORDS];
	double *all = zipf(WORDS), *few = zipf(TOPIC_WORDS);
	size_t n = 0;

	for (int t = 0; t < TOPICS; t++)
		for (int i = 0; i < TOPIC_WORDS; i++)
			topics[t][i] = STOP_WORDS + below(state, WORDS - STOP_WORDS);
	for (size_t i = 0; i < DOCUMENTS; i++) {
		uint32_t topic = below(state, TOPICS),
			 length = LEAST_WORDS + below(state, MORE_WORDS);
		for (uint32_t w = 0; w < length; w++)
			d->words[n++] = next_random(state) & 1
						? draw(all, WORDS, state)
						: topics[topic][draw(few, TOPIC_WORDS, state)];
		d->start[i + 1] = n;
	}
	free(all);
	free(few);
}

static bool has(const uint32_t *words, int n, uint32_t word)
{
	for (int i = 0; i < n; i++)
		if (words[i] == word)
			return true;
	return false;
}

/* Six different words of a document, or as many as chance finds. */
static int try_query(const struct text_data *d, uint32_t least, uint32_t *query, uint64_t *state)
{
	size_t document = below(state, DOCUMENTS), first = d->start[document];
	uint32_t length = (uint32_t)(d->start[document + 1] - first);
	int n = 0;

	for (int tries = 0; tries < 100 && n < QUERY_WORDS; tries++) {
		uint32_t word = d->words[first + below(state, length)];
		if (word >= least && !has(query, n, word))
			query[n++] = word;
	}
	return n;
}

static struct text_data *make_text(void)
{
	struct text_data *d = calloc(1, sizeof *d);
	uint64_t state = 7;

	d->words = malloc(sizeof *d->words * DOCUMENTS * (LEAST_WORDS + MORE_WORDS));
	d->start = calloc(DOCUMENTS + 1, sizeof *d->start);
	make_documents(d, &state);
	for (int set = 0; set < SETS; set++)
		for (int q = 0; q < QUERIES; q++)
			while (try_query(d, set ? STOP_WORDS : 0, d->queries[set][q], &state) <
				QUERY_WORDS)
				;
	return d;
}

/* Of this thread alone: a neighbour on the machine costs neither side. */
static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Words as text. */
static void spell(char *out, const uint32_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out += sprintf(out, "w%" PRIu32 " ", words[i]);
	*out = 0;
}

static struct bm25 *index_documents(const struct text_data *d)
{
	static char text[(LEAST_WORDS + MORE_WORDS) * 12];
	uint32_t *order = malloc(sizeof *order * DOCUMENTS); /* stays with the index */
	struct bm25_builder *builder = bm25_builder_new(NULL);
	struct error e;
	struct bm25 *b;

	for (uint32_t i = 0; i < DOCUMENTS; i++) {
		order[i] = i;
		spell(text, d->words + d->start[i], d->start[i + 1] - d->start[i]);
		must(bm25_builder_add(builder, NULL, text, &e), &e, "index a document");
	}
	must(bm25_build(builder, order, &b, &e), &e, "index the documents");
	return b;
}

static double search_all(const struct bm25 *b, const uint32_t (*queries)[QUERY_WORDS])
{
	static char texts[QUERIES][QUERY_WORDS * 12];
	struct bm25_scratch *scratch = bm25_scratch_new();
	struct hit hits[TOP];
	struct error e;
	size_t found;

	for (int i = 0; i < QUERIES; i++)
		spell(texts[i], queries[i], QUERY_WORDS);
	double began = cpu_s();
	for (int i = 0; i < QUERIES; i++) {
		struct bm25_query *q = bm25_query(b, texts[i]);
		struct bm25_request request = bm25_best(q, TOP);
		must(bm25_search(b, &request, scratch, hits, &found, &e), &e, "search");
		bm25_query_free(q);
	}
	double took = cpu_s() - began;
	bm25_scratch_free(scratch);
	return QUERIES / took;
}

/* bm25s in a process of its own: it answers the number of a set with seconds. */
struct partner {
	pid_t pid;
	FILE *to, *from;
};

static void write_file(const char *dir, const char *name, const void *data, size_t bytes)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f)) {
		fprintf(stderr, "bench: cannot write %s\n", path);
		exit(1);
	}
}

static struct partner start_partner(
	const struct text_data *d, const char *dir, const char *python, const char *script)
{
	char *argv[] = {(char *)python, (char *)script, (char *)dir, NULL};
	int in[2], out[2];
	posix_spawn_file_actions_t actions;
	struct partner p;

	write_file(dir, "words", d->words, d->start[DOCUMENTS] * sizeof *d->words);
	write_file(dir, "starts", d->start, (DOCUMENTS + 1) * sizeof *d->start);
	write_file(dir, "queries", d->queries, sizeof d->queries);
	if (pipe(in) || pipe(out))
		exit(1);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_addclose(&actions, in[1]);
	posix_spawn_file_actions_addclose(&actions, out[0]);
	if (posix_spawnp(&p.pid, python, &actions, NULL, argv, environ))
		exit(1);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	p.to = fdopen(in[1], "w");
	p.from = fdopen(out[0], "r");
	return p;
}

/* Queries a second. */
static double ask_partner(struct partner *p, int set)
{
	double seconds;

	fprintf(p->to, "%d\n", set);
	fflush(p->to);
	if (fscanf(p->from, "%lf", &seconds) != 1) {
		fprintf(stderr, "bench: bm25s did not answer\n");
		exit(1);
	}
	return QUERIES / seconds;
}

static void end_partner(struct partner *p)
{
	fclose(p->to);
	fclose(p->from);
	waitpid(p->pid, NULL, 0);
}

void bench_bm25(const char *dir, const char *python, const char *script)
{
	bool against = python && script;
	struct text_data *d = make_text();
	struct partner p = {0};
	double ours[SETS][ROUNDS], theirs[SETS][ROUNDS] = {0};

	if (against) {
		p = start_partner(d, dir, python, script);
		for (int set = 0; set < SETS; set++)
			ask_partner(&p, set); /* compiled, and ready before we measure */
	}
	struct bm25 *b = index_documents(d);
	for (int r = 0; r < ROUNDS; r++)
		for (int set = 0; set < SETS; set++) {
			ours[set][r] = search_all(b, d->queries[set]);
			theirs[set][r] = against ? ask_partner(&p, set) : INFINITY;
		}
	for (int set = 0; set < SETS; set++) {
		double value = median(ours[set], ROUNDS);
		line(names[set], value, "queries/s", against ? "bm25s" : "none",
			value / median(theirs[set], ROUNDS));
	}
	if (against)
		end_partner(&p);
	bm25_free(b);
	free(d->words);
	free(d->start);
	free(d);
}
