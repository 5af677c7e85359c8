/* Search and mining: each answers from one view of the collection. */
#include "server/call.h"

#include "workers/mine/kept.h"

static struct mine mine_of(struct call *c)
{
	return (struct mine){c->daemon->db, c->daemon->catalog, c->daemon->pool, &c->cancelled};
}

enum code op_search(struct call *c, const Pb__SearchRequest *req, Pb__SearchResponse *res)
{
	struct mine m = mine_of(c);

	return search_run(&m, req, &c->arena, res, &c->error);
}

enum code op_mine_negatives(
	struct call *c, const Pb__MineNegativesRequest *req, Pb__MineNegativesResponse *res)
{
	struct mine m = mine_of(c);
	struct kept kept = {.arena = &c->arena};
	Pb__MineSummary *summary = arena_alloc(&c->arena, sizeof *summary);

	if (!summary)
		return error_memory(&c->error);
	pb__mine_summary__init(summary);
	if (mine_run(&m, req, kept_add, &kept, &c->arena, summary, &c->error))
		return c->error.code;
	res->has_generation = summary->has_generation;
	res->generation = summary->generation;
	res->results = kept.results;
	res->n_results = kept.n;
	res->summary = summary;
	return OK;
}

static enum code stream(void *arg, const Pb__MineResult *result, struct error *e)
{
	struct call *c = arg;

	if (call_emit(c, &result->base)) {
		*e = c->error;
		return e->code;
	}
	return OK;
}

/* The last message of a stream carries the summary alone: a reader that missed it was cut off. */
static enum code end_with_summary(struct call *c, Pb__MineSummary *summary)
{
	Pb__MineResult last;

	pb__mine_result__init(&last);
	last.summary = summary;
	return call_emit(c, &last.base);
}

enum code op_mine_negatives_stream(
	struct call *c, const Pb__MineNegativesRequest *req, Pb__MineResult *res)
{
	struct mine m = mine_of(c);
	Pb__MineSummary summary;

	(void)res;
	pb__mine_summary__init(&summary);
	if (mine_run(&m, req, stream, c, &c->arena, &summary, &c->error))
		return c->error.code;
	return end_with_summary(c, &summary);
}
