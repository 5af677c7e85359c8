/*
 * The job that mines a whole query set. It pages through the collection's queries by number; each
 * page is one mining request, and its results are stored in the same transaction as the checkpoint
 * that says where to go on. So a job that was killed neither repeats a query nor leaves one out,
 * and since a query's answer does not depend on its neighbours, the set is the one that an
 * undisturbed run makes. (The source in_batch looks at the page: which queries share one is fixed.)
 *
 * The generation is chosen once, by the first page, and stands in the checkpoint. Queries without a
 * positive are no training data and are passed over.
 */
#include <string.h>

#include "storage/rows/generations.h"
#include "storage/rows/mined_sets.h"
#include "storage/rows/queries.h"
#include "workers/jobs/work.h"
#include "workers/mine/kept.h"
#include "workers/mine/parameters.h"
#include "workers/mine/report.h"
#include "workers/mine/rounds.h"
#include "workers/mine/source.h"

/* Queries of a page: as many as mining searches for at once, where their answers are small. */
enum { PAGE = ROUND_QUERIES, LARGE_PAGE = 256, MANY_NEGATIVES = 64, MEMORY = 512 << 20 };

struct checkpoint {
	uint64_t query;	     /* the next one's number */
	uint64_t results;    /* stored so far */
	uint64_t generation; /* 0: the recipe needs none */
};

struct set {
	const struct work *work;
	const Pb__MineCollectionRequest *req;
	struct collection collection;
	struct checkpoint at;
	uint64_t total; /* queries of the collection */
	size_t page;
};

/* Of in_batch it is the same whatever the number of negatives: who shares a page decides the answer. */
static size_t page_size(const Pb__MineNegativesRequest *recipe)
{
	bool large = recipe->explain || recipe->include_text ||
		     recipe->anchor == PB__ANCHOR__ANCHOR_EACH ||
		     recipe->num_negatives > MANY_NEGATIVES ||
		     recipe_has_source(recipe, PB__SOURCE_KIND__SOURCE_KIND_IN_BATCH);

	return large ? LARGE_PAGE : PAGE;
}

/* The next queries by number, as the queries of a request; those with positives only. `found` is
 * how many there were in all. */
static enum code read_page(const struct set *s, struct arena *arena,
	Pb__MineNegativesRequest *request, size_t *found, struct error *e)
{
	struct query_row *rows = arena_array(arena, s->page, sizeof *rows);
	Pb__MineQuery *queries = arena_array(arena, s->page, sizeof *queries);
	sqlite3 *reader;

	request->queries = arena_array(arena, s->page, sizeof *request->queries);
	if (!rows || !queries || !request->queries)
		return error_memory(e);
	if (database_read(s->work->mine.db, &reader, e))
		return e->code;
	enum code rc = queries_page(
		reader, s->collection.id, (uint32_t)s->at.query, s->page, arena, rows, found, e);
	database_read_done(s->work->mine.db, reader);
	if (rc)
		return rc;
	request->n_queries = 0;
	for (size_t i = 0; i < *found; i++) {
		if (rows[i].n_positives == 0)
			continue;
		Pb__MineQuery *q = &queries[request->n_queries];
		pb__mine_query__init(q);
		q->id = rows[i].id;
		request->queries[request->n_queries++] = q;
	}
	return OK;
}

static enum code mine_page(struct set *s, struct arena *arena, Pb__MineNegativesRequest *request,
	struct kept *page, struct error *e)
{
	Pb__MineSummary summary = PB__MINE_SUMMARY__INIT;

	if (request->n_queries == 0)
		return OK;
	request->collection = s->req->collection;
	if (s->at.generation) {
		request->has_generation = 1;
		request->generation = s->at.generation;
	}
	if (mine_run(&s->work->mine, request, kept_add, page, arena, &summary, e))
		return e->code;
	if (summary.has_generation)
		s->at.generation = summary.generation;
	return OK;
}

/* One page: read, mine, store together with where to go on. */
static enum code do_page(struct set *s, struct arena *arena, size_t *found, struct error *e)
{
	Pb__MineNegativesRequest request = *s->req->mine;
	struct kept page = {.arena = arena};

	if (read_page(s, arena, &request, found, e) || *found == 0 ||
		mine_page(s, arena, &request, &page, e))
		return e->code;
	uint64_t first = s->at.results;
	s->at.query += *found;
	s->at.results += page.n;
	ProtobufCBinaryData checkpoint = {sizeof s->at, (uint8_t *)&s->at};
	return mined_set_append(s->work->mine.db, &s->collection, s->req->name, first, page.results,
		page.n, s->work->job->job.id, &checkpoint, s->at.query, s->total, e);
}

static enum code do_pages(struct set *s, struct error *e)
{
	const struct progress *p = s->work->progress;
	size_t found = 1;

	while (found > 0) {
		struct arena arena;
		arena_init(&arena, MEMORY);
		e->code = OK;
		enum code rc = do_page(s, &arena, &found, e);
		arena_free(&arena);
		if (rc)
			return rc;
		p->report(p->arg, "mining", s->at.query, s->total, "queries");
	}
	return OK;
}

/* The summary of all results, the ones from before a restart too: from the stored set. */
static enum code add_up(const struct set *s, struct report *report, struct error *e)
{
	size_t found = 1;

	for (uint64_t first = 0; found > 0; first += found) {
		struct arena arena;
		Pb__MineResult *results[LARGE_PAGE];
		arena_init(&arena, MEMORY);
		enum code rc = mined_set_page(s->work->mine.db, &s->collection, s->req->name, first,
			LARGE_PAGE, &arena, results, &found, e);
		for (size_t i = 0; i < found && rc == OK; i++)
			rc = report_add(report, results[i], e);
		arena_free(&arena);
		if (rc)
			return rc;
	}
	return OK;
}

static enum code describe_generation(
	const struct set *s, Pb__MineSummary *summary, struct arena *arena, struct error *e)
{
	Pb__Generation *g = arena_alloc(arena, sizeof *g);

	if (!g)
		return error_memory(e);
	if (s->at.generation == 0)
		return OK;
	pb__generation__init(g);
	if (generation_get(s->work->mine.db, &s->collection, s->at.generation, arena, g, e))
		return e->code;
	summary->has_generation = summary->has_step = 1;
	summary->generation = s->at.generation;
	summary->encoder = g->encoder;
	summary->step = g->step;
	return parameters_recall(summary->recipe, g->recall, arena, &summary->recall, e);
}

static enum code complete(const struct set *s, struct error *e)
{
	struct arena *arena = s->work->arena;
	Pb__MineSummary summary = PB__MINE_SUMMARY__INIT;
	struct report report;

	if (recipe_resolve(s->req->mine, arena, &summary.recipe, e) ||
		describe_generation(s, &summary, arena, e))
		return e->code;
	summary.recipe->collection = s->req->collection;
	if (s->at.generation) {
		summary.recipe->has_generation = 1;
		summary.recipe->generation = s->at.generation;
	}
	summary.has_revision = 1;
	summary.revision = s->collection.revision;
	summary.version = HARDMINER_VERSION;
	report_init(&report, summary.recipe);
	enum code rc = add_up(s, &report, e);
	if (rc == OK)
		rc = report_finish(&report, arena, &summary, e);
	report_free(&report);
	if (rc == OK)
		rc = mined_set_complete(s->work->mine.db, &s->collection, s->req->name,
			s->work->job->job.id, &summary, e);
	return rc;
}

static enum code mine(const struct work *w, const char **result, struct error *e)
{
	struct set s = {.work = w, .req = (const Pb__MineCollectionRequest *)w->request};
	Pb__MineNegativesRequest *recipe;

	if (recipe_resolve(s.req->mine, w->arena, &recipe, e))
		return e->code;
	s.page = page_size(recipe);
	if (collection_get(w->mine.db, s.req->collection, &s.collection, e))
		return e->code;
	s.total = s.collection.queries;
	if (w->job->checkpoint.len == sizeof s.at)
		memcpy(&s.at, w->job->checkpoint.data, sizeof s.at);
	if (do_pages(&s, e) || complete(&s, e))
		return e->code;
	*result = s.req->name;
	return OK;
}

const struct job_kind job_mine = {"mine", &pb__mine_collection_request__descriptor, mine};
