#include "storage/exact/probing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/nearest.h"
#include "storage/exact/score.h"
#include "storage/exact/visits.h"
#include "storage/progress.h"

enum {
	FIND_QUERIES = 8 * PANEL, /* that find their lists in one chunk */
	ROUNDS = 4		  /* that end with 1, 4, 16 and all lists */
};

/*
 * A query looks into a list in a round: a visit's row is the list's place in rounds, lists 0 .. n - 1
 * in the first and so on. Visits go up by it, so those of one list in one round stand together; a chunk
 * is one of the list's pieces for all of them. Of the chunks there are names for, those that nobody
 * looks into are passed over without being gone through.
 */
struct probing {
	size_t *first;	      /* n + 1: where the probes of each query begin */
	uint32_t *list;	      /* of each probe; a query's begin with the nearest */
	struct visit *visits; /* n_visits, and as many again to sort them */
	size_t n_visits;
	bool sorted;	/* visits are there */
	size_t next;	/* the first visit of the list at hand */
	uint32_t round; /* of the one before */
	int8_t *code;	/* of the panel at hand */
};

static void count_probes(const struct pass *p, size_t *first)
{
	first[0] = 0;
	for (size_t i = 0; i < p->n; i++)
		first[i + 1] = first[i] + lists_probes(p->x->lists, p->queries[i].nprobe);
}

static bool allocate(const struct pass *p, struct probing *b)
{
	b->first = FAULT() ? NULL : malloc((p->n + 1) * sizeof *b->first);
	b->code = FAULT() ? NULL : calloc(1, panel_code_bytes(p->x->codes->steps, PANEL));
	if (!b->first || !b->code)
		return false;
	count_probes(p, b->first);
	size_t probes = b->first[p->n];
	b->list = FAULT() ? NULL : malloc(probes * sizeof *b->list + 1);
	b->visits = FAULT() ? NULL : malloc(2 * probes * sizeof *b->visits + 1);
	return b->list && b->visits;
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
	free(b->visits);
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

static void put_visits(struct probing *b, uint32_t lists, uint32_t query)
{
	for (size_t i = b->first[query]; i < b->first[query + 1]; i++)
		b->visits[b->n_visits++] = (struct visit){
			.row = round_of(i - b->first[query]) * lists + b->list[i], .query = query};
}

static void sort_visits(struct pass *p)
{
	struct probing *b = p->probing;
	uint32_t lists = p->x->lists->n;

	for (uint32_t i = 0; i < p->n; i++)
		if (!is_gone(p, i))
			put_visits(b, lists, i);
	visits_sort(b->visits, b->visits + b->n_visits, b->n_visits, ROUNDS * lists);
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

/* All visits to the list at hand. */
static void visit_all(struct pass *p, const struct piece *piece)
{
	const struct probing *b = p->probing;
	uint32_t query[PANEL], n = 0;

	for (size_t at = b->next; at < b->n_visits && b->visits[at].row == b->visits[b->next].row;
		at++) {
		if (!is_gone(p, b->visits[at].query))
			query[n++] = b->visits[at].query;
		if (n == PANEL) {
			visit(p, piece, query, n);
			n = 0;
		}
	}
	if (n)
		visit(p, piece, query, n);
}

/* To the next list that somebody looks into. */
static void go_on(struct probing *b)
{
	uint32_t row = b->visits[b->next].row;

	while (b->next < b->n_visits && b->visits[b->next].row == row)
		b->next++;
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

/* The list at hand: its pieces in this round, as chunks. */
struct at_hand {
	uint32_t round, first, end, piece; /* piece: of the first chunk */
};

static struct at_hand list_at_hand(const struct pass *p)
{
	const struct lists *l = p->x->lists;
	uint32_t row = p->probing->visits[p->probing->next].row;
	uint32_t round = row / l->n, piece = l->first_piece[row % l->n];
	uint32_t pieces = l->first_piece[row % l->n + 1] - piece;

	return (struct at_hand){
		round, round * l->pieces + piece, round * l->pieces + piece + pieces, piece};
}

/* The list at hand, as far as it is among chunks first .. end. */
static enum code scan_list(struct pass *p, const struct at_hand *h, uint32_t first, uint32_t end,
	atomic_bool *cancelled, struct error *e)
{
	for (uint32_t at = h->first < first ? first : h->first; at < h->end && at < end; at++) {
		if (check_cancelled(cancelled, e))
			return e->code;
		visit_all(p, &p->x->lists->piece[h->piece + at - h->first]);
	}
	return OK;
}

/* Chunks first .. end of the rounds. */
static enum code scan_rounds(
	struct pass *p, uint32_t first, uint32_t end, atomic_bool *cancelled, struct error *e)
{
	struct probing *b = p->probing;

	if (!b->sorted)
		sort_visits(p);
	while (b->next < b->n_visits) {
		struct at_hand h = list_at_hand(p);
		if (h.first >= end)
			break;
		if (h.round != b->round)
			settle_all(p);
		b->round = h.round;
		if (scan_list(p, &h, first, end, cancelled, e))
			return e->code;
		if (h.end > end)
			break;
		go_on(b);
	}
	if (end < ROUNDS * p->x->lists->pieces)
		return OK;
	settle_all(p);
	name_rows(p);
	return OK;
}

static enum code find_chunk(struct pass *p, uint32_t chunk, struct error *e)
{
	size_t first = (size_t)chunk * FIND_QUERIES, left = p->n - first;

	return find_lists(p, first, left < FIND_QUERIES ? left : FIND_QUERIES, e);
}

uint32_t probing_alike(const struct pass *p, uint32_t chunk)
{
	return chunk < finding_chunks(p->n) ? 1 : UINT32_MAX;
}

enum code probing_scan(
	struct pass *p, uint32_t first, uint32_t n, atomic_bool *cancelled, struct error *e)
{
	uint32_t finding = finding_chunks(p->n), end = first + n;

	for (; first < finding && first < end; first++)
		if (check_cancelled(cancelled, e) || find_chunk(p, first, e))
			return e->code;
	return first < end ? scan_rounds(p, first - finding, end - finding, cancelled, e) : OK;
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
