/*
 * The queries of a round are searched for together, and again those that are not served, deeper: as many
 * at once as keep the lists they get in bounds, and these until they are settled before any others. So
 * at each depth no more lists are kept than one search may return.
 */
#include "workers/mine/pipeline.h"

#include "storage/progress.h"
#include "workers/mine/attempt.h"

enum {
	MOST_HITS = 1 << 20, /* that one search may return, over all of its queries */
	LONG_LIST = 4096     /* one alone is worth another thread */
};

/* Open queries that ask their sources at once. */
struct portion {
	struct round *round;
	struct attempt **open;
	size_t n;
	struct ask *asks;		  /* n */
	struct found (*found)[N_SOURCES]; /* n */
	struct arena arena;		  /* of these, and of what is found for all at once */
};

static enum code portion_begin(struct portion *p, struct error *e)
{
	arena_init(&p->arena, ARENA_LIMIT);
	p->asks = arena_array(&p->arena, p->n, sizeof *p->asks);
	p->found = arena_array(&p->arena, p->n, sizeof *p->found);
	if (!p->asks || !p->found)
		return error_memory(e);
	for (size_t i = 0; i < p->n; i++)
		p->asks[i] = p->open[i]->ask;
	return OK;
}

static enum code search_together(void *arg, struct error *e)
{
	struct portion *p = arg;

	return sources_ask(p->round->m, TOGETHER, p->asks, p->n, &p->arena, p->found, e);
}

static enum code judge_part(void *arg, size_t first, size_t n, struct error *e)
{
	struct portion *p = arg;
	struct arena own; /* of lists that are found for each by itself */

	arena_init(&own, ARENA_LIMIT);
	enum code rc =
		sources_ask(p->round->m, APART, p->asks + first, n, &own, p->found + first, e);
	for (size_t i = first; i < first + n && rc == OK; i++)
		rc = attempt_judge(p->open[i], p->found[i], e);
	arena_free(&own);
	return rc;
}

/* Of a source's list, at most. */
static size_t hits_of(const struct attempt *a)
{
	size_t depth = a->ask.depth, documents = a->m->view.corpus->n;
	size_t unlisted = a->before[PB__SOURCE_KIND__SOURCE_KIND_DENSE].unlisted;

	depth = depth < documents ? depth : documents;
	return depth > unlisted ? depth - unlisted : 0;
}

static enum code ask_and_judge(struct portion *p, struct error *e)
{
	size_t least = hits_of(p->open[0]) < LONG_LIST ? FEW_QUERIES : 1;
	enum code rc = portion_begin(p, e);

	if (rc == OK && recipe_has_source(p->round->m->recipe, PB__SOURCE_KIND__SOURCE_KIND_DENSE))
		rc = round_once(p->round, search_together, p, e);
	if (rc == OK)
		rc = round_each(p->round, p->n, least, judge_part, p, e);
	arena_free(&p->arena);
	return rc;
}

/* Leaves those that are not settled in front; returns how many. */
static size_t keep_open(struct attempt **open, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		if (open[i]->unsettled)
			open[left++] = open[i];
	return left;
}

/* As many of the open queries, from the first, as may ask at once. */
static size_t some_of(struct attempt **open, size_t n)
{
	size_t hits = 0, i = 0;

	while (i < n && (i == 0 || hits + hits_of(open[i]) <= MOST_HITS))
		hits += hits_of(open[i++]);
	return i;
}

static enum code settle(struct round *round, struct attempt **open, size_t n, struct error *e)
{
	for (size_t i = 0, some; i < n; i += some) {
		some = some_of(open + i, n - i);
		struct portion p = {.round = round, .open = open + i, .n = some};
		if (check_cancelled(round->m->cancelled, e) || ask_and_judge(&p, e) ||
			settle(round, open + i, keep_open(open + i, some), e))
			return e->code;
	}
	return OK;
}

/* The attempts of a round's queries. */
struct attempts {
	struct round *round;
	struct attempt *at;
};

static enum code begin_part(void *arg, size_t first, size_t n, struct error *e)
{
	struct attempts *a = arg;
	const struct mining *m = a->round->m;

	for (size_t i = first; i < first + n; i++)
		if (attempt_begin(&a->at[i], m, &m->queries[a->round->first + i], e))
			return e->code;
	return OK;
}

static enum code settle_all(struct attempts *a, struct error *e)
{
	struct round *round = a->round;
	struct attempt **open = arena_array(&round->arena, round->n, sizeof *open);

	if (!open)
		return error_memory(e);
	for (size_t i = 0; i < round->n; i++)
		open[i] = &a->at[i];
	return settle(round, open, keep_open(open, round->n), e);
}

/* Texts may be large: of one query's results they are there at a time. */
static enum code take_one(struct attempt *a, mine_emit take, void *arg, struct error *e)
{
	if (a->m->recipe->include_text && attempt_put_texts(a, e))
		return e->code;
	for (size_t i = 0; i < a->n_pairs; i++)
		if (take(arg, a->pairs[i].result, e))
			return e->code;
	return OK;
}

static enum code take_all(struct attempts *a, mine_emit take, void *arg, struct error *e)
{
	for (size_t i = 0; i < a->round->n; i++) {
		if (take_one(&a->at[i], take, arg, e))
			return e->code;
		attempt_end(&a->at[i]);
	}
	return OK;
}

enum code pipeline_run(struct round *round, mine_emit take, void *arg, struct error *e)
{
	struct attempts a = {round, arena_array(&round->arena, round->n, sizeof *a.at)};

	if (!a.at)
		return error_memory(e);
	enum code rc = round_each(round, round->n, FEW_QUERIES, begin_part, &a, e);
	if (rc == OK)
		rc = settle_all(&a, e);
	if (rc == OK)
		rc = take_all(&a, take, arg, e);
	for (size_t i = 0; i < round->n; i++)
		attempt_end(&a.at[i]);
	return rc;
}
