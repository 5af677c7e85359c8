#include "workers/mine/deepen.h"

#include <math.h>

#define DENSE PB__SOURCE_KIND__SOURCE_KIND_DENSE
#define BM25 PB__SOURCE_KIND__SOURCE_KIND_BM25

/* The only source, when all that it has not given yet has scores no better than what it gave last; else
 * NULL. */
static const struct found *only_by_score(const struct attempt *a, const struct found *found)
{
	const Pb__MineNegativesRequest *r = a->m->recipe;

	if (r->n_sources != 1)
		return NULL;
	if (r->sources[0]->kind == DENSE && r->scorer == PB__SCORER__SCORER_DENSE)
		return dense_continues(a->m) ? &found[DENSE] : NULL;
	if (r->sources[0]->kind == BM25 && r->scorer == PB__SCORER__SCORER_BM25)
		return &found[BM25];
	return NULL;
}

static bool has_more(const struct attempt *a, const struct found *found)
{
	bool more = false;

	for (size_t s = 0; s < N_SOURCES; s++)
		more = more || found[s].more;
	return more && a->ask.depth < a->window.max_depth;
}

struct unseen unseen_of(const struct attempt *a, const struct found *found)
{
	const struct found *only = only_by_score(a, found);

	return (struct unseen){
		has_more(a, found), only && only->n ? only->hits[only->n - 1].score : INFINITY};
}

bool unseen_may_pass(const struct unseen *u, const struct pair *p)
{
	return u->some && u->best >= p->keeps.least && p->keeps.least < p->keeps.below;
}

void deepen_reached(struct attempt *a, const struct found *found)
{
	if (a->ask.below < INFINITY)
		a->ask.depth = (uint32_t)found[DENSE].n + found[DENSE].unlisted;
}

/* All scores that some unsettled pair's filters keep are below it. */
static double ceiling(const struct attempt *a)
{
	double below = -INFINITY;

	for (size_t i = 0; i < a->n_pairs; i++)
		if (!a->pairs[i].result)
			below = fmax(below, a->pairs[i].keeps.below);
	return below;
}

/* Whether leaving out what the filters reject leaves the answer as it is: draws depend on the depth at
 * which the query is served, and ranks among negatives on how many of the unlisted are some. */
static bool may_leave_out(const struct attempt *a)
{
	const Pb__MineNegativesRequest *r = a->m->recipe;

	return r->sources[0]->kind == DENSE && !r->sources[0]->has_quota && !r->explain &&
	       r->sampling_strategy == PB__SAMPLING__SAMPLING_TOP && a->window.end == OPEN_WINDOW &&
	       (r->rank_base != PB__RANK_BASE__RANK_BASE_NEGATIVES || a->begun);
}

/* The ceiling to go on below, or INFINITY. */
static double leave_out(const struct attempt *a, const struct found *found)
{
	double best = unseen_of(a, found).best, below = ceiling(a);

	return best < INFINITY && best >= below && may_leave_out(a) ? below : INFINITY;
}

/* As many again as are listed. */
static uint32_t doubled(const struct attempt *a, const struct found *found)
{
	uint32_t depth = a->ask.depth, listed = depth - found[DENSE].unlisted;
	uint32_t most = a->window.max_depth;

	return depth < most && listed < most - depth ? depth + listed : most;
}

enum code deepen(struct attempt *a, const struct found *found, struct error *e)
{
	struct arena kept;

	a->ask.most = a->window.max_depth;
	a->ask.below = leave_out(a, found);
	a->ask.depth = doubled(a, found);
	a->ask.before = a->before;
	arena_init(&kept, a->arena.limit);
	enum code rc = sources_keep(found, a->ask.below < INFINITY, &kept, a->before, e);
	arena_free(&a->kept); /* what was found may have been kept before */
	arena_move(&a->kept, &kept);
	return rc;
}
