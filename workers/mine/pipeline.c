/*
 * The queries of a round are searched for together, and again those that are not served, deeper: as many
 * at once as keep the lists they get in bounds, and these until they are settled before any others. So
 * at each depth no more lists are kept than one search may return.
 */
#include "workers/mine/pipeline.h"

#include "storage/progress.h"
#include "workers/mine/attempt.h"
#include "workers/mine/deepen.h"
#include "workers/mine/texts.h"

/* Hits that one search may return, over all of its queries: bounds memory when queries go deep. */
enum { MOST_HITS = 1 << 20 };

/* Open queries, in the request's order, that ask their sources at once. */
struct portion {
	struct round *round;
	struct attempt **open;
	size_t n;
	struct ask *asks;		  /* n */
	struct found (*found)[N_SOURCES]; /* n */
	struct arena arena;		  /* of these, and of what is found for all at once */
	struct arena own[MOST_SLICES];	  /* of what is found for each slice's */
};

static enum code portion_begin(struct portion *p, struct error *e)
{
	size_t limit = p->round->arena.limit;

	arena_init(&p->arena, limit);
	for (size_t i = 0; i < p->round->n_slices; i++)
		arena_init(&p->own[i], limit);
	p->asks = arena_array(&p->arena, p->n, sizeof *p->asks);
	p->found = arena_array(&p->arena, p->n, sizeof *p->found);
	if (!p->asks || !p->found)
		return error_memory(e);
	for (size_t i = 0; i < p->n; i++)
		p->asks[i] = p->open[i]->ask;
	return OK;
}

static void portion_end(struct portion *p)
{
	for (size_t i = 0; i < p->round->n_slices; i++)
		arena_free(&p->own[i]);
	arena_free(&p->arena);
}

/* The first of the portion's that is query `index` of the request, or comes behind it. */
static size_t first_from(const struct portion *p, size_t index)
{
	size_t i = 0;

	while (i < p->n && p->open[i]->query->index < index)
		i++;
	return i;
}

static enum code judge_slice(void *arg, struct slice *s, struct error *e)
{
	struct portion *p = arg;
	struct arena *own = &p->own[s - p->round->slices];
	size_t first = first_from(p, s->first), end = first_from(p, s->first + s->n);

	if (sources_ask(p->round->m, APART, p->asks + first, end - first, own, p->found + first, e))
		return e->code;
	for (size_t i = first; i < end; i++)
		if (attempt_judge(p->open[i], p->found[i], e))
			return e->code;
	return OK;
}

static enum code ask_and_judge(struct portion *p, struct error *e)
{
	if (sources_ask(p->round->m, TOGETHER, p->asks, p->n, &p->arena, p->found, e))
		return e->code;
	return round_each(p->round, judge_slice, p, e);
}

/* Leaves those that are not settled in front, with what they ask next; returns how many. */
static enum code keep_open(struct portion *p, struct arena *kept, size_t *left, struct error *e)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct attempt *a = p->open[i];
		if (!a->unsettled)
			continue;
		if (deepen(a, p->found[i], kept, e))
			return e->code;
		p->open[n++] = a;
	}
	*left = n;
	return OK;
}

static enum code try(struct round *round, struct attempt **open, size_t n, struct arena *kept,
	size_t *left, struct error *e)
{
	struct portion p = {.round = round, .open = open, .n = n};
	enum code rc = portion_begin(&p, e);

	if (rc == OK)
		rc = ask_and_judge(&p, e);
	if (rc == OK)
		rc = keep_open(&p, kept, left, e);
	portion_end(&p);
	return rc;
}

/* Of a source's list, at most. */
static size_t hits_of(const struct attempt *a)
{
	return a->ask.depth - a->before[PB__SOURCE_KIND__SOURCE_KIND_DENSE].unlisted;
}

/* As many of the open queries, from the first, as may search at once. */
static size_t portion(struct attempt **open, size_t n)
{
	size_t hits = 0, i = 0;

	while (i < n && (i == 0 || hits + hits_of(open[i]) <= MOST_HITS))
		hits += hits_of(open[i++]);
	return i;
}

static enum code settle(struct round *round, struct attempt **open, size_t n, struct error *e);

/* Those that ask at once, and them alone until all of them are settled. */
static enum code settle_portion(
	struct round *round, struct attempt **open, size_t n, struct error *e)
{
	struct arena kept;
	size_t left = 0;

	arena_init(&kept, round->arena.limit);
	enum code rc = try(round, open, n, &kept, &left, e);
	if (rc == OK)
		rc = settle(round, open, left, e);
	arena_free(&kept);
	return rc;
}

static enum code settle(struct round *round, struct attempt **open, size_t n, struct error *e)
{
	for (size_t i = 0, some; i < n; i += some) {
		some = portion(open + i, n - i);
		if (check_cancelled(round->m->cancelled, e) ||
			settle_portion(round, open + i, some, e))
			return e->code;
	}
	return OK;
}

struct mined {
	struct round *round;
	struct attempt *attempts; /* of its queries */
};

static struct attempt *attempts_of(const struct mined *all, const struct slice *s)
{
	return all->attempts + (s->first - all->round->first);
}

static enum code begin_slice(void *arg, struct slice *s, struct error *e)
{
	struct mined *all = arg;
	struct attempt *attempts = attempts_of(all, s);
	const struct mining *m = all->round->m;

	for (size_t i = 0; i < s->n; i++)
		if (attempt_begin(&attempts[i], m, &m->queries[s->first + i], &s->arena, e))
			return e->code;
	return OK;
}

static enum code finish_slice(void *arg, struct slice *s, struct error *e)
{
	struct mined *all = arg;
	const struct attempt *attempts = attempts_of(all, s);
	const struct mining *m = all->round->m;
	Pb__MineResult **results;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += attempts[i].n_pairs;
	s->made = results = arena_array(&s->arena, n, sizeof *results);
	if (!results)
		return error_memory(e);
	for (size_t i = 0; i < s->n; i++)
		for (size_t j = 0; j < attempts[i].n_pairs; j++)
			results[s->n_made++] = attempts[i].pairs[j].result;
	return m->recipe->include_text ? texts_put(m, results, s->n_made, &s->arena, e) : OK;
}

static enum code settle_all(struct mined *all, struct error *e)
{
	struct round *round = all->round;
	struct attempt **open = arena_array(&round->arena, round->n, sizeof *open);
	size_t n = 0;

	if (!open)
		return error_memory(e);
	for (size_t i = 0; i < round->n; i++)
		if (all->attempts[i].unsettled)
			open[n++] = &all->attempts[i];
	return settle(round, open, n, e);
}

enum code pipeline_run(struct round *round, struct error *e)
{
	struct mined all = {round, arena_array(&round->arena, round->n, sizeof(struct attempt))};

	if (!all.attempts)
		return error_memory(e);
	enum code rc = round_each(round, begin_slice, &all, e);
	if (rc == OK)
		rc = settle_all(&all, e);
	if (rc == OK)
		rc = round_each(round, finish_slice, &all, e);
	for (size_t i = 0; i < round->n; i++)
		attempt_end(&all.attempts[i]);
	return rc;
}
