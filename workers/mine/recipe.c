/*
 * From a request to the recipe that runs: a MineNegativesRequest without queries in which every
 * setting is there. It is what the answer echoes and what the stages read, so a recipe sent back is
 * the same recipe.
 *
 * What stands, weakest first:
 *
 *   1. defaults: those of the schema, and fill_defaults() below
 *   2. the strategy's names from left to right. Sources accumulate, in that order. Each other
 *      setting is what the last name that has an opinion says: "margin+bm25" is the candidates of
 *      both under margin's filter
 *   3. the request's own fields. Sources given replace the strategy's. absolute_margin or
 *      relative_margin given replaces both margins of the strategy, so that strategy "margin" with
 *      an absolute margin is that margin alone; give both and both apply
 *
 * A scorer that nobody names follows from the rest: see default_scorer().
 */
#include "workers/mine/recipe.h"

#include <stdio.h>
#include <string.h>

#include "proto/limits.h"
#include "workers/mine/filter.h"
#include "workers/mine/source.h"

static size_t scalar_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_UINT32:
		return sizeof(uint32_t);
	case PROTOBUF_C_TYPE_ENUM:
		return sizeof(int);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	default:
		return 0; /* strings and messages are taken over by hand */
	}
}

static bool is_set(const void *recipe, const ProtobufCFieldDescriptor *f)
{
	return *(const protobuf_c_boolean *)((const char *)recipe + f->quantifier_offset);
}

/* Copies every scalar that `from` has. */
static void overlay(Pb__MineNegativesRequest *to, const Pb__MineNegativesRequest *from)
{
	const ProtobufCMessageDescriptor *type = &pb__mine_negatives_request__descriptor;

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		size_t size = scalar_size(f->type);
		if (f->label != PROTOBUF_C_LABEL_OPTIONAL || size == 0 || !is_set(from, f))
			continue;
		memcpy((char *)to + f->offset, (const char *)from + f->offset, size);
		*(protobuf_c_boolean *)((char *)to + f->quantifier_offset) = true;
	}
}

/* What nobody chose; afterwards it is as if the request had said so. */
#define CHOOSE(recipe, field, value) \
	do { \
		if (!(recipe)->has_##field) \
			(recipe)->field = (value); \
		(recipe)->has_##field = true; \
	} while (0)

static const struct strategy *strategy_named(const char *name, size_t len)
{
	for (size_t i = 0; i < n_strategies; i++)
		if (strlen(strategies[i].name) == len && !memcmp(strategies[i].name, name, len))
			return &strategies[i];
	return NULL;
}

static enum code unknown_strategy(const char *name, size_t len, struct error *e)
{
	char all[256] = "";
	size_t cut = len < 40 ? len : 40, used = 0;

	for (size_t i = 0; i < n_strategies && used < sizeof all; i++)
		used += (size_t)snprintf(
			all + used, sizeof all - used, "%s%s", i ? ", " : "", strategies[i].name);
	while (cut < len && cut > 0 && (name[cut] & 0xc0) == 0x80) /* whole characters only */
		cut--;
	error_set(e, INVALID_ARGUMENT, "UNKNOWN_STRATEGY",
		"There is no strategy \"%.*s\". There are, to be joined by '+': %s.", (int)cut,
		name, all);
	return error_field(e, "strategy");
}

bool recipe_has_source(const Pb__MineNegativesRequest *recipe, Pb__SourceKind kind)
{
	for (size_t i = 0; i < recipe->n_sources; i++)
		if (recipe->sources[i]->kind == kind)
			return true;
	return false;
}

static enum code add_source(Pb__MineNegativesRequest *recipe, const Pb__Source *source,
	struct arena *arena, struct error *e)
{
	Pb__Source *own = arena_copy(arena, source, sizeof *source);

	if (!own)
		return error_memory(e);
	own->has_kind = true;
	recipe->sources[recipe->n_sources++] = own;
	return OK;
}

static enum code take_strategy(Pb__MineNegativesRequest *recipe, const struct strategy *s,
	struct arena *arena, struct error *e)
{
	Pb__Source source = PB__SOURCE__INIT;

	overlay(recipe, &s->set);
	source.kind = s->source;
	return recipe_has_source(recipe, source.kind) ? OK : add_source(recipe, &source, arena, e);
}

/* All names of "a+b+c"; *automatic: one of them has sentence-transformers' rule. */
static enum code take_strategies(
	Pb__MineNegativesRequest *recipe, struct arena *arena, bool *automatic, struct error *e)
{
	const char *name = recipe->strategy;

	for (;;) {
		size_t len = strcspn(name, "+");
		const struct strategy *s = strategy_named(name, len);
		if (!s)
			return unknown_strategy(name, len, e);
		if (take_strategy(recipe, s, arena, e))
			return e->code;
		*automatic = *automatic || s->automatic;
		if (!name[len])
			return OK;
		name += len + 1;
	}
}

static enum code bad_source(struct error *e, size_t i, const char *reason, const char *what)
{
	error_set(e, INVALID_ARGUMENT, reason, "%s", what);
	return error_field(e, "sources[%zu].kind", i);
}

static enum code take_sources(Pb__MineNegativesRequest *recipe, const Pb__MineNegativesRequest *req,
	struct arena *arena, struct error *e)
{
	if (req->n_sources)
		recipe->n_sources = 0;
	for (size_t i = 0; i < req->n_sources; i++) {
		const Pb__Source *source = req->sources[i];
		if (!source->has_kind)
			return bad_source(e, i, "MISSING_FIELD", "A source needs a kind.");
		if ((unsigned)source->kind >= N_SOURCES)
			return bad_source(e, i, "INVALID_VALUE", "There is no such source.");
		if (recipe_has_source(recipe, source->kind))
			return bad_source(e, i, "CONTRADICTION", "This source is there already.");
		if (add_source(recipe, source, arena, e))
			return e->code;
	}
	return OK;
}

static void take_request(Pb__MineNegativesRequest *recipe, const Pb__MineNegativesRequest *req)
{
	if (req->has_absolute_margin || req->has_relative_margin)
		recipe->has_absolute_margin = recipe->has_relative_margin = false;
	overlay(recipe, req);
}

static Pb__Scorer default_scorer(const Pb__MineNegativesRequest *recipe)
{
	if (recipe_has_source(recipe, PB__SOURCE_KIND__SOURCE_KIND_DENSE))
		return PB__SCORER__SCORER_DENSE;
	if (recipe_has_source(recipe, PB__SOURCE_KIND__SOURCE_KIND_BM25))
		return PB__SCORER__SCORER_BM25;
	if (recipe_has_source(recipe, PB__SOURCE_KIND__SOURCE_KIND_GIVEN))
		return PB__SCORER__SCORER_GIVEN;
	return filters_need_score(recipe) ? PB__SCORER__SCORER_DENSE : PB__SCORER__SCORER_NONE;
}

static uint32_t at_most(uint64_t n, uint32_t most)
{
	return n < most ? n : most;
}

/* Room for the window, for filters that keep one in ten, and for a few duplicates. */
static uint32_t default_depth(const Pb__MineNegativesRequest *recipe)
{
	uint64_t end = recipe->has_range_max ? recipe->range_max
					     : (uint64_t)recipe->range_min + recipe->num_negatives;

	return at_most(end + 10ull * recipe->num_negatives + 16, LIMIT_CANDIDATES);
}

/* A bound on the depth that the caller set bounds the first depth too. */
static void fill_depths(Pb__MineNegativesRequest *recipe, bool automatic)
{
	uint32_t most = recipe->has_max_depth ? recipe->max_depth : LIMIT_CANDIDATES;

	if (!automatic)
		CHOOSE(recipe, depth, at_most(default_depth(recipe), most));
	else if (recipe->has_range_max)
		CHOOSE(recipe, depth, at_most(recipe->range_max, most));
	if (recipe->has_depth)
		CHOOSE(recipe, max_depth, automatic ? recipe->depth : LIMIT_CANDIDATES);
}

static void fill_defaults(Pb__MineNegativesRequest *recipe, bool automatic)
{
	CHOOSE(recipe, num_negatives, recipe->num_negatives);
	CHOOSE(recipe, seed, recipe->seed);
	CHOOSE(recipe, explain, recipe->explain);
	CHOOSE(recipe, include_text, recipe->include_text);
	CHOOSE(recipe, scorer, default_scorer(recipe));
	CHOOSE(recipe, fusion, PB__FUSION__FUSION_UNION);
	CHOOSE(recipe, rrf_k, recipe->rrf_k);
	CHOOSE(recipe, exclude_duplicates, true);
	CHOOSE(recipe, exclude_groups, false);
	CHOOSE(recipe, anchor, PB__ANCHOR__ANCHOR_MIN);
	CHOOSE(recipe, strict, false);
	CHOOSE(recipe, rank_base, PB__RANK_BASE__RANK_BASE_SURVIVORS);
	CHOOSE(recipe, range_min, 0);
	CHOOSE(recipe, sampling_strategy, PB__SAMPLING__SAMPLING_TOP);
	CHOOSE(recipe, shortfall, PB__SHORTFALL__SHORTFALL_PARTIAL);
	fill_depths(recipe, automatic);
}

static enum code begin(Pb__MineNegativesRequest *recipe, const Pb__MineNegativesRequest *req,
	struct arena *arena, struct error *e)
{
	const char *strategy = req->strategy ? req->strategy : recipe->strategy;
	size_t most = req->n_sources + N_SOURCES;

	recipe->strategy = arena_strdup(arena, strategy);
	recipe->sources = arena_array(arena, most, sizeof *recipe->sources);
	if (!recipe->strategy || !recipe->sources)
		return error_memory(e);
	if (!req->collection)
		return OK;
	recipe->collection = arena_strdup(arena, req->collection);
	return recipe->collection ? OK : error_memory(e);
}

enum code recipe_resolve(const Pb__MineNegativesRequest *req, struct arena *arena,
	Pb__MineNegativesRequest **out, struct error *e)
{
	Pb__MineNegativesRequest *recipe = arena_alloc(arena, sizeof *recipe);
	bool automatic = false;

	if (!recipe)
		return error_memory(e);
	pb__mine_negatives_request__init(recipe);
	if (begin(recipe, req, arena, e) || take_strategies(recipe, arena, &automatic, e) ||
		take_sources(recipe, req, arena, e))
		return e->code;
	take_request(recipe, req);
	fill_defaults(recipe, automatic);
	if (recipe_check(recipe, e))
		return e->code;
	*out = recipe;
	return OK;
}

bool recipe_needs_vector(const Pb__MineNegativesRequest *recipe)
{
	return recipe->scorer == PB__SCORER__SCORER_DENSE ||
	       recipe_has_source(recipe, PB__SOURCE_KIND__SOURCE_KIND_DENSE);
}

bool recipe_needs_text(const Pb__MineNegativesRequest *recipe)
{
	return recipe->scorer == PB__SCORER__SCORER_BM25 ||
	       recipe_has_source(recipe, PB__SOURCE_KIND__SOURCE_KIND_BM25);
}
