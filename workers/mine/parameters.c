#include "workers/mine/parameters.h"

#include "proto/limits.h"
#include "workers/mine/source.h"

static enum code check_one(const Pb__MineNegativesRequest *recipe, bool has, uint32_t value,
	const char *field, struct error *e)
{
	if (!has)
		return OK;
	if (value == 0 || value > LIMIT_CANDIDATES)
		error_set(e, INVALID_ARGUMENT, "LIMIT_EXCEEDED", "%s is 1 to %u, not %u.", field,
			LIMIT_CANDIDATES, value);
	else if (!recipe_has_source(recipe, PB__SOURCE_KIND__SOURCE_KIND_DENSE))
		error_set(e, INVALID_ARGUMENT, "CONTRADICTION",
			"%s is about searching vectors, and the source dense is not asked.", field);
	else
		return OK;
	return error_field(e, "%s", field);
}

enum code parameters_check(const Pb__MineNegativesRequest *recipe, struct error *e)
{
	if (check_one(recipe, recipe->has_nprobe, recipe->nprobe, "nprobe", e) ||
		check_one(recipe, recipe->has_ef_search, recipe->ef_search, "ef_search", e))
		return e->code;
	return OK;
}

enum code parameters_check_image(const struct mining *m, struct error *e)
{
	struct faiss_parameters how;

	return parameters_brought(m->recipe, &how) ? approximate_check(m->view.image, &how, e) : OK;
}

bool parameters_brought(const Pb__MineNegativesRequest *recipe, struct faiss_parameters *out)
{
	*out = (struct faiss_parameters){
		.nprobe = recipe->has_nprobe ? recipe->nprobe : 0,
		.ef_search = recipe->has_ef_search ? recipe->ef_search : 0,
	};
	return recipe->has_nprobe || recipe->has_ef_search;
}

enum code parameters_recall(const Pb__MineNegativesRequest *recipe, const Pb__Recall *measured,
	struct arena *arena, Pb__Recall **out, struct error *e)
{
	struct faiss_parameters how;

	*out = NULL;
	if (!measured || !measured->has_recall || parameters_brought(recipe, &how))
		return OK;
	*out = arena_copy(arena, measured, sizeof *measured);
	return *out ? OK : error_memory(e);
}
