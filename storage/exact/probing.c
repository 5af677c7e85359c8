#include "storage/exact/probing.h"

#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/nearest.h"
#include "storage/exact/score.h"
#include "storage/exact/visits.h"
#include "storage/progress.h"

/* How many queries find their lists in one chunk: FIND_PANELS of them, or fewer where there are many
 * lists, so that they are compared with FIND_LISTS in all. */
enum { FIND_PANELS = 8, FIND_LISTS = 1 << 16 };
enum { ROUNDS = 4 /* that end with 1, 4, 16 and all lists */ };

/* Queries that go through lists together; their chunks follow those of the wave before. */
struct wave {
	size_t first; /* query */
	uint32_t chunk;
};

/*
 * A query looks into a list in a round: a visit's row is the list's place in rounds, lists 0 .. n - 1
 * in the first and so on. Visits go up by it, so those of one list in one round stand together; a chunk
 * is one of the list's pieces for all of them. Of the chunks there are names for, those that nobody
 * looks into are passed over without being gone through.
 *
 * What a probe takes, 28 bytes, is there for one wave at a time, which is as many queries as have
 * lists->at_once of them, or a panel.
 */
struct probing {
	size_t *first;	    /* n + 1: where the probes of each query begin, of all there are */
	struct wave *waves; /* n_waves, and where the last one ends */
	size_t n_waves;
	/* n: the lists that a wide query looks into, a bit each, once its wave is over */
	unsigned char **kept;
	int8_t *codes; /* of each query up to the wave at hand, taken out of its panel */
	int8_t *code;  /* of the panel at hand */
	/* Of the wave at hand: */
	size_t wave;
	uint32_t *list;	      /* of each probe; a query's begin with the nearest */
	struct visit *visits; /* n_visits, and as many again to sort them */
	size_t n_visits;
	bool sorted;	/* visits are there */
	size_t next;	/* the first visit of the list at hand */
	uint32_t round; /* of the one before */
};

static void count_probes(const struct pass *p, size_t *first)
{
	first[0] = 0;
	for (size_t i = 0; i < p->n; i++)
		first[i + 1] = first[i] + lists_probes(p->x->lists, p->queries[i].nprobe);
}

static size_t find_queries(const struct lists *l)
{
	uint32_t panels = FIND_LISTS / l->n;

	return PANEL * (size_t)(panels < 1 ? 1 : panels < FIND_PANELS ? panels : FIND_PANELS);
}

/* In which so many queries find their lists. */
static uint32_t finding_chunks(const struct lists *l, size_t queries)
{
	size_t some = find_queries(l);

	return (uint32_t)((queries + some - 1) / some);
}

/* The least that a wave has: chunks are numbered with 32 bits. */
static size_t least_queries(const struct pass *p)
{
	uint32_t most = INT32_MAX / (ROUNDS * p->x->lists->pieces + 1);

	return PANEL * (p->n / PANEL / (most ? most : 1) + 1);
}

/* The query that a wave from this one on ends before. */
static size_t wave_end(const struct pass *p, const struct probing *b, size_t first)
{
	size_t end = first + least_queries(p), next;

	for (; end < p->n; end = next) {
		next = end + PANEL < p->n ? end + PANEL : p->n;
		if (b->first[next] - b->first[first] > p->x->lists->at_once)
			return end;
	}
	return p->n;
}

static void cut_waves(const struct pass *p, struct probing *b)
{
	const struct lists *l = p->x->lists;
	struct wave w = {0, 0};

	for (size_t end; w.first < p->n; w.first = end) {
		end = wave_end(p, b, w.first);
		b->waves[b->n_waves++] = w;
		w.chunk += finding_chunks(l, end - w.first) + ROUNDS * l->pieces;
	}
	b->waves[b->n_waves] = w;
}

static size_t probes_of(const struct probing *b, const struct wave *w)
{
	return b->first[w[1].first] - b->first[w->first];
}

static bool allocate(const struct pass *p, struct probing *b)
{
	uint32_t steps = p->x->codes->steps;
	size_t most = 0;

	b->first = FAULT() ? NULL : malloc((p->n + 1) * sizeof *b->first);
	b->waves = FAULT() ? NULL : malloc((p->n / PANEL + 2) * sizeof *b->waves);
	b->kept = FAULT() ? NULL : calloc(p->n + 1, sizeof *b->kept);
	b->codes = FAULT() ? NULL : malloc(p->n * panel_code_bytes(steps, 1) + 1);
	b->code =
		FAULT() ? NULL : aligned_alloc(64, (panel_code_bytes(steps, PANEL) + 63) / 64 * 64);
	if (!b->first || !b->waves || !b->kept || !b->codes || !b->code)
		return false;
	count_probes(p, b->first);
	cut_waves(p, b);
	for (size_t i = 0; i < b->n_waves; i++)
		most = probes_of(b, &b->waves[i]) > most ? probes_of(b, &b->waves[i]) : most;
	b->list = FAULT() ? NULL : malloc(most * sizeof *b->list + 1);
	b->visits = FAULT() ? NULL : malloc(2 * most * sizeof *b->visits + 1);
	return b->list && b->visits;
}

bool probing_begin(struct pass *p)
{
	struct probing *b = FAULT() ? NULL : calloc(1, sizeof *b);

	if (!b || !allocate(p, b)) {
		probing_free(b, p->n);
		return false;
	}
	p->probing = b;
	return true;
}

void probing_free(struct probing *b, size_t queries)
{
	if (!b)
		return;
	for (size_t i = 0; b->kept && i < queries; i++)
		free(b->kept[i]);
	free(b->kept);
	free(b->first);
	free(b->waves);
	free(b->list);
	free(b->visits);
	free(b->codes);
	free(b->code);
	free(b);
}

uint32_t probing_chunks(const struct probing *b)
{
	return b->waves[b->n_waves].chunk;
}

static const struct wave *at_hand(const struct probing *b)
{
	return &b->waves[b->wave];
}

static bool is_gone(const struct pass *p, size_t query)
{
	return p->survivors[query].gone;
}

static uint32_t round_of(size_t rank)
{
	return rank < 1 ? 0 : rank < 4 ? 1 : rank < 16 ? 2 : 3;
}

/* Of a query of the wave at hand. */
static uint32_t *lists_of(const struct probing *b, size_t query)
{
	return b->list + (b->first[query] - b->first[at_hand(b)->first]);
}

static void put_visits(struct probing *b, uint32_t lists, uint32_t query)
{
	const uint32_t *list = lists_of(b, query);
	size_t n = b->first[query + 1] - b->first[query];

	for (size_t i = 0; i < n; i++)
		b->visits[b->n_visits++] =
			(struct visit){.row = round_of(i) * lists + list[i], .query = query};
}

static void take_code_out(const struct pass *p, size_t query)
{
	panel_take_out(&p->panels[query / PANEL], (uint32_t)(query % PANEL),
		p->probing->codes + query * panel_code_bytes(p->x->codes->steps, 1));
}

static void sort_visits(struct pass *p)
{
	struct probing *b = p->probing;
	const struct wave *w = at_hand(b);
	uint32_t lists = p->x->lists->n;

	b->n_visits = 0;
	for (size_t i = w->first; i < w[1].first; i++)
		if (!is_gone(p, i)) {
			take_code_out(p, i);
			put_visits(b, lists, (uint32_t)i);
		}
	visits_sort(b->visits, b->visits + b->n_visits, b->n_visits, ROUNDS * lists);
	b->sorted = true;
}

/* Survivors are lent to the panel and taken back. */
static void visit(struct pass *p, const struct piece *piece, const uint32_t *query, uint32_t n)
{
	struct survivors lent[PANEL];
	struct panel panel = {.code = p->probing->code, .survivors = lent};
	struct span span = {.first = piece->first, .end = piece->end};

	for (uint32_t i = 0; i < n; i++)
		lent[i] = p->survivors[query[i]];
	panel_gather(&panel, p->panels, p->probing->codes, query, n);
	compare_rows(&p->kernels, p->x->codes, &span, &panel);
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

/* Survivors of a query whose lists are behind it are rows, as those of any pass. */
static void name_rows(const struct pass *p, size_t query)
{
	struct survivors *s = &p->survivors[query];

	for (size_t i = 0; i < s->n; i++)
		s->at[i].row = p->x->lists->row[s->at[i].row];
}

/* Thresholds rise between rounds, whether or not a query's survivors fill their room. */
static void settle_all(struct pass *p)
{
	const struct wave *w = at_hand(p->probing);

	for (size_t i = w->first; i < w[1].first; i++)
		survivors_settle(&p->survivors[i]);
}

/* For who will have every row scored of the lists it looks into. */
static enum code keep_lists(const struct pass *p, size_t query, struct error *e)
{
	struct probing *b = p->probing;
	const uint32_t *list = lists_of(b, query);
	unsigned char *kept = FAULT() ? NULL : calloc(p->x->lists->n / 8 + 1, 1);

	if (!kept)
		return error_memory(e);
	for (size_t i = 0; i < b->first[query + 1] - b->first[query]; i++)
		kept[list[i] / 8] |= (unsigned char)(1 << list[i] % 8);
	b->kept[query] = kept;
	return OK;
}

static enum code end_wave(struct pass *p, struct error *e)
{
	struct probing *b = p->probing;
	const struct wave *w = at_hand(b);

	settle_all(p);
	for (size_t i = w->first; i < w[1].first; i++) {
		name_rows(p, i);
		if (p->survivors[i].wide && !is_gone(p, i) && keep_lists(p, i, e))
			return e->code;
	}
	b->wave++;
	b->sorted = false;
	b->next = b->round = 0;
	return OK;
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
	return OK;
}

static enum code find_chunk(struct pass *p, uint32_t chunk, struct error *e)
{
	const struct probing *b = p->probing;
	size_t some = find_queries(p->x->lists), first = at_hand(b)->first + chunk * some;
	size_t left = at_hand(b)[1].first - first;
	struct seekers s = {
		p, first, left < some ? left : some, b->first + first, lists_of(b, first)};

	return nearest_find(&s, e);
}

static uint32_t finding_of(const struct pass *p)
{
	const struct wave *w = at_hand(p->probing);

	return finding_chunks(p->x->lists, w[1].first - w->first);
}

uint32_t probing_alike(const struct pass *p, uint32_t chunk)
{
	const struct wave *w = at_hand(p->probing);

	return chunk - w->chunk < finding_of(p) ? 1 : w[1].chunk - chunk;
}

/* Chunks of the wave at hand. */
static enum code scan_wave(
	struct pass *p, uint32_t first, uint32_t end, atomic_bool *cancelled, struct error *e)
{
	uint32_t finding = finding_of(p);

	for (; first < finding && first < end; first++)
		if (check_cancelled(cancelled, e) || find_chunk(p, first, e))
			return e->code;
	return first < end ? scan_rounds(p, first - finding, end - finding, cancelled, e) : OK;
}

enum code probing_scan(
	struct pass *p, uint32_t first, uint32_t n, atomic_bool *cancelled, struct error *e)
{
	for (uint32_t end = first + n, stop; first < end; first = stop) {
		const struct wave *w = at_hand(p->probing);
		stop = end < w[1].chunk ? end : w[1].chunk;
		if (scan_wave(p, first - w->chunk, stop - w->chunk, cancelled, e) ||
			(stop == w[1].chunk && end_wave(p, e)))
			return e->code;
	}
	return OK;
}

void probing_score(const struct pass *p, size_t query, uint32_t *passed, uint32_t first,
	uint32_t end, struct top *top)
{
	const unsigned char *kept = p->probing->kept[query];
	const struct lists *l = p->x->lists;

	for (; *passed < l->n; ++*passed) {
		if (!(kept[*passed / 8] >> *passed % 8 & 1))
			continue;
		uint32_t at = l->start[*passed], stop = l->start[*passed + 1];
		for (at = at < first ? first : at; at < stop && at < end; at++)
			score_offer(
				p->x->rows, &p->queries[query], p->length[query], l->row[at], top);
		if (stop > end)
			return;
	}
}
