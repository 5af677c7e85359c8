/*
 * How hard an index that is not exact tries, where a request says so: nprobe and ef_search, from the
 * recipe to the call. They change no recall that anybody measured, so an answer that was given with
 * them names none.
 */
#ifndef WORKERS_MINE_PARAMETERS_H
#define WORKERS_MINE_PARAMETERS_H

#include "storage/vectors/approximate.h"
#include "workers/mine/mining.h"

/* INVALID_ARGUMENT at the field: 0, too many, or no source that searches vectors. */
enum code parameters_check(const Pb__MineNegativesRequest *recipe, struct error *e);
/* The same for what the pinned image does not take. */
enum code parameters_check_image(const struct mining *m, struct error *e);

/* What the recipe brings; false: nothing. */
bool parameters_brought(const Pb__MineNegativesRequest *recipe, struct faiss_parameters *out);

/* The recall to name with answers to this recipe: a copy in the arena, or NULL. `measured` may be
 * NULL or empty. */
enum code parameters_recall(const Pb__MineNegativesRequest *recipe, const Pb__Recall *measured,
	struct arena *arena, Pb__Recall **out, struct error *e);

#endif
