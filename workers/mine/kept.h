/* Results kept for later: what a mine_emit does that is asked for all of them at once. */
#ifndef WORKERS_MINE_KEPT_H
#define WORKERS_MINE_KEPT_H

#include "workers/mine/mine.h"

struct kept { /* zeroed but for the arena, where the copies go */
	struct arena *arena;
	Pb__MineResult **results;
	size_t n, room;
};

/* A mine_emit; `kept` is a struct kept *. */
enum code kept_add(void *kept, const Pb__MineResult *result, struct error *e);

#endif
