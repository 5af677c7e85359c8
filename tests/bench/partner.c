#include "tests/bench/partner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/data.h"

static void broken(const char *what)
{
	fprintf(stderr, "bench: the partner %s did not answer\n", what);
	exit(1);
}

static void greet(struct partner *p, const char *what)
{
	char text[256];

	if (!fgets(text, sizeof text, p->out) || sscanf(text, "%zu %63s", &p->bytes, p->name) != 2)
		broken(what);
	fprintf(stderr, "# partner: %s\n", p->name);
}

static struct partner *launch(char *const *argv, const char *what)
{
	struct partner *p = must_allocate(1, sizeof *p);
	int in, out;

	p->pid = start(argv, NULL, &in, &out);
	p->in = fdopen(in, "w");
	p->out = fdopen(out, "r");
	greet(p, what);
	return p;
}

/* `script` may be NULL. Everybody gets the same queries. */
static struct partner *partner_start(
	struct bench *b, const char *program, const char *script, const char *documents, uint32_t n)
{
	char rows[16], dimension[16], queries[16], *argv[8];
	int argc = 0;

	snprintf(rows, sizeof rows, "%u", n);
	snprintf(dimension, sizeof dimension, "%d", D);
	snprintf(queries, sizeof queries, "%d", Q);
	argv[argc++] = (char *)program;
	if (script)
		argv[argc++] = (char *)script;
	argv[argc++] = (char *)documents;
	argv[argc++] = rows;
	argv[argc++] = dimension;
	argv[argc++] = (char *)data_of(b)->queries_path;
	argv[argc++] = queries;
	argv[argc] = NULL;
	return launch(argv, script ? script : program);
}

struct partner *faiss_with(struct bench *b, const char *documents, uint32_t rows)
{
	return partner_start(b, b->partner_path, NULL, documents, rows);
}

struct partner *faiss_of(struct bench *b)
{
	if (!b->faiss)
		b->faiss = faiss_with(b, data_of(b)->documents_path, b->rows);
	return b->faiss;
}

struct partner *faiss_lists_of(
	struct bench *b, const char *queries, size_t n, const char *centroids, uint32_t lists)
{
	const struct data *d = data_of(b);
	char rows[16], dimension[16], count[16], list_count[16];
	char *argv[] = {(char *)b->partner_path, (char *)d->documents_path, rows, dimension,
		(char *)queries, count, (char *)centroids, list_count, NULL};

	snprintf(rows, sizeof rows, "%u", b->rows);
	snprintf(dimension, sizeof dimension, "%d", D);
	snprintf(count, sizeof count, "%zu", n);
	snprintf(list_count, sizeof list_count, "%u", lists);
	return launch(argv, b->partner_path);
}

/* The kernels that OpenBLAS has for AVX-512 are SkylakeX and, with more of the same, Cooperlake. */
struct partner *faiss_avx512_of(struct bench *b)
{
	if (strstr(faiss_of(b)->name, "SkylakeX") || strstr(faiss_of(b)->name, "Cooperlake"))
		return faiss_of(b);
	if (!b->faiss_avx512) {
		setenv("OPENBLAS_CORETYPE", "SkylakeX", 1);
		b->faiss_avx512 = faiss_with(b, data_of(b)->documents_path, b->rows);
		unsetenv("OPENBLAS_CORETYPE");
	}
	return b->faiss_avx512;
}

/* OPENBLAS_NUM_THREADS as it was, which such a partner is not told: it knows best how many it wants. */
static char *hide_threads(void)
{
	const char *threads = getenv("OPENBLAS_NUM_THREADS");
	char *was = threads ? strdup(threads) : NULL;

	unsetenv("OPENBLAS_NUM_THREADS");
	return was;
}

static void show_threads(char *was)
{
	if (was)
		setenv("OPENBLAS_NUM_THREADS", was, 1);
	free(was);
}

struct partner *peer_of(struct bench *b)
{
	if (b->peer || access(b->python, X_OK))
		return b->peer;
	char *threads = hide_threads();
	b->peer = partner_start(b, b->python, b->peer_path, data_of(b)->documents_path, b->rows);
	show_threads(threads);
	return b->peer;
}

struct partner *bm25s_in(struct bench *b, const char *folder)
{
	char *argv[] = {(char *)b->python, (char *)b->bm25s_path, (char *)folder, NULL};

	return launch(argv, b->bm25s_path);
}

struct partner *st_in(struct bench *b, const char *folder, int dimension)
{
	char text[16],
		*argv[] = {(char *)b->python, (char *)b->st_path, (char *)folder, text, NULL};

	snprintf(text, sizeof text, "%d", dimension);
	char *threads = hide_threads();
	struct partner *p = launch(argv, b->st_path);
	show_threads(threads);
	return p;
}

struct partner *bm25s_of(struct bench *b)
{
	if (!b->bm25s)
		b->bm25s = bm25s_in(b, b->dir);
	return b->bm25s;
}

double partner_seconds(struct partner *p, const char *format, ...)
{
	char text[64];
	va_list args;
	double seconds;

	va_start(args, format);
	vfprintf(p->in, format, args);
	va_end(args);
	fputc('\n', p->in);
	fflush(p->in);
	if (!fgets(text, sizeof text, p->out) || sscanf(text, "%lf", &seconds) != 1)
		broken(p->name);
	return seconds;
}

void partner_stop(struct partner *p)
{
	if (!p)
		return;
	fclose(p->in);
	fclose(p->out);
	stop(p->pid);
	free(p);
}

void partners_stop(struct bench *b)
{
	partner_stop(b->faiss);
	partner_stop(b->faiss_avx512);
	partner_stop(b->peer);
	partner_stop(b->bm25s);
}
