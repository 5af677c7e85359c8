/*
 * A batch that gives the first pass up: rows so much alike that bytes cannot tell them apart, and are
 * compared in floats. That all of it does is looked at first.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/exact/pass_private.h"
#include "tests/bench/batch.h"
#include "tests/bench/partner.h"

enum { ROWS = 100000 /* thrice what a pass keeps of a query */, TURNS = 3 };
#define APART 1e-3f /* from the first row, in the direction of another */

static void make_row(const float *first, const float *other, float *x)
{
	double square = 0;

	for (int i = 0; i < D; i++) {
		x[i] = first[i] + APART * other[i];
		square += (double)x[i] * x[i];
	}
	for (int i = 0; i < D; i++)
		x[i] = (float)(x[i] / sqrt(square));
}

static struct vectors rows_alike(struct bench *b)
{
	const struct data *d = data_of(b);
	struct vectors rows = first_rows(d, ROWS);
	float *x = must_allocate(rows.count, D * sizeof *x);

	for (uint32_t i = 0; i < rows.count; i++)
		make_row(vectors_row(&d->documents, 0), vectors_row(&d->documents, i),
			x + (size_t)i * D);
	rows.rows = (unsigned char *)x;
	return rows;
}

static struct partner *faiss_for(struct bench *b, const struct vectors *rows)
{
	char path[4200];

	must_write(b->dir, "alike", rows->rows, rows->count * rows->row_bytes);
	snprintf(path, sizeof path, "%s/alike", b->dir);
	return faiss_with(b, path, rows->count);
}

static struct pass *scanned_pass(struct batch *a)
{
	struct pass *p;
	struct error e;

	must(pass_begin(a->x, a->order, a->queries, Q, &p, &e), &e, "begin a pass");
	must(pass_encode(p, SIZE_MAX, &e), &e, "encode queries");
	must(pass_scan(p, 0, pass_chunks(p), NULL, &e), &e, "scan");
	must(pass_finish(p, 0, Q, NULL, &e), &e, "finish");
	return p;
}

static void tell_left(const char *name, const struct pass *by_floats)
{
	size_t scored = 0;

	for (size_t i = 0; i < by_floats->n; i++)
		scored += by_floats->survivors[i].n;
	fprintf(stderr,
		"# %s: floats leave %zu rows a query, of %u; for %zu queries all are scored\n",
		name, scored / by_floats->n, by_floats->x->codes->rows, by_floats->wide.n);
}

static void must_give_up(const char *name, struct batch *a)
{
	struct pass *p = scanned_pass(a);
	struct error e;

	if (p->by_floats.n < Q) {
		fprintf(stderr, "bench: of %d queries %zu gave the pass up\n", Q, p->by_floats.n);
		exit(1);
	}
	while (pass_has_rest(p))
		must(pass_rest(p, SCORES_AT_ONCE, NULL, &e), &e, "finish the rest");
	if (p->by_floats.pass)
		tell_left(name, p->by_floats.pass);
	else
		fprintf(stderr, "# %s: all rows are scored for all queries\n", name);
	pass_end(p);
}

static void compare(struct bench *b, const struct measurement *m)
{
	struct vectors rows = rows_alike(b);
	struct codes *codes = codes_of(&rows);
	struct exact x = {&rows, codes};
	struct batch *a = batch_new(b, &x, 100);
	struct partner *p = faiss_for(b, &rows);
	double ours[TURNS], theirs[TURNS];

	must_give_up(m->name, a);
	for (int i = 0; i < TURNS; i++) {
		theirs[i] = partner_seconds(p, "batch %d 100", m->n);
		ours[i] = batch_run(a, 0, Q, (size_t)m->n);
	}
	double seconds = median(ours, TURNS);
	line(m->name, Q / seconds, "queries/s", p->name, median(theirs, TURNS) / seconds);
	partner_stop(p);
	batch_free(a);
	codes_free(codes);
	free((void *)rows.rows);
}

void line_exact_wide(struct bench *b, const struct measurement *m)
{
	if (b->rows < ROWS)
		left_out(m->name, "BENCH_ROWS is less than 100000");
	else
		compare(b, m);
}
