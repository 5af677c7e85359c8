/* Generations: vectors in, published, encoded. */
#include "server/call.h"
#include "server/page.h"
#include "storage/rows/generations.h"

enum code op_begin_generation(
	struct call *c, const Pb__BeginGenerationRequest *req, Pb__Generation *res)
{
	return catalog_begin(c->daemon->catalog, req, &c->arena, res, &c->error);
}

enum code op_upsert_vectors(
	struct call *c, const Pb__UpsertVectorsRequest *req, Pb__UpsertVectorsResponse *res)
{
	uint64_t upserted;

	if (catalog_upsert_vectors(c->daemon->catalog, req, &c->cancelled, &upserted, &c->error))
		return c->error.code;
	res->has_upserted = 1;
	res->upserted += upserted; /* over the messages of a stream */
	return OK;
}

enum code op_publish_generation(
	struct call *c, const Pb__PublishGenerationRequest *req, Pb__PublishGenerationResponse *res)
{
	struct crew crew = pool_crew(c->daemon->pool);
	struct progress progress = {.cancelled = &c->cancelled, .crew = &crew};
	Pb__Generation *generation = arena_alloc(&c->arena, sizeof *generation);
	Pb__Job *job = arena_alloc(&c->arena, sizeof *job);
	uint64_t without;

	if (!generation || !job)
		return error_memory(&c->error);
	if (req->background) {
		pb__job__init(job);
		if (runner_publish(c->daemon->runner, req, &c->arena, job, &c->error))
			return c->error.code;
		res->job = job;
		return OK;
	}
	pb__generation__init(generation);
	if (catalog_publish(c->daemon->catalog, req->collection, req->generation, true, &progress,
		    &c->arena, generation, &without, &c->error))
		return c->error.code;
	res->generation = generation;
	res->has_documents_without_vector = 1;
	res->documents_without_vector = without;
	return OK;
}

enum code op_list_generations(
	struct call *c, const Pb__ListGenerationsRequest *req, Pb__ListGenerationsResponse *res)
{
	struct collection row;
	uint64_t before;
	size_t n, size = page_size(req->page_size);

	if (page_number(req->page_token, &before, &c->error) ||
		collection_get(c->daemon->db, req->collection, &row, &c->error) ||
		generation_list(c->daemon->db, &row, before, size + 1, &c->arena, &res->generations,
			&n, &c->error))
		return c->error.code;
	res->n_generations = n > size ? size : n;
	if (n <= size)
		return OK;
	res->next_page_token = arena_printf(
		&c->arena, "%llu", (unsigned long long)res->generations[size - 1]->generation);
	return res->next_page_token ? OK : error_memory(&c->error);
}

enum code op_encode_collection(struct call *c, const Pb__EncodeCollectionRequest *req, Pb__Job *res)
{
	return runner_encode(c->daemon->runner, req, &c->arena, res, &c->error);
}
