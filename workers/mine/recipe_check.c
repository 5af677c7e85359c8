/* What a resolved recipe may still have wrong: numbers out of bounds, and settings that contradict
 * each other, named at the field that the caller most likely meant to change. */
#include <math.h>

#include "proto/limits.h"
#include "workers/mine/filter.h"
#include "workers/mine/parameters.h"
#include "workers/mine/recipe.h"

#define REFUSE(e, field, reason, ...) \
	(error_set(e, INVALID_ARGUMENT, reason, __VA_ARGS__), error_field(e, "%s", field))

static enum code check_enums(const Pb__MineNegativesRequest *recipe, struct error *e)
{
	const ProtobufCMessageDescriptor *type = &pb__mine_negatives_request__descriptor;

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		if (f->type != PROTOBUF_C_TYPE_ENUM)
			continue;
		int value = *(const int *)((const char *)recipe + f->offset);
		if (!protobuf_c_enum_descriptor_get_value(f->descriptor, value))
			return REFUSE(e, f->name, "INVALID_VALUE", "%d is no value of %s.", value,
				f->name);
	}
	return OK;
}

static enum code check_finite(const Pb__MineNegativesRequest *recipe, struct error *e)
{
	const ProtobufCMessageDescriptor *type = &pb__mine_negatives_request__descriptor;

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		if (f->type != PROTOBUF_C_TYPE_DOUBLE)
			continue;
		if (!isfinite(*(const double *)((const char *)recipe + f->offset)))
			return REFUSE(
				e, f->name, "NOT_FINITE", "%s must be a finite number.", f->name);
	}
	return OK;
}

static enum code check_window(const Pb__MineNegativesRequest *r, struct error *e)
{
	if (r->num_negatives == 0 || r->num_negatives > LIMIT_NEGATIVES)
		return REFUSE(e, "num_negatives", "LIMIT_EXCEEDED",
			"num_negatives is 1 to %u, not %u.", LIMIT_NEGATIVES, r->num_negatives);
	if (r->range_min >= LIMIT_CANDIDATES)
		return REFUSE(e, "range_min", "LIMIT_EXCEEDED", "range_min is below %u, not %u.",
			LIMIT_CANDIDATES, r->range_min);
	if (!r->has_range_max)
		return OK;
	if (r->range_max > LIMIT_CANDIDATES)
		return REFUSE(e, "range_max", "LIMIT_EXCEEDED", "range_max is at most %u, not %u.",
			LIMIT_CANDIDATES, r->range_max);
	if (r->range_min >= r->range_max)
		return REFUSE(e, "range_min", "CONTRADICTION",
			"The window is empty: range_min %u is not below range_max %u.",
			r->range_min, r->range_max);
	if (r->num_negatives > r->range_max - r->range_min)
		return REFUSE(e, "num_negatives", "CONTRADICTION",
			"%u negatives do not fit between range_min %u and range_max %u.",
			r->num_negatives, r->range_min, r->range_max);
	return OK;
}

static enum code check_thresholds(const Pb__MineNegativesRequest *r, struct error *e)
{
	if (r->scorer == PB__SCORER__SCORER_NONE && filters_need_score(r))
		return REFUSE(e, "scorer", "CONTRADICTION",
			"The recipe has a score threshold or margin, but scorer is none; name a "
			"scorer or drop the threshold.");
	if (r->has_min_score && r->has_max_score && r->min_score > r->max_score)
		return REFUSE(e, "min_score", "CONTRADICTION",
			"No score is above min_score %g and below max_score %g.", r->min_score,
			r->max_score);
	if (r->has_semi_hard_margin && r->semi_hard_margin <= 0)
		return REFUSE(e, "semi_hard_margin", "INVALID_VALUE",
			"semi_hard_margin is the width of a band: above 0, not %g.",
			r->semi_hard_margin);
	if (r->has_semi_hard_margin && r->has_absolute_margin &&
		r->absolute_margin >= r->semi_hard_margin)
		return REFUSE(e, "absolute_margin", "CONTRADICTION",
			"absolute_margin %g removes all of the semi-hard band of %g below the "
			"positive; use one of them.",
			r->absolute_margin, r->semi_hard_margin);
	return OK;
}

static enum code check_depth(const Pb__MineNegativesRequest *r, struct error *e)
{
	if (r->has_max_depth && (r->max_depth == 0 || r->max_depth > LIMIT_CANDIDATES))
		return REFUSE(e, "max_depth", "LIMIT_EXCEEDED", "max_depth is 1 to %u, not %u.",
			LIMIT_CANDIDATES, r->max_depth);
	if (r->has_depth && (r->depth == 0 || r->depth > LIMIT_CANDIDATES))
		return REFUSE(e, "depth", "LIMIT_EXCEEDED", "depth is 1 to %u, not %u.",
			LIMIT_CANDIDATES, r->depth);
	if (r->has_depth && r->has_max_depth && r->max_depth < r->depth)
		return REFUSE(e, "max_depth", "CONTRADICTION", "max_depth %u is below depth %u.",
			r->max_depth, r->depth);
	return OK;
}

static enum code check_quotas(const Pb__MineNegativesRequest *r, struct error *e)
{
	for (size_t i = 0; i < r->n_sources; i++)
		if (r->sources[i]->has_quota && r->sources[i]->quota == 0) {
			error_set(e, INVALID_ARGUMENT, "INVALID_VALUE",
				"A source with a quota of 0 gives nothing; leave it out.");
			return error_field(e, "sources[%zu].quota", i);
		}
	return OK;
}

enum code recipe_check(const Pb__MineNegativesRequest *recipe, struct error *e)
{
	if (check_enums(recipe, e) || check_finite(recipe, e) || check_window(recipe, e) ||
		check_thresholds(recipe, e) || check_depth(recipe, e) || check_quotas(recipe, e) ||
		parameters_check(recipe, e))
		return e->code;
	return OK;
}
