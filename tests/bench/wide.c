/*
 * A batch that gives the first pass up: rows so much alike that bytes cannot tell them apart, and every
 * one is scored for every query.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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

static void compare(struct bench *b, const struct measurement *m)
{
	struct vectors rows = rows_alike(b);
	struct codes *codes = codes_of(&rows);
	struct exact x = {&rows, codes};
	struct batch *a = batch_new(b, &x, 100);
	struct partner *p = faiss_for(b, &rows);
	double ours[TURNS], theirs[TURNS];

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
