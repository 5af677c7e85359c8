#include "storage/catalog_private.h"

#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/rows/queries.h"
#include "storage/vectors/upload.h"

/* One request on its way into the log. */
struct upserting {
	struct catalog *catalog;
	struct entry *entry;
	const struct collection *row;
	const Pb__UpsertVectorsRequest *req;
	atomic_bool *cancelled; /* or NULL */
	uint32_t *numbers;	/* one an id */
};

enum { UNKNOWN_NUMBER = UINT32_MAX };

static enum code check_request(const Pb__UpsertVectorsRequest *req, struct error *e)
{
	if (!req->has_generation) {
		error_set(e, INVALID_ARGUMENT, "MISSING_FIELD",
			"Say which open generation the vectors are for.");
		return error_field(e, "generation");
	}
	if (req->n_ids == 0) {
		error_set(e, INVALID_ARGUMENT, "MISSING_FIELD", "Give an id for each vector.");
		return error_field(e, "ids");
	}
	if (req->n_ids > LIMIT_ITEMS) {
		error_set(e, INVALID_ARGUMENT, "LIMIT_EXCEEDED",
			"There are %zu vectors in one request; the limit is %d.", req->n_ids,
			LIMIT_ITEMS);
		return error_field(e, "ids");
	}
	return OK;
}

static enum code unknown_id(const struct upserting *u, size_t i, struct error *e)
{
	bool query = u->req->of == PB__SIDE__SIDE_QUERY;

	error_set(e, NOT_FOUND, query ? "NO_SUCH_QUERY" : "NO_SUCH_DOCUMENT",
		"The collection has no %s \"%s\".", query ? "query" : "document", u->req->ids[i]);
	return error_field(e, "ids[%zu]", i);
}

/* How many ids this corpus does not know. */
static size_t look_up(const struct upserting *u, const struct corpus *corpus)
{
	size_t unknown = 0;

	for (size_t i = 0; i < u->req->n_ids; i++) {
		u->numbers[i] = corpus_find(corpus, u->req->ids[i]);
		unknown += u->numbers[i] == NO_DOCUMENT;
	}
	return unknown;
}

/* Documents never go and keep their numbers, so any corpus will do that knows them all; only when
 * the one at hand does not, a newer one is made. */
static enum code number_documents(struct upserting *u, struct error *e)
{
	struct corpus *corpus = entry_any_corpus(u->entry);
	size_t unknown = corpus ? look_up(u, corpus) : 1;

	corpus_release(corpus);
	if (!unknown)
		return OK;
	if (entry_corpus(u->catalog, u->entry, u->row, u->cancelled, &corpus, e))
		return e->code;
	unknown = look_up(u, corpus);
	corpus_release(corpus);
	return OK;
}

static enum code number_queries(struct upserting *u, struct error *e)
{
	struct arena arena;
	sqlite3 *reader;
	enum code rc;

	arena_init(&arena, LIMIT_REQUEST_MEMORY);
	struct query_row *rows = arena_array(&arena, u->req->n_ids, sizeof *rows);
	rc = rows ? database_read(u->catalog->db, &reader, e) : error_memory(e);
	if (!rc) {
		rc = queries_load(reader, u->row->id, (const char *const *)u->req->ids,
			u->req->n_ids, &arena, rows, e);
		database_read_done(u->catalog->db, reader);
	}
	for (size_t i = 0; !rc && i < u->req->n_ids; i++)
		u->numbers[i] = rows[i].id ? rows[i].number : (uint32_t)UNKNOWN_NUMBER;
	arena_free(&arena);
	return rc;
}

struct numbered {
	uint32_t number, index;
};

static int by_number(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static enum code check_twice(const struct upserting *u, struct error *e)
{
	size_t n = u->req->n_ids;
	struct numbered *sorted = FAULT() ? NULL : malloc(n * sizeof *sorted);
	enum code rc = OK;

	if (!sorted)
		return error_memory(e);
	for (size_t i = 0; i < n; i++)
		sorted[i] = (struct numbered){u->numbers[i], (uint32_t)i};
	qsort(sorted, n, sizeof *sorted, by_number);
	for (size_t i = 1; !rc && i < n; i++)
		if (sorted[i].number == sorted[i - 1].number) {
			uint32_t at = sorted[i].index;
			error_set(e, INVALID_ARGUMENT, "DUPLICATE_ID",
				"The id \"%s\" is twice in the request.", u->req->ids[at]);
			rc = error_field(e, "ids[%u]", at);
		}
	free(sorted);
	return rc;
}

static enum code number_ids(struct upserting *u, struct error *e)
{
	bool queries = u->req->of == PB__SIDE__SIDE_QUERY;

	if (queries ? number_queries(u, e) : number_documents(u, e))
		return e->code;
	for (size_t i = 0; i < u->req->n_ids; i++)
		if (u->numbers[i] == UNKNOWN_NUMBER)
			return unknown_id(u, i, e);
	return check_twice(u, e);
}

static enum code append(struct upserting *u, struct stage *stage, const struct vectors_about *to,
	uint64_t *upserted, struct error *e)
{
	struct upload upload;

	if (upload_read(u->req, to, &upload, e))
		return e->code;
	enum code rc = number_ids(u, e);
	if (!rc)
		rc = stage_append(stage, u->req->of, u->numbers, upload.rows, upload.n, e);
	if (!rc)
		*upserted = upload.n;
	upload_free(&upload);
	return rc;
}

static enum code upsert(struct upserting *u, uint64_t *upserted, struct error *e)
{
	struct staging *staging;
	struct arena arena;
	Pb__Generation g;

	arena_init(&arena, 1 << 20);
	enum code rc = staging_use(
		u->catalog, u->entry, u->row, u->req->generation, &arena, &g, &staging, e);
	if (!rc) {
		struct vectors_about to = about_vectors(&g);
		rc = append(u, staging->stage, &to, upserted, e);
		staging_done(u->entry, staging);
	}
	arena_free(&arena);
	return rc;
}

enum code catalog_upsert_vectors(struct catalog *c, const Pb__UpsertVectorsRequest *req,
	atomic_bool *cancelled, uint64_t *upserted, struct error *e)
{
	struct collection row;
	struct upserting u = {.catalog = c, .row = &row, .req = req, .cancelled = cancelled};

	if (check_request(req, e) || collection_get(c->db, req->collection, &row, e) ||
		entry_use(c, row.id, &u.entry, e))
		return e->code;
	u.numbers = FAULT() ? NULL : malloc(req->n_ids * sizeof *u.numbers);
	enum code rc = u.numbers ? upsert(&u, upserted, e) : error_memory(e);
	free(u.numbers);
	entry_done(c, u.entry);
	return rc;
}
