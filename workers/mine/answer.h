/* What became of a pair, as the message that the caller gets. */
#ifndef WORKERS_MINE_ANSWER_H
#define WORKERS_MINE_ANSWER_H

#include "workers/mine/attempt.h"
#include "workers/mine/shortfall.h"

/* The result lives in the attempt's arena; ids are the corpus's own. */
enum code answer_pair(struct attempt *a, const struct pair *p, const struct list *list,
	const struct fill *fill, Pb__MineResult **out, struct error *e);
enum code answer_error(struct attempt *a, const struct pair *p, const struct error *why,
	Pb__MineResult **out, struct error *e);

/* Every candidate with its ranks, scores and verdict, for explain. */
enum code explain_list(const struct corpus *corpus, const struct list *list, struct arena *arena,
	Pb__MineResult *result, struct error *e);

#endif
