/*
 * Mining: from a request to negatives, by the stages of DESIGN, in this order. Each is a file:
 *
 *   recipe      strategy strings and presets -> every field filled in
 *   query       what each query is: text, vector, positives, exclusions
 *   source      candidates: dense, bm25, in_batch, random, given; merge makes one list of them
 *   identity    the query's positives by id and content, its own text, groups
 *   score       one score for candidates and positives alike
 *   filter      thresholds and margins
 *   window      range_min .. range_max
 *   sample      num_negatives out of what is left
 *   shortfall   deepen, then partial, drop, fill or fail
 *   report      counts, statistics, risk
 *
 * A query's answer depends on the request, the generation, the revision and the query alone: not on
 * the other queries (in_batch excepted), their order, the slicing or the threads.
 */
#ifndef WORKERS_MINE_MINE_H
#define WORKERS_MINE_MINE_H

#include "hardminer/v1/miner.pb-c.h"
#include "proto/arena.h"
#include "storage/catalog.h"
#include "workers/pool.h"

struct mine {
	struct database *db;
	struct catalog *catalog;
	struct pool *pool;	/* NULL: on the calling thread alone */
	atomic_bool *cancelled; /* NULL: cannot be */
};

/* Takes results in the order of the request's queries (with anchor = each, of their positives).
 * What it returns but OK ends the run. The result lives until it returns: pack it or copy it. */
typedef enum code (*mine_emit)(void *arg, const Pb__MineResult *result, struct error *e);

/* The summary and its strings live in `arena`. Fails as a whole for a bad request (path of the
 * field) or a missing collection or generation; a query that cannot be served is emitted with an
 * error of its own. */
enum code mine_run(const struct mine *m, const Pb__MineNegativesRequest *req, mine_emit emit,
	void *arg, struct arena *arena, Pb__MineSummary *summary, struct error *e);

/* Search is mining's first stage alone. */
enum code search_run(const struct mine *m, const Pb__SearchRequest *req, struct arena *arena,
	Pb__SearchResponse *out, struct error *e);

/* Fills in strategy and defaults: what the answer echoes. INVALID_ARGUMENT at the field. */
enum code recipe_resolve(const Pb__MineNegativesRequest *req, struct arena *arena,
	Pb__MineNegativesRequest **out, struct error *e);
/* The i-th name among all strategies and presets; NULL past the last. */
const char *recipe_name(size_t i);

#endif
