#include "workers/mine/mining.h"

#include "proto/limits.h"

struct mining mining_of(const struct mine *mine, const Pb__MineNegativesRequest *recipe)
{
	return (struct mining){.recipe = recipe,
		.db = mine->db,
		.cancelled = mine->cancelled,
		.crew = mine->pool ? pool_crew(mine->pool) : (struct crew){0}};
}

enum code queries_check_count(size_t n, struct error *e)
{
	if (n > 0 && n <= LIMIT_QUERIES)
		return OK;
	if (n == 0)
		error_set(e, INVALID_ARGUMENT, "MISSING_FIELD", "Name at least one query.");
	else
		error_set(e, INVALID_ARGUMENT, "LIMIT_EXCEEDED",
			"A request may have %u queries, not %zu; send several, or mine the "
			"collection as a job.",
			LIMIT_QUERIES, n);
	return error_field(e, "queries");
}

enum code mining_read_queries(struct mining *m, Pb__MineQuery *const *brought, size_t n,
	struct arena *arena, struct error *e)
{
	struct query *queries = arena_array(arena, n, sizeof *queries);

	if (!queries)
		return error_memory(e);
	if (queries_resolve(m->db, &m->view, m->recipe, brought, n, arena, queries, e))
		return e->code;
	m->queries = queries;
	m->n_queries = n;
	return OK;
}
