/*
 * What each query of a request is: what the collection knows of it, replaced by what the request
 * brings. The request's part is checked here, and what is wrong with it fails the request as a
 * whole, at "queries[i]...".
 */
#ifndef WORKERS_MINE_QUERY_H
#define WORKERS_MINE_QUERY_H

#include "hardminer/v1/miner.pb-c.h"
#include "proto/arena.h"
#include "storage/catalog.h"

enum { NO_QUERY = UINT32_MAX };

struct query {
	size_t index;	     /* in the request, for paths of errors */
	const char *id;	     /* "#0" for one without */
	const char *text;    /* or NULL */
	uint32_t number;     /* of the stored query, or NO_QUERY */
	uint32_t group;	     /* 0: none that a document has */
	uint32_t *positives; /* no document twice; in the caller's order, else by document id */
	size_t n_positives;
	struct hit *candidates; /* the caller's, in the caller's order; NaN without a score */
	size_t n_candidates;
	struct hit *scores; /* the caller's, of candidates and positives, by document number */
	size_t n_scores;
	const Pb__MineQuery *brought;
};

/* All of a request's queries, read at one moment; out has room for n. Strings live as long as
 * `brought`, the view and the arena. */
enum code queries_resolve(struct database *db, const struct view *view,
	const Pb__MineNegativesRequest *recipe, Pb__MineQuery *const *brought, size_t n,
	struct arena *arena, struct query *out, struct error *e);

/* Parts of the above, for one query; paths are relative to it. */
struct reading {
	const struct view *view;
	const Pb__MineNegativesRequest *recipe;
	struct arena *arena;
	struct error *e;
};
enum code query_read_positives(const struct reading *r, struct query *q);
enum code query_read_candidates(const struct reading *r, struct query *q);
enum code query_read_scores(const struct reading *r, struct query *q);
enum code query_check_vector(const struct reading *r, const struct query *q);

/* The query's vector: its own, else that of its own text where the daemon can encode, else the
 * generation's, else that of its stored text. FAILED_PRECONDITION/NO_QUERY_VECTOR is this query's
 * failure alone. `out` holds `dimension` floats. */
enum code query_vector(
	const struct query *q, const struct image *image, float *out, struct error *e);

#endif
