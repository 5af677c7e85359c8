#include "tests/workers/mine/world.h"

#include <string.h>

#include "proto/copy.h"
#include "storage/rows/queries.h"

static struct error err;

void world_open(struct world *w)
{
	static const struct catalog_options options = {.keep = 2};
	const char *dir = temporary_make();
	struct collection collection;

	*w = (struct world){0};
	arena_init(&w->arena, 512 << 20);
	ck_ok(database_open(dir, &w->db, &err), &err);
	ck_ok(catalog_open(w->db, dir, &options, &w->catalog, &err), &err);
	ck_ok(collection_create(w->db, "world", &collection, &err), &err);
	w->mine = (struct mine){.db = w->db, .catalog = w->catalog};
}

void world_close(struct world *w)
{
	catalog_close(w->catalog);
	database_close(w->db);
	arena_free(&w->arena);
	temporary_remove();
}

static int64_t collection_id(struct world *w)
{
	struct collection c;

	ck_ok(collection_get(w->db, "world", &c, &err), &err);
	return c.id;
}

void world_documents(struct world *w, const struct seed_document *documents, size_t n)
{
	Pb__Document **all = arena_array(&w->arena, n, sizeof *all);
	struct upsert_counts counts;

	for (size_t i = 0; i < n; i++) {
		all[i] = arena_alloc(&w->arena, sizeof **all);
		pb__document__init(all[i]);
		all[i]->id = documents[i].id;
		all[i]->title = documents[i].title;
		all[i]->text = documents[i].text;
		all[i]->group = documents[i].group;
	}
	ck_ok(documents_upsert(w->db, collection_id(w), all, n, &counts, &err), &err);
}

void world_query(struct world *w, const char *id, const char *text, const char *group)
{
	Pb__Query query = PB__QUERY__INIT, *queries[] = {&query};
	struct upsert_counts counts;

	query.id = id;
	query.text = text;
	query.group = group;
	ck_ok(queries_upsert(w->db, collection_id(w), queries, 1, &counts, &err), &err);
}

void world_positive(struct world *w, const char *query, const char *document)
{
	Pb__Positive positive = PB__POSITIVE__INIT, *positives[] = {&positive};
	struct upsert_counts counts;

	positive.query_id = query;
	positive.document_id = document;
	ck_ok(positives_upsert(w->db, collection_id(w), positives, 1, &counts, &err), &err);
}

void world_begin(struct world *w, uint32_t dimension, Pb__Similarity similarity)
{
	world_begin_index(w, dimension, similarity, "exact");
}

void world_begin_index(
	struct world *w, uint32_t dimension, Pb__Similarity similarity, const char *index)
{
	Pb__BeginGenerationRequest req = PB__BEGIN_GENERATION_REQUEST__INIT;
	Pb__Generation generation;

	req.collection = "world";
	req.encoder = "by-hand";
	req.has_dimension = req.has_similarity = true;
	req.dimension = dimension;
	req.similarity = similarity;
	req.index = (char *)index;
	ck_ok(catalog_begin(w->catalog, &req, &w->arena, &generation, &err), &err);
	w->generation = generation.generation;
}

void world_vectors(struct world *w, Pb__Side of, const char *const *ids, size_t n,
	const float *rows, uint32_t dimension)
{
	Pb__UpsertVectorsRequest req = PB__UPSERT_VECTORS_REQUEST__INIT;
	uint64_t upserted;

	req.collection = "world";
	req.has_generation = req.has_of = req.has_data = true;
	req.generation = w->generation;
	req.of = of;
	req.n_ids = n;
	req.ids = arena_copy(&w->arena, ids, n * sizeof *ids);
	req.data.len = n * dimension * sizeof *rows;
	req.data.data = arena_copy(&w->arena, rows, req.data.len);
	ck_ok(catalog_upsert_vectors(w->catalog, &req, NULL, &upserted, &err), &err);
}

void world_publish(struct world *w)
{
	Pb__Generation generation;
	uint64_t without;

	ck_ok(catalog_publish(w->catalog, "world", w->generation, false, NULL, &w->arena,
		      &generation, &without, &err),
		&err);
}

enum { MOST_RESULTS = 20000 };

static enum code keep(void *arg, const Pb__MineResult *result, struct error *e)
{
	struct mined *m = arg;

	ck_assert_uint_lt(m->n, MOST_RESULTS);
	m->results[m->n] = (Pb__MineResult *)message_copy(&result->base, m->arena);
	if (!m->results[m->n])
		return error_memory(e);
	m->n++;
	return OK;
}

enum code world_mine(
	struct world *w, Pb__MineNegativesRequest *req, struct mined *out, struct error *e)
{
	*out = (struct mined){.arena = &w->arena};
	out->results = arena_array(&w->arena, MOST_RESULTS, sizeof *out->results);
	if (!out->results)
		return error_memory(e);
	req->collection = "world";
	return mine_run(&w->mine, req, keep, out, &w->arena, &out->summary, e);
}

const char *world_negatives(struct world *w, const Pb__MineResult *r)
{
	const char *all = "";

	for (size_t i = 0; i < r->n_negatives; i++)
		all = arena_printf(
			&w->arena, "%s%s%s", all, *all ? " " : "", r->negatives[i]->document_id);
	return all;
}

const uint8_t *world_pack(struct world *w, const ProtobufCMessage *m, size_t *len)
{
	uint8_t *bytes = arena_alloc(&w->arena, protobuf_c_message_get_packed_size(m));

	*len = protobuf_c_message_pack(m, bytes);
	return bytes;
}
