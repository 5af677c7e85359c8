#include "storage/exact/wide.h"

#include <stdlib.h>

#include "proto/fault.h"
#include "storage/exact/pass_private.h"
#include "storage/exact/probing.h"
#include "storage/exact/score.h"
#include "storage/progress.h"

enum { BLOCK_BYTES = 1 << 17 /* of rows: they stay in the second cache for all queries */ };

struct wide_query {
	size_t i;	 /* of the pass */
	uint32_t passed; /* lists that are behind `next` */
	struct top top;
};

enum code wide_add(struct wide *w, struct pass *p, size_t i, struct error *e)
{
	struct exact_query *q = &p->queries[i];

	for (size_t j = 0; j < w->n; j++)
		if (w->query[j].i == i)
			return OK;
	if (w->n == w->room) {
		size_t room = w->room ? 2 * w->room : 4;
		struct wide_query *query = FAULT() ? NULL : realloc(w->query, room * sizeof *query);
		if (!query)
			return error_memory(e);
		w->query = query;
		w->room = room;
	}
	q->found = q->ahead = 0; /* there may be no rows to come */
	w->query[w->n++] = (struct wide_query){i, 0, {q->out, 0, q->k, p->order}};
	return OK;
}

static bool is_gone(const struct pass *p, const struct wide_query *q)
{
	return p->survivors[q->i].gone;
}

static size_t still_wanted(const struct wide *w, const struct pass *p)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += !is_gone(p, &w->query[i]);
	return n;
}

bool wide_is_done(const struct wide *w, const struct pass *p)
{
	return w->next == p->x->codes->rows || still_wanted(w, p) == 0;
}

size_t wide_left(const struct wide *w, const struct pass *p)
{
	return still_wanted(w, p) * (p->x->codes->rows - w->next);
}

static void score_rows(const struct pass *p, struct wide_query *q, uint32_t first, uint32_t end)
{
	for (uint32_t row = first; row < end; row++)
		score_offer(p->x->rows, &p->queries[q->i], p->length[q->i], row, &q->top);
}

static void score_block(struct wide *w, struct pass *p, uint32_t end)
{
	for (size_t i = 0; i < w->n; i++) {
		struct wide_query *q = &w->query[i];
		if (is_gone(p, q))
			continue;
		if (p->probing)
			probing_score(p, q->i, &q->passed, w->next, end, &q->top);
		else
			score_rows(p, q, w->next, end);
	}
	w->next = end;
}

static void finish(struct wide *w, struct pass *p)
{
	for (size_t i = 0; i < w->n; i++) {
		struct wide_query *q = &w->query[i];
		if (is_gone(p, q))
			continue;
		top_sort(&q->top);
		p->queries[q->i].found = q->top.n;
	}
}

enum code wide_score(
	struct wide *w, struct pass *p, size_t scores, atomic_bool *cancelled, struct error *e)
{
	uint32_t rows = p->x->codes->rows, left = rows - w->next;
	size_t block = BLOCK_BYTES / p->x->rows->row_bytes + 1;
	size_t wanted = still_wanted(w, p), most = scores > wanted ? scores / wanted : 1;
	uint32_t end = w->next + (uint32_t)(most < left ? most : left);

	while (w->next < end) {
		if (check_cancelled(cancelled, e))
			return e->code;
		score_block(w, p, end - w->next < block ? end : w->next + (uint32_t)block);
	}
	if (end == rows)
		finish(w, p);
	return OK;
}

void wide_free(struct wide *w)
{
	free(w->query);
}
