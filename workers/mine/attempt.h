/*
 * One query on its way through the stages. Sources are asked to a depth; what they found is judged;
 * a query that is not served asks deeper. All of it follows from the query alone.
 */
#ifndef WORKERS_MINE_ATTEMPT_H
#define WORKERS_MINE_ATTEMPT_H

#include "workers/mine/anchor.h"
#include "workers/mine/filter.h"
#include "workers/mine/identity.h"
#include "workers/mine/mining.h"
#include "workers/mine/score.h"
#include "workers/mine/source.h"
#include "workers/mine/window.h"

/* One result to be: the query with all of its positives, or with anchor = each with one of them. */
struct pair {
	struct anchor anchor;
	struct range keeps;	/* scores that filters do not reject */
	size_t first, n;	/* of the attempt's positives */
	const char *salt;	/* for draws: the positive's id, NULL for all of them */
	Pb__MineResult *result; /* NULL: not settled yet */
};

struct attempt {
	const struct mining *m;
	const struct query *query;
	struct arena arena;		/* of the results, and of what leads to them */
	struct ask ask;			/* its depth is the one to ask next */
	struct found before[N_SOURCES]; /* what its `before` points to ... */
	struct arena kept;		/* ... and their lists */
	struct scoring scoring;
	struct identity identity;
	double *positive_scores;
	struct window window;
	bool begun; /* no unsettled pair's window begins behind the list */
	struct pair *pairs;
	size_t n_pairs;
	size_t unsettled; /* pairs */
};

/* Finds out all that does not depend on candidates. A query that cannot be served gets its results
 * here, with an error in them, and nothing is left unsettled. */
enum code attempt_begin(
	struct attempt *a, const struct mining *m, const struct query *q, struct error *e);
/* The results go with it. Also of one that is all zero. */
void attempt_end(struct attempt *a);

/* Judges what the sources found for a->ask, for every unsettled pair, and asks deeper for the others. */
enum code attempt_judge(struct attempt *a, const struct found *found, struct error *e);
/* Puts the documents' texts into the results, once there are all of them. */
enum code attempt_put_texts(struct attempt *a, struct error *e);

#endif
