/* Collections and what is in them: documents, queries, positives. */
#include <string.h>

#include "proto/limits.h"
#include "server/call.h"
#include "server/page.h"
#include "storage/rows/queries.h"

/* The collection row as the schema's message; the name's memory is the request's. */
static enum code describe(struct call *c, const struct collection *row, Pb__Collection *out)
{
	out->collection = arena_strdup(&c->arena, row->name);
	if (!out->collection)
		return error_memory(&c->error);
	out->has_created_at_ms = out->has_documents = out->has_queries = 1;
	out->has_positives = out->has_revision = 1;
	out->created_at_ms = row->created_at_ms;
	out->documents = row->documents;
	out->queries = row->queries;
	out->positives = row->positives;
	out->revision = row->revision;
	out->has_generation = row->generation != 0;
	out->generation = row->generation;
	return OK;
}

enum code op_create_collection(
	struct call *c, const Pb__CreateCollectionRequest *req, Pb__Collection *res)
{
	struct collection row;

	if (collection_create(c->daemon->db, req->collection, &row, &c->error))
		return c->error.code;
	return describe(c, &row, res);
}

enum code op_get_collection(
	struct call *c, const Pb__GetCollectionRequest *req, Pb__Collection *res)
{
	struct collection row;

	if (collection_get(c->daemon->db, req->collection, &row, &c->error))
		return c->error.code;
	return describe(c, &row, res);
}

enum code op_delete_collection(
	struct call *c, const Pb__DeleteCollectionRequest *req, Pb__DeleteCollectionResponse *res)
{
	(void)res;
	return catalog_delete(c->daemon->catalog, req->collection, &c->error);
}

enum code op_list_collections(
	struct call *c, const Pb__ListCollectionsRequest *req, Pb__ListCollectionsResponse *res)
{
	struct collection *rows;
	size_t n, size = page_size(req->page_size);

	if (collection_list(
		    c->daemon->db, req->page_token, size + 1, &c->arena, &rows, &n, &c->error))
		return c->error.code;
	size_t shown = n > size ? size : n;
	res->collections = arena_array(&c->arena, shown, sizeof *res->collections);
	Pb__Collection *made = arena_array(&c->arena, shown, sizeof *made);
	if (!res->collections || !made)
		return error_memory(&c->error);
	for (size_t i = 0; i < shown; i++) {
		pb__collection__init(&made[i]);
		if (describe(c, &rows[i], &made[i]))
			return c->error.code;
		res->collections[i] = &made[i];
	}
	res->n_collections = shown;
	if (n > shown)
		res->next_page_token = made[shown - 1].collection;
	return OK;
}

/* Counts add up over the messages of a stream; the revision is the latest. */
static void add_counts(const struct upsert_counts *counts, Pb__UpsertResponse *res)
{
	res->has_created = res->has_updated = res->has_unchanged = res->has_revision = 1;
	res->created += counts->created;
	res->updated += counts->updated;
	res->unchanged += counts->unchanged;
	res->revision = counts->revision;
}

static enum code check_items(size_t n, const char *field, struct error *e)
{
	if (n == 0) {
		error_set(e, INVALID_ARGUMENT, "MISSING_FIELD", "Give at least one of %s.", field);
		return error_field(e, "%s", field);
	}
	if (n > LIMIT_ITEMS) {
		error_set(e, INVALID_ARGUMENT, "LIMIT_EXCEEDED",
			"A request may carry at most %d of %s, this one has %zu; send several "
			"requests.",
			LIMIT_ITEMS, field, n);
		return error_field(e, "%s", field);
	}
	return OK;
}

enum code op_upsert_documents(
	struct call *c, const Pb__UpsertDocumentsRequest *req, Pb__UpsertResponse *res)
{
	struct collection row;
	struct upsert_counts counts;

	if (check_items(req->n_documents, "documents", &c->error) ||
		collection_get(c->daemon->db, req->collection, &row, &c->error) ||
		documents_upsert(c->daemon->db, row.id, req->documents, req->n_documents, &counts,
			&c->error))
		return c->error.code;
	add_counts(&counts, res);
	return OK;
}

enum code op_upsert_queries(
	struct call *c, const Pb__UpsertQueriesRequest *req, Pb__UpsertResponse *res)
{
	struct collection row;
	struct upsert_counts counts;

	if (check_items(req->n_queries, "queries", &c->error) ||
		collection_get(c->daemon->db, req->collection, &row, &c->error) ||
		queries_upsert(
			c->daemon->db, row.id, req->queries, req->n_queries, &counts, &c->error))
		return c->error.code;
	add_counts(&counts, res);
	return OK;
}

enum code op_upsert_positives(
	struct call *c, const Pb__UpsertPositivesRequest *req, Pb__UpsertResponse *res)
{
	struct collection row;
	struct upsert_counts counts;

	if (check_items(req->n_positives, "positives", &c->error) ||
		collection_get(c->daemon->db, req->collection, &row, &c->error) ||
		positives_upsert(c->daemon->db, row.id, req->positives, req->n_positives, &counts,
			&c->error))
		return c->error.code;
	add_counts(&counts, res);
	return OK;
}

enum code op_get_document(struct call *c, const Pb__GetDocumentRequest *req, Pb__Document *res)
{
	struct collection row;

	if (collection_get(c->daemon->db, req->collection, &row, &c->error))
		return c->error.code;
	return document_get(c->daemon->db, row.id, req->id, &c->arena, res, &c->error);
}
