#include "tests/workers/mine/golden.h"

#include <math.h>
#include <string.h>

#include "workers/mine/anchor.h"
#include "workers/mine/filter.h"
#include "workers/mine/identity.h"
#include "workers/mine/merge.h"
#include "workers/mine/sample.h"
#include "workers/mine/window.h"

const char *const golden_ids[GOLDEN] = {"d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "p1", "p2"};
const double golden_scores[GOLDEN] = {.88, .86, .79, .76, .75, .72, .60, .50, .90, .80};

Pb__MineNegativesRequest golden_request(const char *strategy, uint32_t num_negatives)
{
	Pb__MineNegativesRequest req = PB__MINE_NEGATIVES_REQUEST__INIT;

	req.strategy = strategy;
	req.has_num_negatives = true;
	req.num_negatives = num_negatives;
	return req;
}

/* What a dense search to this depth finds. */
static struct found search(uint32_t depth, struct arena *arena)
{
	struct hit *hits = arena_array(arena, GOLDEN, sizeof *hits);
	size_t n = 0;

	for (int wanted = 99; wanted > 0; wanted--)
		for (uint32_t d = 0; d < GOLDEN; d++)
			if ((int)(golden_scores[d] * 100 + .5) == wanted)
				hits[n++] = (struct hit){d, golden_scores[d]};
	return (struct found){hits, n < depth ? n : depth, depth < n};
}

static double anchor_score(const Pb__MineNegativesRequest *recipe, const char *only)
{
	uint32_t positives[] = {8, 9};
	double scores[] = {golden_scores[8], golden_scores[9]};
	size_t first = only && !strcmp(only, "p2"), n = only ? 1 : 2;

	return anchor_pick(recipe->anchor, positives + first, scores + first, n,
		stream_of(recipe->seed, "q", STREAM_ANCHOR, NULL))
		.score;
}

static const char *names(const struct list *list, struct arena *arena)
{
	const char *all = "";

	for (size_t i = 0; i < list->n; i++)
		if (list->at[i].verdict == CHOSEN)
			all = arena_printf(arena, "%s%s%s", all, *all ? " " : "",
				golden_ids[list->at[i].document]);
	return all;
}

const char *golden_mine(const Pb__MineNegativesRequest *req, const char *anchor,
	struct arena *arena, struct list *list)
{
	uint32_t places[GOLDEN], groups[GOLDEN] = {0}, positives[] = {8, 9};
	struct content contents[GOLDEN] = {0};
	struct corpus corpus = {.n = GOLDEN, .order = places, .group = groups, .content = contents};
	struct query query = {.id = "q", .positives = positives, .n_positives = 2};
	struct found found[N_SOURCES] = {0};
	struct identity identity;
	struct error e;
	Pb__MineNegativesRequest *recipe;

	for (uint32_t i = 0; i < GOLDEN; i++)
		places[i] = i;
	ck_ok(recipe_resolve(req, arena, &recipe, &e), &e);
	struct window window = window_for(recipe, 2);
	found[PB__SOURCE_KIND__SOURCE_KIND_DENSE] = search(window.depth, arena);
	ck_ok(merge_sources(found, places, arena, list, &e), &e);
	for (size_t i = 0; i < list->n; i++)
		list->at[i].score = golden_scores[list->at[i].document];
	merge_order(recipe, list);
	ck_ok(identity_of(recipe, &corpus, &query, arena, &identity, &e), &e);
	identity_list(&identity, list);
	filter_list(recipe, anchor_score(recipe, anchor), list);
	window_list(recipe, &window, list);
	ck_ok(sample_list(
		      recipe, stream_of(recipe->seed, "q", STREAM_SAMPLE, NULL), list, arena, &e),
		&e);
	return names(list, arena);
}
