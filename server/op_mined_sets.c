/* Mined sets: whole query sets mined by a job, kept, listed, streamed. */
#include "storage/rows/mined_sets.h"

#include "server/call.h"
#include "server/page.h"
#include "workers/mine/texts.h"

enum code op_mine_collection(struct call *c, const Pb__MineCollectionRequest *req, Pb__Job *res)
{
	return runner_mine(c->daemon->runner, req, &c->arena, res, &c->error);
}

enum code op_list_mined_sets(
	struct call *c, const Pb__ListMinedSetsRequest *req, Pb__ListMinedSetsResponse *res)
{
	struct collection row;
	size_t n, size = page_size(req->page_size);

	if (collection_get(c->daemon->db, req->collection, &row, &c->error) ||
		mined_set_list(c->daemon->db, &row, req->page_token, size + 1, &c->arena,
			&res->mined_sets, &n, &c->error))
		return c->error.code;
	res->n_mined_sets = n > size ? size : n;
	if (n > size)
		res->next_page_token = res->mined_sets[size - 1]->name;
	return OK;
}

enum code op_get_mined_set(struct call *c, const Pb__GetMinedSetRequest *req, Pb__MinedSet *res)
{
	struct collection row;

	if (collection_get(c->daemon->db, req->collection, &row, &c->error))
		return c->error.code;
	return mined_set_get(c->daemon->db, &row, req->name, &c->arena, res, &c->error);
}

enum code op_delete_mined_set(
	struct call *c, const Pb__DeleteMinedSetRequest *req, Pb__DeleteMinedSetResponse *res)
{
	struct collection row;

	(void)res;
	if (collection_get(c->daemon->db, req->collection, &row, &c->error))
		return c->error.code;
	return mined_set_delete(c->daemon->db, &row, req->name, &c->error);
}

enum { PAGE = 256, PAGE_MEMORY = 256 << 20 };

static enum code emit_page(struct call *c, const Pb__ReadMinedSetRequest *req,
	const struct collection *row, uint64_t first, size_t *found)
{
	struct arena arena;
	Pb__MineResult *results[PAGE];
	struct mine m = {c->daemon->db, c->daemon->catalog, c->daemon->pool, &c->cancelled};

	arena_init(&arena, PAGE_MEMORY);
	enum code rc = mined_set_page(
		c->daemon->db, row, req->name, first, PAGE, &arena, results, found, &c->error);
	if (rc == OK && req->include_text)
		rc = texts_put_stored(&m, req->collection, results, *found, &arena, &c->error);
	for (size_t i = 0; i < *found && rc == OK; i++)
		rc = call_emit(c, &results[i]->base);
	arena_free(&arena);
	return rc;
}

/* Only a complete set is read: what a job is still filling would look like a short one. */
enum code op_read_mined_set(
	struct call *c, const Pb__ReadMinedSetRequest *req, Pb__MineResult *last)
{
	struct collection row;
	Pb__MinedSet set = PB__MINED_SET__INIT;
	size_t found = 1;

	if (collection_get(c->daemon->db, req->collection, &row, &c->error) ||
		mined_set_get(c->daemon->db, &row, req->name, &c->arena, &set, &c->error))
		return c->error.code;
	if (!set.complete)
		return error_set(&c->error, FAILED_PRECONDITION, "MINED_SET_INCOMPLETE",
			"The set \"%s\" is not complete; wait for its job %s.", req->name,
			set.job_id);
	for (uint64_t first = 0; found > 0; first += found)
		if (emit_page(c, req, &row, first, &found))
			return c->error.code;
	last->summary = set.summary;
	return call_emit(c, &last->base);
}
