/*
 * From survivors to the answer: the best by their uppers are scored first, which tells what the k-th
 * score is at least; of the others only those are scored whose uppers reach it. A query that gave
 * its pass up has every row scored.
 */
#include <math.h>

#include "storage/exact/pass_private.h"
#include "storage/exact/score.h"
#include "storage/progress.h"

struct finish {
	const struct pass *p;
	const struct exact_query *q;
	double length;
	struct top top;
};

static void score(struct finish *f, uint32_t row)
{
	score_offer(f->p->x->rows, f->q, f->length, row, &f->top);
}

/* Asks the memory for the row of a survivor some scores ahead, if it will be wanted. */
static void fetch(const struct finish *f, const struct survivors *s, size_t i, double need)
{
	enum { AHEAD = 4, LINE = 64 };
	const struct vectors *rows = f->p->x->rows;

	if (i + AHEAD >= s->n || s->at[i + AHEAD].upper < need)
		return;
	const char *row = vectors_row(rows, s->at[i + AHEAD].row);
	for (size_t at = 0; at < rows->row_bytes; at += LINE)
		__builtin_prefetch(row + at);
}

/* What an upper must reach, once there are k scores. */
static double needed(const struct finish *f, const struct survivors *s, size_t query)
{
	double sigma;

	if (f->top.n < f->top.k)
		return -INFINITY;
	sigma = sigma_of(f->p, query, f->top.hit[0].score);
	return sigma - conversion_error(f->p, query, sigma) - s->blur;
}

static void score_survivors(struct finish *f, struct survivors *s, size_t query)
{
	size_t first = s->k < s->n ? s->k : s->n;

	survivors_select(s->at, s->n, first);
	for (size_t i = 0; i < first; i++) {
		fetch(f, s, i, -INFINITY);
		score(f, s->at[i].row);
	}
	double need = needed(f, s, query);
	for (size_t i = first; i < s->n; i++) {
		fetch(f, s, i, need);
		if (s->at[i].upper < need)
			continue;
		score(f, s->at[i].row);
		need = needed(f, s, query);
	}
}

static enum code score_all(struct finish *f, atomic_bool *cancelled, struct error *e)
{
	const struct codes *c = f->p->x->codes;

	for (uint32_t row = 0; row < c->rows; row++) {
		if (row % 4096 == 0 && check_cancelled(cancelled, e))
			return e->code;
		score(f, row);
	}
	return OK;
}

static enum code finish_one(struct pass *p, size_t i, atomic_bool *cancelled, struct error *e)
{
	struct survivors *s = &p->survivors[i];
	struct exact_query *q = &p->queries[i];
	struct finish f = {p, q, p->length[i], {q->out, 0, q->k, p->order}};

	if (s->wide && score_all(&f, cancelled, e))
		return e->code;
	if (!s->wide) {
		survivors_settle(s);
		score_survivors(&f, s, i);
	}
	top_sort(&f.top);
	q->found = f.top.n;
	return OK;
}

enum code pass_finish(
	struct pass *p, size_t first, size_t n, atomic_bool *cancelled, struct error *e)
{
	for (size_t i = first; i < first + n; i++)
		if (check_cancelled(cancelled, e) || finish_one(p, i, cancelled, e))
			return e->code;
	return OK;
}
