#include "workers/mine/query.h"

#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"
#include "storage/rows/queries.h"

static bool brings_anything(const Pb__MineQuery *b)
{
	return b->text || b->n_vector || b->has_vector_f32 || b->n_positives || b->n_candidates;
}

static enum code name_query(
	struct query *q, const Pb__MineQuery *b, struct arena *arena, struct error *e)
{
	q->brought = b;
	q->id = b->id ? b->id : arena_printf(arena, "#%zu", q->index);
	if (!q->id)
		return error_memory(e);
	if (*q->id && strlen(q->id) <= LIMIT_ID_BYTES && (b->id || brings_anything(b)))
		return OK;
	if (b->id)
		error_set(e, INVALID_ARGUMENT, "INVALID_ID", "An id has 1 to %u bytes.",
			LIMIT_ID_BYTES);
	else
		error_set(e, INVALID_ARGUMENT, "MISSING_FIELD",
			"A query names one of the collection's by id, or brings its own text, "
			"vector or positives.");
	return error_field(e, "queries[%zu].id", q->index);
}

static int by_id(const void *a, const void *b)
{
	const struct query *x = *(const struct query *const *)a;
	const struct query *y = *(const struct query *const *)b;
	int order = strcmp(x->id, y->id);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Names the first query of the request whose id has been there before. */
static enum code refuse_twins(
	const struct query *queries, size_t n, struct arena *arena, struct error *e)
{
	const struct query **sorted = arena_array(arena, n, sizeof *sorted), *twin = NULL;

	if (!sorted)
		return error_memory(e);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &queries[i];
	qsort(sorted, n, sizeof *sorted, by_id);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(sorted[i - 1]->id, sorted[i]->id) &&
			(!twin || sorted[i]->index < twin->index))
			twin = sorted[i];
	if (!twin)
		return OK;
	error_set(e, INVALID_ARGUMENT, "DUPLICATE_ID",
		"The id \"%s\" is in the request twice; a query is mined once.", twin->id);
	return error_field(e, "queries[%zu].id", twin->index);
}

/* The stored rows of the queries with an id of their own; rows[i].id stays NULL for the others. */
static enum code load_rows(struct database *db, int64_t collection, const struct query *queries,
	size_t n, struct arena *arena, struct query_row *rows, struct error *e)
{
	struct query_row *found = arena_array(arena, n, sizeof *found);
	const char **ids = arena_array(arena, n, sizeof *ids);
	size_t n_ids = 0;
	sqlite3 *reader;

	if (!found || !ids)
		return error_memory(e);
	for (size_t i = 0; i < n; i++)
		if (queries[i].brought->id)
			ids[n_ids++] = queries[i].id;
	if (n_ids == 0)
		return OK;
	if (database_read(db, &reader, e))
		return e->code;
	enum code rc = queries_load(reader, collection, ids, n_ids, arena, found, e);
	database_read_done(db, reader);
	for (size_t i = 0, j = 0; i < n && rc == OK; i++)
		if (queries[i].brought->id)
			rows[i] = found[j++];
	return rc;
}

/* The view may be older than the row: a positive added to the corpus in between is no document of
 * the corpus that is searched, and so no candidate either. */
static enum code take_row(struct query *q, const struct query_row *row, const struct reading *r)
{
	q->number = row->number;
	q->text = row->text;
	q->group = row->group ? corpus_group(r->view->corpus, row->group) : 0;
	q->positives = arena_array(r->arena, row->n_positives, sizeof *q->positives);
	if (!q->positives)
		return error_memory(r->e);
	for (size_t i = 0; i < row->n_positives; i++)
		if (row->positives[i].document < r->view->corpus->n)
			q->positives[q->n_positives++] = row->positives[i].document;
	return OK;
}

static enum code take_text(struct query *q, const struct reading *r)
{
	const Pb__MineQuery *b = q->brought;

	if (b->group)
		q->group = corpus_group(r->view->corpus, b->group);
	if (!b->text)
		return OK;
	if (strlen(b->text) > LIMIT_TEXT_BYTES) {
		error_set(r->e, INVALID_ARGUMENT, "LIMIT_EXCEEDED", "A text has at most %u bytes.",
			LIMIT_TEXT_BYTES);
		return error_field(r->e, "text");
	}
	q->text = b->text;
	return OK;
}

static enum code resolve_one(struct query *q, const struct query_row *row, const struct reading *r)
{
	q->number = NO_QUERY;
	if (!row->id && !brings_anything(q->brought)) {
		error_set(r->e, NOT_FOUND, "NO_SUCH_QUERY",
			"There is no query \"%s\" in the collection, and the request brings "
			"nothing of it.",
			q->id);
		return error_field(r->e, "id");
	}
	if (row->id && take_row(q, row, r))
		return r->e->code;
	if (take_text(q, r) || query_check_vector(r, q) || query_read_positives(r, q) ||
		query_read_candidates(r, q) || query_read_scores(r, q))
		return r->e->code;
	return OK;
}

enum code queries_resolve(struct database *db, const struct view *view,
	const Pb__MineNegativesRequest *recipe, Pb__MineQuery *const *brought, size_t n,
	struct arena *arena, struct query *out, struct error *e)
{
	const struct reading r = {view, recipe, arena, e};
	struct query_row *rows = arena_array(arena, n, sizeof *rows);

	if (!rows)
		return error_memory(e);
	for (size_t i = 0; i < n; i++) {
		out[i] = (struct query){.index = i};
		if (name_query(&out[i], brought[i], arena, e))
			return e->code;
	}
	if (refuse_twins(out, n, arena, e) ||
		load_rows(db, view->collection.id, out, n, arena, rows, e))
		return e->code;
	for (size_t i = 0; i < n; i++)
		if (resolve_one(&out[i], &rows[i], &r))
			return error_within(e, "queries[%zu]", i);
	return OK;
}
