/* What this daemon is and what it takes. */
#include "proto/limits.h"
#include "server/call.h"

static const struct {
	const char *name, *unit;
	uint64_t value;
} limits[] = {
#define ROW(name, value, unit, of) {#name, unit, value},
	LIMITS(ROW)
#undef ROW
};
enum { N_LIMITS = sizeof limits / sizeof *limits };

static enum code list_limits(struct call *c, Pb__Info *res)
{
	Pb__Limit *made = arena_array(&c->arena, N_LIMITS, sizeof *made);

	res->limits = arena_array(&c->arena, N_LIMITS, sizeof *res->limits);
	if (!made || !res->limits)
		return error_memory(&c->error);
	for (size_t i = 0; i < N_LIMITS; i++) {
		pb__limit__init(&made[i]);
		made[i].name = limits[i].name;
		made[i].unit = limits[i].unit;
		made[i].has_value = 1;
		made[i].value = limits[i].value;
		res->limits[i] = &made[i];
	}
	res->n_limits = N_LIMITS;
	return OK;
}

static enum code list_strategies(struct call *c, Pb__Info *res)
{
	size_t n = 0;

	while (recipe_name(n))
		n++;
	res->strategies = arena_array(&c->arena, n, sizeof *res->strategies);
	if (!res->strategies)
		return error_memory(&c->error);
	for (size_t i = 0; i < n; i++)
		res->strategies[i] = recipe_name(i);
	res->n_strategies = n;
	return OK;
}

enum code op_get_info(struct call *c, const Pb__GetInfoRequest *req, Pb__Info *res)
{
	static const char *const engines[] = {"exact", "lists", "faiss", "bm25"};
	static const char *const encoders[] = {"lsa"};

	(void)req;
	res->version = HARDMINER_VERSION;
	res->engines = (const char **)engines;
	res->n_engines = sizeof engines / sizeof *engines;
	res->encoders = (const char **)encoders;
	res->n_encoders = sizeof encoders / sizeof *encoders;
	res->has_workers = res->has_started_at_ms = 1;
	res->workers = (uint32_t)pool_threads(c->daemon->pool, HEAVY);
	res->started_at_ms = c->daemon->started_at_ms;
	return list_strategies(c, res) ? c->error.code : list_limits(c, res);
}
