#include "storage/exact/nearest.h"

#include <math.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/exact/kth.h"
#include "storage/exact/score.h"
#include "storage/vectors/top.h"

/* What is known of the centroids meanwhile. */
struct finding {
	const struct seekers *s;
	const struct lists *lists;
	struct survivors *near; /* n: centroids */
	struct hit *hit;	/* as many as any query looks into lists: scratch */
};

static size_t probes_of(const struct seekers *s, size_t i)
{
	return s->at[i + 1] - s->at[i];
}

/* Who looks into all lists wants to know of the first ones alone. */
static size_t ranked(const struct finding *f, size_t i)
{
	size_t n = probes_of(f->s, i);

	return n == f->lists->n && n > NEAREST_FIRST ? NEAREST_FIRST : n;
}

static bool begin_one(struct finding *f, size_t i)
{
	const struct pass *p = f->s->p;
	const struct survivors *own = &p->survivors[f->s->first + i];
	struct survivors *near = &f->near[i];

	*near = (struct survivors){.codes = f->lists->coarse.codes,
		.k = ranked(f, i),
		.length = own->length,
		.blur = score_blur(f->lists->coarse.codes, p->length[f->s->first + i]),
		.below = INFINITY,
		.above = INFINITY,
		.floor = -INFINITY};
	if (!survivors_init(near))
		return false;
	if (own->gone || pass_too_far(p, f->s->first + i))
		survivors_give_up(near);
	return true;
}

static bool begin(struct finding *f)
{
	const struct seekers *s = f->s;
	size_t most = 0;

	for (size_t i = 0; i < s->n; i++)
		most = probes_of(s, i) > most ? probes_of(s, i) : most;
	f->hit = FAULT() ? NULL : malloc(most * sizeof *f->hit + 1);
	f->near = FAULT() ? NULL : calloc(s->n, sizeof *f->near);
	if (!f->hit || !f->near)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (!begin_one(f, i))
			return false;
	return true;
}

static void end(struct finding *f)
{
	for (size_t i = 0; f->near && i < f->s->n; i++)
		survivors_free(&f->near[i]);
	free(f->near);
	free(f->hit);
}

/* The pass's panels are as good for centroids: those are turned and measured as its rows are. */
static void scan(struct finding *f)
{
	const struct codes *c = f->lists->coarse.codes;
	struct pass *p = f->s->p;

	for (uint32_t chunk = 0; chunk * CHUNK_BLOCKS < c->blocks; chunk++) {
		struct span span = chunk_span(c, chunk);
		for (size_t i = 0; i < f->s->n; i += PANEL) {
			struct panel panel = p->panels[(f->s->first + i) / PANEL];
			panel.survivors = f->near + i;
			if (panel.gone < panel.n)
				compare_rows(&p->kernels, c, &span, &panel);
		}
	}
}

/* Moves those to the front who are in for certain, and returns how many they are. */
static size_t split_certain(struct survivors *near, size_t wanted)
{
	size_t certain = 0;

	if (near->n <= wanted)
		return near->n;
	for (size_t i = 0; i < near->n; i++)
		near->keys[i] = kth_key(near->at[i].upper);
	double next = kth_largest(near->keys, near->n, wanted + 1);
	double least = next + 2 * near->blur + 0x1p-22 * fabs(next);
	for (size_t i = 0; i < near->n; i++) {
		struct survivor one = near->at[i];
		near->at[i] = near->at[certain];
		near->at[certain] = one;
		certain += one.lower > least;
	}
	return certain;
}

static void offer(const struct finding *f, size_t i, uint32_t centroid, struct top *top)
{
	const struct pass *p = f->s->p;
	size_t query = f->s->first + i;
	const float *vector = p->queries[query].vector;

	top_offer(top, (struct hit){centroid, score_row(&f->lists->coarse.vectors, vector,
						      p->length[query], centroid)});
}

/* The n best of some, by their scores: those with the largest lowers tell how far an upper must reach. */
static void offer_some(const struct finding *f, size_t i, struct survivors some, struct top *top)
{
	size_t best = survivors_best(&some);

	for (size_t j = 0; j < best; j++)
		offer(f, i, some.at[j].row, top);
	double length = f->s->p->length[f->s->first + i];
	double need = sigma_needed(some.codes, length, top->hit[0].score, some.blur);
	for (size_t j = best; j < some.n; j++)
		if (some.at[j].upper >= need)
			offer(f, i, some.at[j].row, top);
}

/* The n best of those that are left, by their scores. */
static void choose_scored(struct finding *f, size_t i, size_t certain, size_t n, uint32_t *out)
{
	struct survivors some = f->near[i];
	struct top top = {f->hit, 0, n, f->lists->coarse.number};

	some.at += certain;
	some.n -= certain;
	some.k = n;
	if (some.wide)
		for (uint32_t c = 0; c < f->lists->n; c++)
			offer(f, i, c, &top);
	else
		offer_some(f, i, some, &top);
	top_sort(&top);
	for (size_t j = 0; j < n; j++)
		out[j] = top.hit[j].document;
}

/* The largest lowers come first. */
static void sort_first(struct survivor *at, size_t n)
{
	for (size_t i = 0; i < n && i < NEAREST_FIRST; i++)
		for (size_t j = i + 1; j < n; j++)
			if (at[j].lower > at[i].lower) {
				struct survivor one = at[i];
				at[i] = at[j];
				at[j] = one;
			}
}

/* All lists, in place of the nearest n that are there alone. */
static void add_others(const struct lists *l, uint32_t *out, size_t n)
{
	uint32_t there[NEAREST_FIRST];
	size_t to = n, next = 0;

	for (size_t i = 0; i < n; i++) {
		size_t at = i;
		for (; at > 0 && there[at - 1] > out[i]; at--)
			there[at] = there[at - 1];
		there[at] = out[i];
	}
	for (uint32_t c = 0; c < l->n; c++)
		if (next < n && there[next] == c)
			next++;
		else
			out[to++] = c;
}

static void choose(struct finding *f, size_t i)
{
	struct survivors *near = &f->near[i];
	uint32_t *out = f->s->list + (f->s->at[i] - f->s->at[0]);
	size_t n = near->k;

	survivors_settle(near);
	size_t certain = near->wide ? 0 : split_certain(near, n);
	sort_first(near->at, certain);
	for (size_t j = 0; j < certain; j++)
		out[j] = near->at[j].row;
	if (certain < n)
		choose_scored(f, i, certain, n - certain, out + certain);
	if (n < probes_of(f->s, i))
		add_others(f->lists, out, n);
}

enum code nearest_find(const struct seekers *s, struct error *e)
{
	struct finding f = {.s = s, .lists = s->p->x->lists};
	bool ready = begin(&f);

	if (ready)
		scan(&f);
	for (size_t i = 0; ready && i < s->n; i++)
		if (!s->p->survivors[s->first + i].gone)
			choose(&f, i);
	end(&f);
	return ready ? OK : error_memory(e);
}
