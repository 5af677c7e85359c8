#include "storage/exact/again.h"

#include <stdlib.h>

#include "proto/fault.h"
#include "storage/exact/floats.h"
#include "storage/exact/pass_private.h"

#define NOBODY SIZE_MAX

enum {
	PAIRS_A_SCORE =
		16 /* of a query and a code, in bytes: they take about as long as one score */
};

enum code again_add(struct again *a, size_t i, struct error *e)
{
	for (size_t j = 0; j < a->n; j++)
		if (a->query[j] == i)
			return OK;
	if (a->n == a->room) {
		size_t room = a->room ? 2 * a->room : 4;
		size_t *query = FAULT() ? NULL : realloc(a->query, room * sizeof *query);
		if (!query)
			return error_memory(e);
		a->query = query;
		a->room = room;
	}
	a->query[a->n++] = i;
	return OK;
}

void again_drop(struct again *a, size_t i)
{
	for (size_t j = 0; j < a->n; j++) {
		if (a->query[j] != i)
			continue;
		if (a->pass)
			pass_drop(a->pass, j);
		a->query[j] = NOBODY;
	}
}

bool again_is_done(const struct again *a)
{
	for (size_t j = 0; j < a->n; j++)
		if (a->query[j] != NOBODY)
			return false;
	return true;
}

/* About how many scores take as long as so many rows. In floats a panel takes as long as if it were full,
 * and to load a row is mostly one score more. */
static size_t scores_for(const struct again *a, size_t rows)
{
	size_t panels = (a->n + PANEL - 1) / PANEL;

	if (a->by_floats)
		return rows + rows * panels * PANEL / floats_a_score();
	return a->n * rows / PAIRS_A_SCORE;
}

size_t again_left(const struct again *a, const struct pass *p)
{
	size_t chunks = pass_chunks(a->pass ? a->pass : p) - a->scanned;

	if (again_is_done(a))
		return 0;
	return scores_for(a, chunks * CHUNK_ROWS) + (a->n - a->finished) * CHUNK_ROWS +
	       (a->pass ? pass_rest_left(a->pass) : 0);
}

static void leave_out_gone(struct again *a)
{
	size_t kept = 0;

	for (size_t j = 0; j < a->n; j++)
		if (a->query[j] != NOBODY)
			a->query[kept++] = a->query[j];
	a->n = kept;
}

static enum code begin(struct again *a, struct pass *p, struct error *e)
{
	if (!a->copies)
		a->copies = FAULT() ? NULL : malloc(a->n * sizeof *a->copies);
	if (!a->copies)
		return error_memory(e);
	for (size_t j = 0; j < a->n; j++)
		a->copies[j] = p->queries[a->query[j]];
	for (size_t j = 0; j < a->n; j++)
		survivors_free(&p->survivors[a->query[j]]);
	if (pass_begin(p->x, p->order, a->copies, a->n, &a->pass, e))
		return e->code;
	a->pass->guesses = false;
	if (!a->by_floats || floats_begin(a->pass))
		return OK;
	a->pass = pass_end(a->pass);
	return error_memory(e);
}

/* Scoring every row takes little memory, and only longer. */
static enum code leave(struct again *a, struct pass *p, struct error *e)
{
	for (size_t j = 0; j < a->n; j++) {
		if (wide_add(&p->wide, p, a->query[j], e))
			return e->code;
		a->query[j] = NOBODY;
	}
	return OK;
}

/* Or it is sooner done. */
static enum code begin_or_leave(struct again *a, struct pass *p, struct error *e)
{
	struct error no_memory = {0}; /* made good */

	leave_out_gone(a);
	if (!a->by_floats)
		return begin(a, p, e);
	if (scores_for(a, CHUNK_ROWS) > a->n * CHUNK_ROWS || begin(a, p, &no_memory))
		return leave(a, p, e);
	return OK;
}

/* A chunk that is scanned is not scanned again, whatever ends this. */
static enum code scan(
	struct again *a, uint32_t chunks, size_t scores, atomic_bool *cancelled, struct error *e)
{
	size_t some = scores / scores_for(a, CHUNK_ROWS) + 1;

	for (; some > 0 && a->scanned < chunks; some--, a->scanned++)
		if (pass_scan(a->pass, a->scanned, 1, cancelled, e))
			return e->code;
	return OK;
}

static enum code finish(struct again *a, atomic_bool *cancelled, struct error *e)
{
	size_t first = a->finished, n = pass_worth(a->pass, first, a->n - first, SURVIVORS_AT_ONCE);

	if (pass_finish(a->pass, first, n, cancelled, e))
		return e->code;
	a->finished += n;
	return OK;
}

static void answer(struct again *a, struct pass *p)
{
	for (size_t j = 0; j < a->n; j++) {
		if (a->query[j] != NOBODY)
			query_take_answer(&p->queries[a->query[j]], &a->copies[j]);
		a->query[j] = NOBODY;
	}
}

enum code again_go_on(
	struct again *a, struct pass *p, size_t scores, atomic_bool *cancelled, struct error *e)
{
	enum code rc = OK;

	if (!a->pass && begin_or_leave(a, p, e))
		return e->code;
	if (!a->pass)
		return OK;
	uint32_t chunks = pass_chunks(a->pass);
	if (!pass_is_encoded(a->pass))
		rc = pass_encode(a->pass, 1, e);
	else if (a->scanned < chunks)
		rc = scan(a, chunks, scores, cancelled, e);
	else if (a->finished < a->n)
		rc = finish(a, cancelled, e);
	else if (pass_has_rest(a->pass))
		rc = pass_rest(a->pass, scores, cancelled, e);
	if (rc == OK && a->finished == a->n && !pass_has_rest(a->pass))
		answer(a, p);
	return rc;
}

void again_free(struct again *a)
{
	pass_end(a->pass);
	free(a->query);
	free(a->copies);
}
