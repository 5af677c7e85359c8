#include "storage/exact/joint.h"

#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/clock.h"
#include "storage/exact/lists.h"
#include "storage/exact/panel.h"
#include "storage/isa.h"
#include "storage/progress.h"

enum {
	PRODUCT = 2, /* of floats, in those of bytes */
	FEW_QUERIES = 24,
	WORTH_A_LOT = 2 * PANEL, /* queries: a lot of fewer reads the codes for too few */
	MOST_OF_A_LOT = 1024	 /* queries: they take a step some milliseconds */
};

/* Multiplications that a thread does in a second when there are many queries. */
static double rate(void)
{
	static const double rates[] = {
		[ISA_PORTABLE] = 1e9, [ISA_AVX2] = 90e9, [ISA_AVX512] = 200e9, [ISA_AMX] = 300e9};

	return rates[isa_now()];
}

static double work_a_query(const struct exact *x, uint32_t nprobe)
{
	const struct codes *c = x->codes;
	double rows = x->lists ? lists_compared(x->lists, nprobe) : (double)c->blocks * CODE_BLOCK;

	/* To encode it takes d^2 products of floats, where there is a basis. */
	return (rows + (c->tail ? PRODUCT * (double)c->dimension : 1)) * c->dimension;
}

double joint_seconds(const struct exact *x, const struct exact_query *queries, size_t n)
{
	double work = 0;

	for (size_t i = 0; i < n; i++)
		work += work_a_query(x, queries[i].nprobe);
	return work / rate();
}

static void copy_queries(struct joint *j)
{
	size_t n = 0;

	for (struct waiting *w = j->requests; w; w = w->next) {
		memcpy(j->queries + n, w->request->queries, w->request->n * sizeof *j->queries);
		w->first = n;
		n += w->request->n;
	}
}

/* The query that lot i begins with. No more panels have room to spare than would in one lot. */
static size_t border(const struct joint *j, size_t i)
{
	size_t panels = (j->n + PANEL - 1) / PANEL, first;

	if (j->n_lots > panels)
		return j->n * i / j->n_lots;
	first = panels * i / j->n_lots * PANEL;
	return first < j->n ? first : j->n;
}

static enum code add_lot(const struct exact *x, struct joint *j, size_t i)
{
	struct lot *lot = &j->lots[i];
	size_t from = border(j, i), to = border(j, i + 1);

	lot->chunks = j->by_chunks ? &j->chunks : &lot->own;
	lot->of = to - from;
	if (j->by_chunks) {
		from = 0;
		to = j->n;
		lot->of = i == 0 ? j->n : 0;
	}
	lot->first = from;
	lot->n = to - from;
	if (pass_begin(x, j->order, j->queries + from, to - from, &lot->pass, &j->error))
		return j->error.code;
	if (j->by_chunks && j->n_lots > 1)
		pass_share_chunks(lot->pass);
	lot->own.end = j->chunks.end = pass_chunks(lot->pass);
	return OK;
}

/* No more than are worth waking a thread for. */
static size_t lots_for(double seconds, size_t threads)
{
	double worth = seconds / .0005 + 1;
	size_t most = threads < MOST_LOTS ? threads : MOST_LOTS;

	return worth < (double)most ? (size_t)worth : most;
}

/* One more than there are threads, so that nobody is done long before the others. Not of lists, where
 * queries are searched faster the more there are in a lot. */
static size_t lots_of_queries(const struct joint *j, const struct exact *x)
{
	size_t n = j->n_lots, most = j->n / WORTH_A_LOT;
	size_t least = (j->n + MOST_OF_A_LOT - 1) / MOST_OF_A_LOT;

	if (x->lists)
		return n < j->n ? n : j->n;
	if (n > 1 && n < most)
		n++;
	n = n < least ? least : n;
	return n < MOST_LOTS ? n : MOST_LOTS;
}

/* All queries' scan takes that long. */
static uint32_t step_for(const struct joint *j, double seconds)
{
	const struct lot *lot = &j->lots[0];
	double chunk = seconds * (double)lot->n / (double)j->n / (lot->chunks->end + 1.0);
	double step = .0005 / chunk;

	return step < 1 ? 1 : step < UINT32_MAX / 2 ? (uint32_t)step : UINT32_MAX / 2;
}

void joint_cut(struct joint *j, const struct exact *x, size_t threads)
{
	j->queries = FAULT() ? NULL : malloc(j->n * sizeof *j->queries);
	if (!j->queries) {
		error_memory(&j->error);
		return;
	}
	copy_queries(j);
	double seconds = joint_seconds(x, j->queries, j->n);
	j->n_lots = lots_for(seconds, threads);
	j->by_chunks = !x->lists && j->n < j->n_lots * FEW_QUERIES;
	if (!j->by_chunks)
		j->n_lots = lots_of_queries(j, x);
	for (size_t i = 0; i < j->n_lots; i++)
		if (add_lot(x, j, i))
			return;
	j->step = step_for(j, seconds);
}

static uint32_t left_to_scan(const struct lot *lot)
{
	return lot->chunks->end - atomic_load(&lot->chunks->next);
}

static bool scanned(const struct joint *j)
{
	for (size_t i = 0; i < j->n_lots; i++)
		if (j->lots[i].busy || left_to_scan(&j->lots[i]))
			return false;
	return true;
}

static enum stage stage_of(const struct lot *lot)
{
	if (left_to_scan(lot))
		return pass_is_encoded(lot->pass) ? SCAN : ENCODE;
	if (lot->finished < lot->of)
		return FINISH;
	return lot->of && pass_has_rest(lot->pass) ? REST : DONE;
}

/* What a thread may do of it; DONE: nothing, or not yet. To be asked once: whoever scans may come to the
 * end of the chunks at any time, and this is another then. */
static enum stage work_of(const struct joint *j, const struct lot *lot)
{
	if (lot->busy)
		return DONE;
	enum stage stage = stage_of(lot);
	if (!j->by_chunks)
		return stage;
	bool waits = (stage == FINISH && !scanned(j)) || (stage == ENCODE && lot != j->lots);
	return waits ? DONE : stage;
}

static bool has_work(const struct joint *j, const struct lot *lot)
{
	return work_of(j, lot) != DONE;
}

bool joint_is_over(const struct joint *j)
{
	if (j->busy)
		return false;
	for (size_t i = 0; i < j->n_lots && !j->error.code; i++)
		if (has_work(j, &j->lots[i]))
			return false;
	return true;
}

bool joint_all_cancelled(const struct joint *j)
{
	struct error e;

	for (struct waiting *w = j->requests; w; w = w->next)
		if (!check_cancelled(w->request->cancelled, &e))
			return false;
	return true;
}

static void drop_of_lot(struct lot *lot, const struct waiting *w)
{
	size_t end = lot->first + lot->n, w_end = w->first + w->request->n;

	for (size_t i = w->first > lot->first ? w->first : lot->first; i < end && i < w_end; i++)
		pass_drop(lot->pass, i - lot->first);
}

/* Of the first lot first: that looks at what the others found of queries it has (pass_absorb). */
static bool may_drop(const struct joint *j, const struct waiting *w, size_t lot)
{
	return !j->lots[lot].busy && (lot == 0 || !j->by_chunks || (w->dropped & 1));
}

/* Whether nothing of it is left. */
static bool drop(struct joint *j, struct waiting *w)
{
	bool all = true;

	for (size_t i = 0; i < j->n_lots; i++) {
		uint64_t bit = (uint64_t)1 << i;
		if (w->dropped & bit)
			continue;
		if (!may_drop(j, w, i)) {
			all = false;
			continue;
		}
		drop_of_lot(&j->lots[i], w);
		w->dropped |= bit;
	}
	return all;
}

bool joint_drop_cancelled(struct joint *j)
{
	bool some = false;

	for (struct waiting **at = &j->requests, *w; (w = *at);) {
		struct error e;
		if (!check_cancelled(w->request->cancelled, &e) || !drop(j, w)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->next = NULL;
		w->error = e;
		w->done = some = true;
	}
	return some;
}

/* Whether a has more left to do than b. */
static bool is_behind(const struct lot *a, const struct lot *b)
{
	uint32_t scan = left_to_scan(a), other = left_to_scan(b);

	if (scan != other)
		return scan > other;
	if (a->of - a->finished != b->of - b->finished)
		return a->of - a->finished > b->of - b->finished;
	return pass_rest_left(a->pass) > pass_rest_left(b->pass);
}

/* The first lot of chunks encodes for all. */
static void lend_panels(struct joint *j)
{
	const struct lot *first = &j->lots[0];

	if (!j->by_chunks || first->busy || !pass_is_encoded(first->pass))
		return;
	for (size_t i = 1; i < j->n_lots; i++)
		if (!pass_is_encoded(j->lots[i].pass))
			pass_borrow(j->lots[i].pass, first->pass);
}

struct lot *joint_lot(struct joint *j)
{
	struct lot *last = NULL;
	enum stage to_do = DONE;

	lend_panels(j);
	for (size_t i = 0; i < j->n_lots; i++) {
		enum stage stage = work_of(j, &j->lots[i]);
		if (stage == DONE || (last && !is_behind(&j->lots[i], last)))
			continue;
		last = &j->lots[i];
		to_do = stage;
	}
	if (last)
		last->stage = to_do;
	return last;
}

size_t joint_free_lots(const struct joint *j)
{
	size_t n = 0;

	for (size_t i = 0; i < j->n_lots; i++)
		n += has_work(j, &j->lots[i]);
	return n;
}

static enum code encode_step(struct joint *j, struct lot *lot, struct error *e)
{
	(void)j;
	return pass_encode(lot->pass, 1, e);
}

/* How many chunks from `next` on go in one step. */
static uint32_t step_from(const struct joint *j, const struct lot *lot, uint32_t next)
{
	uint32_t most = pass_alike(lot->pass, next), left = lot->chunks->end - next;
	uint32_t n = left < j->step ? left : j->step;

	return n < most ? n : most;
}

/* Others may take of the same chunks meanwhile, and the last. */
static enum code scan_step(struct joint *j, struct lot *lot, struct error *e)
{
	uint32_t next = atomic_load(&lot->chunks->next), n;

	do
		n = step_from(j, lot, next);
	while (!atomic_compare_exchange_weak(&lot->chunks->next, &next, next + n));
	return pass_scan(lot->pass, next, n, NULL, e);
}

static void absorb(struct joint *j, struct lot *lot)
{
	for (size_t i = 1; i < j->n_lots; i++)
		pass_absorb(lot->pass, j->lots[i].pass);
	j->absorbed = true;
}

static enum code finish_step(struct joint *j, struct lot *lot, struct error *e)
{
	if (j->by_chunks && !j->absorbed)
		absorb(j, lot);
	size_t left = lot->of - lot->finished;
	size_t n = pass_worth(lot->pass, lot->finished, left, SURVIVORS_AT_ONCE);
	lot->finished += n;
	return pass_finish(lot->pass, lot->finished - n, n, NULL, e);
}

static enum code rest_step(struct joint *j, struct lot *lot, struct error *e)
{
	(void)j;
	return pass_rest(lot->pass, SCORES_AT_ONCE, NULL, e);
}

enum code joint_work(struct joint *j, struct lot *lot, struct error *e)
{
	static enum code (*const steps[])(struct joint *, struct lot *, struct error *) = {
		[ENCODE] = encode_step,
		[SCAN] = scan_step,
		[FINISH] = finish_step,
		[REST] = rest_step};
	enum stage stage = lot->stage; /* others may have come to the end of its chunks since */
	uint64_t began = clock_ns();

	do {
		if (steps[stage](j, lot, e))
			return e->code;
		lot->took_ns = clock_ns() - began;
	} while (stage_of(lot) == stage && lot->took_ns < j->portion_ns);
	return OK;
}

void joint_free(struct joint *j)
{
	for (size_t i = j->n_lots; i-- > 0;) /* the first one's panels are the others' */
		pass_end(j->lots[i].pass);
	free(j->queries);
	free(j);
}
