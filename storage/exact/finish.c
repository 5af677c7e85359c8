/*
 * From survivors to answers, for a group of queries at once, in two rounds of visits (visits.h): each
 * query's best by their lowers are scored first, which tells what its k-th score is at least, and
 * better than tau does; then those of the others whose uppers reach it. Every score raises what the
 * uppers behind it must reach. Scores are exact and ties have an order, so it does not matter who is
 * visited when, or which queries are in the group.
 *
 * A group has some GROUP_SURVIVORS, 24 bytes each while it is finished: 3 MB a thread. What a
 * larger one would share of pages is little more.
 *
 * Queries that gave the pass up are left for a pass by floats (floats.h) or for wide.c, those whose
 * guesses were too high for again.c.
 */
#include <math.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/exact/floats.h"
#include "storage/exact/pass_private.h"
#include "storage/exact/score.h"
#include "storage/exact/visits.h"
#include "storage/progress.h"

enum { GROUP_SURVIVORS = 1 << 17 };

struct finish {
	const struct pass *p;
	struct exact_query *q;
	double length;
	double need; /* what an upper must reach */
	size_t best; /* survivors of the first round */
	struct top top;
};

struct group {
	struct pass *p;
	size_t first, n;
	struct finish *finish; /* n */
	struct visit *visits;  /* as many as there are survivors, and as many again to sort them */
	size_t room, n_visits;
};

static void score(struct finish *f, uint32_t row)
{
	score_offer(f->p->x->rows, f->q, f->length, row, &f->top);
}

/* Once there are k scores. */
static double needed(const struct finish *f, const struct survivors *s)
{
	return sigma_needed(f->p->x->codes, f->length, f->top.hit[0].score, s->blur);
}

static void visit(struct group *g, const struct visit *v)
{
	struct finish *f = &g->finish[v->query];

	if (v->upper < f->need)
		return;
	score(f, v->row);
	if (f->top.n == f->top.k)
		f->need = fmax(f->need, needed(f, &g->p->survivors[g->first + v->query]));
}

/* Asks the memory for what will be visited: far ahead for the way to it, and nearer for all of it.
 * Inlined by force: GCC takes a function that only prefetches for one that does nothing, and drops
 * its calls. */
static inline __attribute__((always_inline)) void fetch(const struct group *g, size_t i)
{
	enum { NEAR = 8, FAR = 16, LINE = 64, SECOND_CACHE = 2 };
	const struct vectors *rows = g->p->x->rows;
	const struct visit *v = &g->visits[i];

	if (i + FAR < g->n_visits) {
		__builtin_prefetch(&rows->numbers[v[FAR].row]);
		__builtin_prefetch(vectors_row(rows, v[FAR].row), 0, SECOND_CACHE);
	}
	if (i + NEAR >= g->n_visits || v[NEAR].row == v[NEAR - 1].row ||
		v[NEAR].upper < g->finish[v[NEAR].query].need)
		return;
	const char *row = vectors_row(rows, v[NEAR].row);
	for (size_t at = 0; at < rows->row_bytes; at += LINE)
		__builtin_prefetch(row + at, 0, SECOND_CACHE);
}

/* Visits all that are gathered. */
static enum code sweep(struct group *g, atomic_bool *cancelled, struct error *e)
{
	visits_sort(g->visits, g->visits + g->room, g->n_visits, g->p->x->rows->count);
	for (size_t i = 0; i < g->n_visits; i++) {
		if (i % 4096 == 0 && check_cancelled(cancelled, e))
			return e->code;
		fetch(g, i);
		visit(g, &g->visits[i]);
	}
	g->n_visits = 0;
	return OK;
}

/* Survivors from .. to of a query, as far as they are needed. */
static void gather(struct group *g, uint32_t query, size_t from, size_t to)
{
	const struct survivor *at = g->p->survivors[g->first + query].at;

	for (size_t i = from; i < to; i++)
		if (at[i].upper >= g->finish[query].need)
			g->visits[g->n_visits++] = (struct visit){at[i].row, query, at[i].upper};
}

static enum code finish_survivors(struct group *g, atomic_bool *cancelled, struct error *e)
{
	struct survivors *s = &g->p->survivors[g->first];

	for (uint32_t i = 0; i < g->n; i++) {
		g->finish[i].best = survivors_best(&s[i]);
		gather(g, i, 0, g->finish[i].best);
	}
	if (sweep(g, cancelled, e))
		return e->code;
	for (uint32_t i = 0; i < g->n; i++)
		gather(g, i, g->finish[i].best, s[i].n);
	return sweep(g, cancelled, e);
}

static bool group_init(struct group *g)
{
	for (size_t i = 0; i < g->n; i++)
		g->room += g->p->survivors[g->first + i].n;
	g->finish = FAULT() ? NULL : malloc(g->n * sizeof *g->finish);
	g->visits = FAULT() ? NULL : malloc((2 * g->room + 1) * sizeof *g->visits);
	for (size_t i = 0; g->finish && i < g->n; i++) {
		const struct pass *p = g->p;
		struct exact_query *q = &p->queries[g->first + i];
		q->ahead = 0;
		g->finish[i] = (struct finish){p, q, p->length[g->first + i],
			p->survivors[g->first + i].tau, 0, {q->out, 0, q->k, p->order}};
	}
	return g->finish && g->visits;
}

/* What was passed over had uppers below tau; it is worse than the k-th score if that needs no less. */
static bool is_proved(const struct finish *f, const struct survivors *s)
{
	return !s->guessed || (f->top.n == f->top.k && needed(f, s) >= s->tau);
}

static enum code finish_one(struct pass *p, size_t query, struct finish *f, struct error *e)
{
	const struct survivors *s = &p->survivors[query];

	if (s->gone)
		return OK;
	if (s->wide && floats_can_do(p, query))
		return again_add(&p->by_floats, query, e);
	if (s->wide)
		return wide_add(&p->wide, p, query, e);
	if (!is_proved(f, s))
		return again_add(&p->again, query, e);
	top_sort(&f->top);
	f->q->found = f->top.n;
	f->q->ahead += s->ahead;
	return OK;
}

static enum code finish_group(
	struct pass *p, size_t first, size_t n, atomic_bool *cancelled, struct error *e)
{
	struct group g = {.p = p, .first = first, .n = n};
	enum code rc = group_init(&g) ? OK : error_memory(e);

	if (rc == OK)
		rc = finish_survivors(&g, cancelled, e);
	for (size_t i = 0; rc == OK && i < n; i++)
		rc = finish_one(p, first + i, &g.finish[i], e);
	free(g.finish);
	free(g.visits);
	return rc;
}

enum code pass_finish(
	struct pass *p, size_t first, size_t n, atomic_bool *cancelled, struct error *e)
{
	for (size_t done = 0, some; done < n; done += some) {
		some = pass_worth(p, first + done, n - done, GROUP_SURVIVORS);
		if (check_cancelled(cancelled, e) ||
			finish_group(p, first + done, some, cancelled, e))
			return e->code;
	}
	return OK;
}

bool pass_has_rest(const struct pass *p)
{
	return !again_is_done(&p->again) || !again_is_done(&p->by_floats) ||
	       !wide_is_done(&p->wide, p);
}

size_t pass_rest_left(const struct pass *p)
{
	return again_left(&p->again, p) + again_left(&p->by_floats, p) + wide_left(&p->wide, p);
}

enum code pass_rest(struct pass *p, size_t scores, atomic_bool *cancelled, struct error *e)
{
	if (check_cancelled(cancelled, e))
		return e->code;
	if (!again_is_done(&p->again))
		return again_go_on(&p->again, p, scores, cancelled, e);
	if (!again_is_done(&p->by_floats))
		return again_go_on(&p->by_floats, p, scores, cancelled, e);
	return wide_score(&p->wide, p, scores, cancelled, e);
}
