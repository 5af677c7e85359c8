/* A whole request: resolve, pin, read the queries, mine them round after round, and sum up. */
#include "workers/mine/parameters.h"
#include "workers/mine/pipeline.h"
#include "workers/mine/put.h"
#include "workers/mine/recipe.h"
#include "workers/mine/report.h"
#include "workers/mine/source.h"

struct run {
	struct mining m;
	mine_emit emit;
	void *arg;
	struct report report;
};

/* Pins what the request looks at, and says in the recipe which generation that is. */
static enum code pin(struct mining *m, const struct mine *mine, Pb__MineNegativesRequest *recipe,
	struct error *e)
{
	enum image_need need = recipe_needs_vector(recipe) ? IMAGE_NEEDED : IMAGE_IF_ANY;
	uint64_t generation = recipe->has_generation ? recipe->generation : 0;

	*m = mining_of(mine, recipe);
	if (catalog_view(
		    mine->catalog, recipe->collection, generation, need, m->cancelled, &m->view, e))
		return e->code;
	if (m->view.image)
		PUT(recipe, generation, m->view.image->generation);
	if (!parameters_check_image(m, e))
		return OK;
	view_release(&m->view);
	return e->code;
}

static enum code read_queries(
	struct mining *m, const Pb__MineNegativesRequest *req, struct arena *arena, struct error *e)
{
	if (mining_read_queries(m, req->queries, req->n_queries, arena, e))
		return e->code;
	if (!recipe_has_source(m->recipe, PB__SOURCE_KIND__SOURCE_KIND_IN_BATCH))
		return OK;
	return batch_positives(m->queries, m->n_queries, arena, &m->batch, &m->n_batch, e);
}

static enum code take(void *arg, const Pb__MineResult *result, struct error *e)
{
	struct run *run = arg;

	if (report_add(&run->report, result, e))
		return e->code;
	return run->emit(run->arg, result, e);
}

static enum code mine_round(void *arg, struct round *round, struct error *e)
{
	return pipeline_run(round, take, arg, e);
}

static size_t weight(const struct mining *m, const struct query *q)
{
	bool each = m->recipe->anchor == PB__ANCHOR__ANCHOR_EACH;

	return m->recipe->num_negatives * (each ? q->n_positives : 1) + q->n_positives;
}

/* Of explained answers, which are large, few are held at once. */
static enum code mine_all(struct run *run, struct pool *pool, struct error *e)
{
	struct rounds rounds = {.m = &run->m,
		.pool = pool,
		.most = run->m.recipe->explain ? PART_QUERIES : ROUND_QUERIES,
		.weight = weight,
		.work = mine_round,
		.arg = run};

	return rounds_run(&rounds, e);
}

static enum code put_generation(const struct image *image, const Pb__MineNegativesRequest *recipe,
	struct arena *arena, Pb__MineSummary *out, struct error *e)
{
	PUT(out, generation, image->generation);
	PUT(out, step, image->step);
	out->encoder = arena_strdup(arena, image->encoder);
	if (!out->encoder)
		return error_memory(e);
	return parameters_recall(recipe, &image->recall, arena, &out->recall, e);
}

static enum code summarize(struct run *run, Pb__MineNegativesRequest *recipe, struct arena *arena,
	Pb__MineSummary *out, struct error *e)
{
	Pb__MineSummary summary = PB__MINE_SUMMARY__INIT;

	if (run->m.view.image && put_generation(run->m.view.image, recipe, arena, &summary, e))
		return e->code;
	PUT(&summary, revision, run->m.view.collection.revision);
	summary.recipe = recipe;
	summary.version = HARDMINER_VERSION;
	if (report_finish(&run->report, arena, &summary, e))
		return e->code;
	*out = summary;
	return OK;
}

enum code mine_run(const struct mine *mine, const Pb__MineNegativesRequest *req, mine_emit emit,
	void *arg, struct arena *arena, Pb__MineSummary *summary, struct error *e)
{
	struct run run = {.emit = emit, .arg = arg};
	Pb__MineNegativesRequest *recipe;

	if (recipe_resolve(req, arena, &recipe, e) || queries_check_count(req->n_queries, e) ||
		pin(&run.m, mine, recipe, e))
		return e->code;
	report_init(&run.report, recipe);
	enum code rc = read_queries(&run.m, req, arena, e);
	if (rc == OK)
		rc = mine_all(&run, mine->pool, e);
	if (rc == OK)
		rc = summarize(&run, recipe, arena, summary, e);
	report_free(&run.report);
	view_release(&run.m.view);
	return rc;
}
