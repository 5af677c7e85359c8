/*
 * Who proposes candidates. A source is a row of the table in source.c and a file source_*.c with
 * one function: given a batch of queries, a list for each, best first.
 *
 * A list must not depend on the other queries of the batch (in_batch, which is about them, looks at
 * the whole request), and asking deeper must only add to its end.
 */
#ifndef WORKERS_MINE_SOURCE_H
#define WORKERS_MINE_SOURCE_H

#include <stdbool.h>

#include "workers/mine/candidate.h"
#include "workers/mine/mining.h"

/* What a source is asked about one query. */
struct ask {
	const struct query *query;
	const float *vector;	  /* where the recipe needs one */
	struct bm25_query *terms; /* likewise; ask_end frees them */
	uint32_t depth;		  /* candidates wanted of sources that could give without end */
	/* The source dense is to leave out what follows `before` down to this score, and to count it: that
	 * and what is listed are `most` then, at most. INFINITY: nothing is left out. Where dense_continues
	 * alone. */
	double below;
	uint32_t most;
	/* N_SOURCES lists from asking this query less deeply, for sources that can continue where
	 * they ended (sources_keep); NULL: none. */
	const struct found *before;
};

/* Fills in the vector and terms that the recipe needs. FAILED_PRECONDITION when the query has none:
 * its failure alone. */
enum code ask_begin(struct ask *ask, const struct mining *m, const struct query *q,
	struct arena *arena, struct error *e);
void ask_end(struct ask *ask); /* also of one that is all zero */

/* What it answers: a hit's score is the source's own, NaN where it has none. */
struct found {
	struct hit *hits;
	size_t n;
	bool more; /* asked deeper it would give more */
	/* Where some are left out, `unlisted` of them, the rank of each hit among all; else NULL, and they
	 * are 0, 1, ... */
	uint32_t *ranks;
	uint32_t unlisted;
};

static inline uint32_t found_rank(const struct found *f, size_t i)
{
	return f->ranks ? f->ranks[i] : (uint32_t)i;
}

/* A source is asked for all queries at once, which share its work, and has threads of its own for them;
 * or it looks at each by itself, on the calling thread. */
enum company { TOGETHER, APART };

/* Fills found[kind] of each of the n queries for every source of the recipe that is asked so; lists live
 * in the arena; the others it leaves as they are. */
enum code sources_ask(const struct mining *m, enum company company, const struct ask *asks,
	size_t n, struct arena *arena, struct found (*out)[N_SOURCES], struct error *e);

/* Copies into the arena what sources could continue from; other lists are left empty, and so are very
 * long ones, which would take more memory than asking again takes time. But those that left some out,
 * or are about to, are kept: to ask again would not give the same. */
enum code sources_keep(const struct found *found, bool leaves_out, struct arena *arena,
	struct found *out, struct error *e);

bool recipe_has_source(const Pb__MineNegativesRequest *recipe, Pb__SourceKind kind);

/* A deeper list of the source dense is what it was, and more behind it. */
bool dense_continues(const struct mining *m);

/* The functions of the files: out[i] is the list for asks[i]. */
enum code source_dense(const struct mining *m, const struct ask *asks, size_t n,
	struct arena *arena, struct found *out, struct error *e);
enum code source_bm25(const struct mining *m, const struct ask *asks, size_t n, struct arena *arena,
	struct found *out, struct error *e);
enum code source_in_batch(const struct mining *m, const struct ask *asks, size_t n,
	struct arena *arena, struct found *out, struct error *e);
enum code source_random(const struct mining *m, const struct ask *asks, size_t n,
	struct arena *arena, struct found *out, struct error *e);
enum code source_given(const struct mining *m, const struct ask *asks, size_t n,
	struct arena *arena, struct found *out, struct error *e);

#endif
