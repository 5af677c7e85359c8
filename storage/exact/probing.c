#include "storage/exact/probing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/nearest.h"
#include "storage/exact/score.h"
#include "storage/progress.h"

enum {
	FIND_QUERIES = 8 * PANEL, /* that find their lists in one chunk */
	ROUNDS = 4		  /* that end with 1, 4, 16 and all lists */
};

/* A visit is a round and a list: lists 0 .. n - 1 in the first round, and so on. */
struct probing {
	size_t *first;	 /* n + 1: where the probes of each query begin */
	uint32_t *list;	 /* of each probe; a query's begin with the nearest */
	size_t *visit;	 /* ROUNDS x lists + 1: where the queries of each visit begin */
	uint32_t *query; /* of each visit */
	bool sorted;	 /* visits are there */
	int8_t *code;	 /* of the panel at hand */
};

static void count_probes(const struct pass *p, size_t *first)
{
	first[0] = 0;
	for (size_t i = 0; i < p->n; i++)
		first[i + 1] = first[i] + lists_probes(p->x->lists, p->queries[i].nprobe);
}

static bool allocate(const struct pass *p, struct probing *b)
{
	size_t visits = ROUNDS * (size_t)p->x->lists->n + 1;

	b->first = FAULT() ? NULL : malloc((p->n + 1) * sizeof *b->first);
	b->visit = FAULT() ? NULL : calloc(visits, sizeof *b->visit);
	b->code = FAULT() ? NULL : calloc(1, panel_code_bytes(p->x->codes->steps, PANEL));
	if (!b->first || !b->visit || !b->code)
		return false;
	count_probes(p, b->first);
	b->list = FAULT() ? NULL : malloc(b->first[p->n] * sizeof *b->list + 1);
	b->query = FAULT() ? NULL : malloc(b->first[p->n] * sizeof *b->query + 1);
	return b->list && b->query;
}

bool probing_begin(struct pass *p)
{
	struct probing *b = FAULT() ? NULL : calloc(1, sizeof *b);

	if (!b || !allocate(p, b)) {
		probing_free(b);
		return false;
	}
	p->probing = b;
	return true;
}

void probing_free(struct probing *b)
{
	if (!b)
		return;
	free(b->first);
	free(b->list);
	free(b->visit);
	free(b->query);
	free(b->code);
	free(b);
}

static uint32_t finding_chunks(size_t queries)
{
	return (uint32_t)((queries + FIND_QUERIES - 1) / FIND_QUERIES);
}

uint32_t probing_chunks(const struct lists *l, size_t queries)
{
	return finding_chunks(queries) + ROUNDS * l->pieces;
}

static bool is_gone(const struct pass *p, size_t query)
{
	return p->survivors[query].gone;
}

static enum code find_lists(struct pass *p, size_t first, size_t n, struct error *e)
{
	const struct probing *b = p->probing;
	struct seekers s = {p, first, n, b->first + first, b->list};

	return nearest_find(&s, e);
}

static uint32_t round_of(size_t rank)
{
	return rank < 1 ? 0 : rank < 4 ? 1 : rank < 16 ? 2 : 3;
}

static size_t visit_of(const struct pass *p, size_t query, size_t probe)
{
	const struct probing *b = p->probing;
	size_t round = round_of(probe - b->first[query]);

	return round * p->x->lists->n + b->list[probe];
}

static void sort_visits(struct pass *p)
{
	struct probing *b = p->probing;
	size_t visits = ROUNDS * (size_t)p->x->lists->n;

	for (size_t i = 0; i < p->n; i++)
		for (size_t j = b->first[i]; j < b->first[i + 1] && !is_gone(p, i); j++)
			b->visit[visit_of(p, i, j) + 1]++;
	for (size_t v = 0; v < visits; v++)
		b->visit[v + 1] += b->visit[v];
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = b->first[i]; j < b->first[i + 1] && !is_gone(p, i); j++)
			b->query[b->visit[visit_of(p, i, j)]++] = (uint32_t)i;
	memmove(b->visit + 1, b->visit, visits * sizeof *b->visit);
	b->visit[0] = 0;
	b->sorted = true;
}

/* The rows of a block that are not of this piece are as good as not there. */
static void leave_piece(struct tile *t, const struct piece *piece)
{
	for (uint32_t i = 0; i < CODE_BLOCK; i++)
		if (t->first + i < piece->first || t->first + i >= piece->end)
			t->margin[i] = -INFINITY;
}

static void scan_piece(struct pass *p, const struct piece *piece, struct panel *panel)
{
	const struct codes *c = p->x->codes;
	struct candidates found[PANEL];
	struct tile t = {.panel = panel, .found = found};

	for (uint32_t i = 0; i < panel->n; i++)
		found[i].n = 0;
	for (uint32_t block = piece->first / CODE_BLOCK; block * CODE_BLOCK < piece->end; block++) {
		tile_load(c, block, &t);
		leave_piece(&t, piece);
		p->kernels.tile(&t);
	}
	offer_found(&p->kernels, c, panel, found);
}

/* Survivors are lent to the panel and taken back. */
static void visit(struct pass *p, const struct piece *piece, const uint32_t *query, uint32_t n)
{
	struct survivors lent[PANEL];
	struct panel panel = {.code = p->probing->code, .survivors = lent};

	for (uint32_t i = 0; i < n; i++)
		lent[i] = p->survivors[query[i]];
	panel_gather(&panel, p->panels, query, n);
	scan_piece(p, piece, &panel);
	for (uint32_t i = 0; i < n; i++)
		p->survivors[query[i]] = lent[i];
}

static void visit_all(struct pass *p, const struct piece *piece, uint32_t round)
{
	const struct probing *b = p->probing;
	size_t v = round * (size_t)p->x->lists->n + piece->list;
	uint32_t query[PANEL], n = 0;

	for (size_t at = b->visit[v]; at < b->visit[v + 1]; at++) {
		if (!is_gone(p, b->query[at]))
			query[n++] = b->query[at];
		if (n == PANEL) {
			visit(p, piece, query, n);
			n = 0;
		}
	}
	if (n)
		visit(p, piece, query, n);
}

/* From now on survivors are rows, as those of any pass. */
static void name_rows(struct pass *p)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < p->survivors[i].n; j++)
			p->survivors[i].at[j].row = p->x->lists->row[p->survivors[i].at[j].row];
}

/* Thresholds rise between rounds, whether or not a query's survivors fill their room. */
static void settle_all(struct pass *p)
{
	for (size_t i = 0; i < p->n; i++)
		survivors_settle(&p->survivors[i]);
}

static enum code scan_chunk(struct pass *p, uint32_t chunk, struct error *e)
{
	const struct lists *l = p->x->lists;
	uint32_t finding = finding_chunks(p->n);

	if (chunk < finding) {
		size_t first = (size_t)chunk * FIND_QUERIES, left = p->n - first;
		return find_lists(p, first, left < FIND_QUERIES ? left : FIND_QUERIES, e);
	}
	if (!p->probing->sorted)
		sort_visits(p);
	chunk -= finding;
	visit_all(p, &l->piece[chunk % l->pieces], chunk / l->pieces);
	if (++chunk % l->pieces == 0)
		settle_all(p);
	if (chunk == ROUNDS * l->pieces)
		name_rows(p);
	return OK;
}

uint32_t probing_alike(const struct pass *p, uint32_t chunk)
{
	return chunk < finding_chunks(p->n) ? 1 : UINT32_MAX;
}

enum code probing_scan(
	struct pass *p, uint32_t first, uint32_t n, atomic_bool *cancelled, struct error *e)
{
	for (uint32_t i = 0; i < n; i++)
		if (check_cancelled(cancelled, e) || scan_chunk(p, first + i, e))
			return e->code;
	return OK;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void probing_order(struct pass *p, size_t query)
{
	const struct probing *b = p->probing;
	size_t first = b->first[query], n = b->first[query + 1] - first;

	qsort(b->list + first, n, sizeof *b->list, by_number);
}

void probing_score(const struct pass *p, size_t query, size_t *passed, uint32_t first, uint32_t end,
	struct top *top)
{
	const struct probing *b = p->probing;
	const struct lists *l = p->x->lists;

	for (; b->first[query] + *passed < b->first[query + 1]; ++*passed) {
		uint32_t list = b->list[b->first[query] + *passed];
		uint32_t at = l->start[list], stop = l->start[list + 1];
		for (at = at < first ? first : at; at < stop && at < end; at++)
			score_offer(
				p->x->rows, &p->queries[query], p->length[query], l->row[at], top);
		if (stop > end)
			return;
	}
}
