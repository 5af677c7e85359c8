#include "workers/mine/pipeline.h"

#include "storage/progress.h"
#include "workers/mine/attempt.h"
#include "workers/mine/texts.h"

/* Hits that one search may return, over all of its queries: bounds memory when queries go deep. */
enum { MOST_HITS = 1 << 20 };

static enum code ask_and_judge(
	struct attempt **open, size_t n, struct arena *arena, struct error *e)
{
	struct ask *asks = arena_array(arena, n, sizeof *asks);
	struct found(*found)[N_SOURCES] = arena_array(arena, n, sizeof *found);

	if (!asks || !found)
		return error_memory(e);
	for (size_t i = 0; i < n; i++)
		asks[i] = open[i]->ask;
	if (sources_ask(open[0]->m, asks, n, arena, found, e))
		return e->code;
	for (size_t i = 0; i < n; i++)
		if (attempt_judge(open[i], found[i], e))
			return e->code;
	return OK;
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

/* Every open query one depth further. */
static enum code advance(struct attempt **open, size_t n, struct error *e)
{
	for (size_t i = 0, k; i < n; i += k) {
		struct arena scratch;
		k = portion(open + i, n - i);
		if (check_cancelled(open[i]->m->cancelled, e))
			return e->code;
		arena_init(&scratch, open[i]->arena->limit);
		enum code rc = ask_and_judge(open + i, k, &scratch, e);
		arena_free(&scratch);
		if (rc)
			return rc;
	}
	return OK;
}

static size_t gather_open(struct attempt *attempts, size_t n, struct attempt **open)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (attempts[i].unsettled)
			open[k++] = &attempts[i];
	return k;
}

static enum code settle_all(struct slice *s, struct attempt *attempts, struct error *e)
{
	struct attempt **open = arena_array(&s->arena, s->n, sizeof *open);
	size_t n;

	if (!open)
		return error_memory(e);
	while ((n = gather_open(attempts, s->n, open)) > 0)
		if (advance(open, n, e))
			return e->code;
	return OK;
}

static enum code gather_results(struct slice *s, const struct attempt *attempts, struct error *e)
{
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
	return OK;
}

static enum code mine(struct slice *s, struct attempt *attempts, struct error *e)
{
	for (size_t i = 0; i < s->n; i++)
		if (attempt_begin(&attempts[i], s->m, &s->m->queries[s->first + i], &s->arena, e))
			return e->code;
	if (settle_all(s, attempts, e) || gather_results(s, attempts, e))
		return e->code;
	return s->m->recipe->include_text ? texts_put(s->m, s->made, s->n_made, &s->arena, e) : OK;
}

enum code pipeline_run(struct slice *s, struct error *e)
{
	struct attempt *attempts = arena_array(&s->arena, s->n, sizeof *attempts);

	if (!attempts)
		return error_memory(e);
	enum code rc = mine(s, attempts, e);
	for (size_t i = 0; i < s->n; i++)
		attempt_end(&attempts[i]);
	return rc;
}
