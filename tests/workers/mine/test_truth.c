/*
 * Random requests over a random corpus, against the plainest reading of the rules: sort every
 * document, walk down the list, ask each rule in turn. Vectors are small dyadic numbers, so that a
 * dot product is exact and ties are many. And what may change nothing: order, company, threads.
 */
#include "tests/workers/mine/world.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DOCUMENTS = 150, QUERIES = 40, DIMENSION = 3, MOST_POSITIVES = 3, ROUNDS = 400 };

static struct world w;
static struct error err;
static struct mined mined;
static unsigned chance = 1;

static int below(int n)
{
	chance = chance * 1103515245 + 12345;
	return (int)(chance >> 16) % n;
}

static struct {
	const char *id, *text, *group;
	float row[DIMENSION];
} documents[DOCUMENTS];

static struct {
	const char *id, *text, *group;
	float row[DIMENSION];
	int positives[MOST_POSITIVES], n_positives;
} queries[QUERIES];

static void random_row(float *row)
{
	for (int i = 0; i < DIMENSION; i++)
		row[i] = (float)(below(9) - 4) / 4;
}

static const char *random_text(void)
{
	static const char *const words[] = {"ash", "birch", "cedar", "elm", "fir", "oak"};

	return arena_printf(
		&w.arena, "%s %s %s", words[below(6)], words[below(6)], words[below(6)]);
}

static void make_documents(void)
{
	struct seed_document seeds[DOCUMENTS];
	const char *ids[DOCUMENTS];
	float rows[DOCUMENTS][DIMENSION];

	for (int i = 0; i < DOCUMENTS; i++) {
		documents[i].id = ids[i] = arena_printf(&w.arena, "d%03d", i * 77 % 151);
		documents[i].text = random_text();
		documents[i].group = below(3) ? NULL : arena_printf(&w.arena, "g%d", below(10));
		random_row(documents[i].row);
		memcpy(rows[i], documents[i].row, sizeof rows[i]);
		seeds[i] =
			(struct seed_document){ids[i], NULL, documents[i].text, documents[i].group};
	}
	world_documents(&w, seeds, DOCUMENTS);
	world_begin(&w, DIMENSION, PB__SIMILARITY__SIMILARITY_DOT);
	world_vectors(&w, PB__SIDE__SIDE_DOCUMENT, ids, DOCUMENTS, rows[0], DIMENSION);
}

static void make_query(int i)
{
	queries[i].id = arena_printf(&w.arena, "q%02d", i);
	queries[i].text = random_text();
	queries[i].group = below(4) ? NULL : "g3";
	random_row(queries[i].row);
	world_query(&w, queries[i].id, queries[i].text, queries[i].group);
	int n = 1 + below(MOST_POSITIVES), first = below(DOCUMENTS);
	for (int j = 0; j < n; j++) {
		int d = queries[i].positives[queries[i].n_positives++] =
			(first + 7 * j) % DOCUMENTS;
		world_positive(&w, queries[i].id, documents[d].id);
	}
	world_vectors(&w, PB__SIDE__SIDE_QUERY, &queries[i].id, 1, queries[i].row, DIMENSION);
}

static void setup(void)
{
	world_open(&w);
	memset(queries, 0, sizeof queries);
	make_documents();
	for (int i = 0; i < QUERIES; i++)
		make_query(i);
	world_publish(&w);
}

static void teardown(void)
{
	world_close(&w);
}

static double score(int q, int d)
{
	double sum = 0;

	for (int i = 0; i < DIMENSION; i++)
		sum += (double)queries[q].row[i] * documents[d].row[i];
	return sum;
}

static bool is_positive(int q, int d)
{
	for (int i = 0; i < queries[q].n_positives; i++)
		if (queries[q].positives[i] == d)
			return true;
	return false;
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static bool says_the_same(int q, int d)
{
	for (int i = 0; i < queries[q].n_positives; i++)
		if (same(documents[d].text, documents[queries[q].positives[i]].text))
			return true;
	return false;
}

static bool shares_group(int q, int d)
{
	bool yes = same(documents[d].group, queries[q].group);

	for (int i = 0; i < queries[q].n_positives; i++)
		yes |= same(documents[d].group, documents[queries[q].positives[i]].group);
	return yes;
}

/* The lowest, highest ... score of the query's positives; with `only`, that one's. */
static double anchor_of(const Pb__MineNegativesRequest *r, int q, int only)
{
	double low = INFINITY, high = -INFINITY, sum = 0;
	int n = queries[q].n_positives;

	if (only >= 0)
		return score(q, queries[q].positives[only]);
	for (int i = 0; i < n; i++) {
		double s = score(q, queries[q].positives[i]);
		low = s < low ? s : low;
		high = s > high ? s : high;
		sum += s;
	}
	return r->anchor == PB__ANCHOR__ANCHOR_MIN   ? low
	       : r->anchor == PB__ANCHOR__ANCHOR_MAX ? high
						     : sum / n;
}

/* Which rule rejects the document, by its name in message Rejected; NULL: none. */
static const char *rejected_by(const Pb__MineNegativesRequest *r, int q, int d, double p)
{
	double s = score(q, d);

	if (is_positive(q, d))
		return "positive";
	if (r->exclude_duplicates && says_the_same(q, d))
		return "duplicate";
	if (r->exclude_duplicates && same(documents[d].text, queries[q].text))
		return "query_text";
	if (r->exclude_groups && shares_group(q, d))
		return "group";
	if (r->has_max_score && (s > r->max_score || (r->strict && s == r->max_score)))
		return "max_score";
	if (r->has_min_score && (s < r->min_score || (r->strict && s == r->min_score)))
		return "min_score";
	if (r->has_absolute_margin &&
		(s > p - r->absolute_margin || (r->strict && s == p - r->absolute_margin)))
		return "absolute_margin";
	if (r->has_relative_margin && (s > p - fabs(p) * r->relative_margin ||
					      (r->strict && s == p - fabs(p) * r->relative_margin)))
		return "relative_margin";
	if (r->has_semi_hard_margin && (s <= p - r->semi_hard_margin || s >= p))
		return "semi_hard";
	return NULL;
}

static int query_sorted;

static int nearer(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	double sx = score(query_sorted, x), sy = score(query_sorted, y);

	return sx != sy ? (sx > sy ? -1 : 1) : strcmp(documents[x].id, documents[y].id);
}

struct expected {
	const char *eligible[DOCUMENTS]; /* ids inside the window, nearest first */
	int n_eligible;
	int counts[14]; /* by field number of Rejected, up to the window */
};

static int field_number(const char *name)
{
	return (int)protobuf_c_message_descriptor_get_field_by_name(&pb__rejected__descriptor, name)
		->id;
}

/* The first `depth` documents through the rules. */
static void expect(
	const Pb__MineNegativesRequest *r, int q, double p, int depth, struct expected *out)
{
	int order[DOCUMENTS], negatives = 0, survivors = 0;

	*out = (struct expected){.n_eligible = 0};
	for (int i = 0; i < DOCUMENTS; i++)
		order[i] = i;
	query_sorted = q;
	qsort(order, DOCUMENTS, sizeof *order, nearer);
	for (int rank = 0; rank < depth; rank++) {
		const char *why = rejected_by(r, q, order[rank], p);
		int by_base[] = {rank, negatives, survivors};
		bool identity = why && field_number(why) <= 4;
		negatives += !identity;
		survivors += !why;
		long at = by_base[r->rank_base];
		long end = r->has_range_max ? (long)r->range_max : LONG_MAX;
		if (!why && (at < (long)r->range_min || at >= end))
			why = "window";
		if (why)
			out->counts[field_number(why)]++;
		else
			out->eligible[out->n_eligible++] = documents[order[rank]].id;
	}
}

#define MAYBE(field, value) \
	do { \
		if (below(3) == 0) \
			r->has_##field = true, r->field = (value); \
	} while (0)

static void random_request(Pb__MineNegativesRequest *r)
{
	static const char *const strategies[] = {"topk", "topk_shifted", "topk_abs", "margin",
		"topk_marginpos", "topk_percpos", "semi_hard", "nv_shift", "nv_perc"};

	pb__mine_negatives_request__init(r);
	r->strategy = strategies[below(9)];
	r->has_num_negatives = true;
	r->num_negatives = 1 + below(12);
	MAYBE(strict, below(2));
	MAYBE(exclude_groups, below(2));
	MAYBE(exclude_duplicates, below(2));
	MAYBE(rank_base, below(3));
	MAYBE(range_min, below(20));
	MAYBE(max_score, below(9) / 4.);
	MAYBE(min_score, -below(9) / 4.);
	MAYBE(relative_margin, below(4) / 8.);
	MAYBE(anchor, below(3));
	MAYBE(depth, 1 + below(40));
	if (below(3) == 0) {
		r->has_range_max = true;
		r->range_max = r->range_min + r->num_negatives + below(30);
	}
	if (below(4) == 0) {
		r->has_sampling_strategy = true;
		r->sampling_strategy = PB__SAMPLING__SAMPLING_RANDOM;
	}
}

static uint64_t rejected(const Pb__MineResult *r, unsigned number)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field(&pb__rejected__descriptor, number);

	return *(const uint64_t *)((const char *)r->rejected + f->offset);
}

/* All that was chosen is eligible, in the list's order, none twice. */
static void ck_chosen_from(const struct expected *x, const Pb__MineResult *got)
{
	int at = 0;

	for (size_t i = 0; i < got->n_negatives; i++) {
		while (at < x->n_eligible &&
			strcmp(x->eligible[at], got->negatives[i]->document_id))
			at++;
		ck_assert_int_lt(at++, x->n_eligible);
	}
}

static void ck_result(const Pb__MineNegativesRequest *r, int q, int only, const Pb__MineResult *got)
{
	static struct expected at_depth, of_all;
	double p = anchor_of(r, q, only);
	size_t n = r->num_negatives, sum = got->n_negatives;

	ck_assert_ptr_null(got->error);
	expect(r, q, p, (int)got->depth, &at_depth);
	expect(r, q, p, DOCUMENTS, &of_all);
	ck_assert_uint_eq(got->candidates, got->depth);
	ck_assert_uint_eq(
		got->n_negatives, (size_t)of_all.n_eligible < n ? (size_t)of_all.n_eligible : n);
	for (unsigned v = 1; v <= 11; v++)
		ck_assert_uint_eq(rejected(got, v), (uint64_t)at_depth.counts[v]);
	for (unsigned v = 1; v <= 13; v++)
		sum += rejected(got, v);
	ck_assert_uint_eq(sum, got->candidates);
	ck_chosen_from(&at_depth, got);
	if (r->sampling_strategy == PB__SAMPLING__SAMPLING_TOP)
		for (size_t i = 0; i < got->n_negatives; i++)
			ck_assert_str_eq(got->negatives[i]->document_id, of_all.eligible[i]);
	if (r->sampling_strategy == PB__SAMPLING__SAMPLING_RANDOM && r->has_range_max)
		ck_assert_int_eq(at_depth.n_eligible, of_all.n_eligible);
	ck_assert(got->anchor_score == p);
}

static Pb__MineQuery **requested(const int *which, size_t n)
{
	Pb__MineQuery **all = arena_array(&w.arena, n, sizeof *all);

	for (size_t i = 0; i < n; i++) {
		all[i] = arena_alloc(&w.arena, sizeof **all);
		pb__mine_query__init(all[i]);
		all[i]->id = queries[which[i]].id;
	}
	return all;
}

START_TEST(results_are_those_of_brute_force)
{
	int all[QUERIES];
	Pb__MineNegativesRequest request;

	for (int i = 0; i < QUERIES; i++)
		all[i] = i;
	for (int round = 0; round < ROUNDS; round++) {
		size_t at = 0;
		random_request(&request);
		int first = below(QUERIES - 3);
		request.queries = requested(all + first, 3);
		request.n_queries = 3;
		enum code rc = world_mine(&w, &request, &mined, &err);
		if (rc == INVALID_ARGUMENT && !strcmp(err.reason, "CONTRADICTION"))
			continue;
		ck_ok(rc, &err);
		const Pb__MineNegativesRequest *r = mined.summary.recipe;
		for (int q = first; q < first + 3; q++) {
			bool each = r->anchor == PB__ANCHOR__ANCHOR_EACH;
			for (int i = 0; i < (each ? queries[q].n_positives : 1); i++) {
				const char *id = mined.results[at]->query_id;
				int only = -1;
				ck_assert_str_eq(id, queries[q].id);
				for (int j = 0; each && j < queries[q].n_positives; j++)
					if (same(documents[queries[q].positives[j]].id,
						    mined.results[at]->positives[0]->document_id))
						only = j;
				ck_result(r, q, only, mined.results[at++]);
			}
		}
		ck_assert_uint_eq(at, mined.n);
	}
}
END_TEST

static const char *const any_strategy[] = {"margin", "topk_percpos", "flag", "random", "bm25",
	"margin+bm25", "random+topk", "semi_hard", NULL};

static void request_these(
	Pb__MineNegativesRequest *r, const char *strategy, const int *which, size_t n)
{
	pb__mine_negatives_request__init(r);
	r->strategy = strategy;
	r->has_seed = true;
	r->seed = 17;
	r->has_explain = true;
	r->explain = true;
	r->queries = requested(which, n);
	r->n_queries = n;
}

static void ck_same(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	size_t len_a, len_b;
	const uint8_t *bytes_a = world_pack(&w, a, &len_a), *bytes_b = world_pack(&w, b, &len_b);

	ck_assert_uint_eq(len_a, len_b);
	ck_assert_int_eq(memcmp(bytes_a, bytes_b, len_a), 0);
}

/* The place of a query's first result. */
static size_t place_of(const struct mined *m, const char *id)
{
	size_t i = 0;

	while (strcmp(m->results[i]->query_id, id))
		i++;
	return i;
}

START_TEST(neither_order_nor_company_changes_an_answer)
{
	int forward[QUERIES], backward[QUERIES];
	Pb__MineNegativesRequest request;
	struct mined other;

	for (int i = 0; i < QUERIES; i++)
		forward[i] = backward[QUERIES - 1 - i] = i;
	for (size_t s = 0; any_strategy[s]; s++) {
		request_these(&request, any_strategy[s], forward, QUERIES);
		ck_ok(world_mine(&w, &request, &mined, &err), &err);
		request_these(&request, any_strategy[s], backward, QUERIES);
		ck_ok(world_mine(&w, &request, &other, &err), &err);
		ck_assert_uint_eq(mined.n, other.n);
		for (int q = 0; q < QUERIES; q++) {
			size_t a = place_of(&mined, queries[q].id);
			size_t b = place_of(&other, queries[q].id);
			ck_same(&mined.results[a]->base, &other.results[b]->base);
		}
		for (int q = 0; q < QUERIES; q += 13) {
			request.queries = requested(&q, 1);
			request.n_queries = 1;
			ck_ok(world_mine(&w, &request, &other, &err), &err);
			ck_same(&mined.results[place_of(&mined, queries[q].id)]->base,
				&other.results[0]->base);
		}
	}
}
END_TEST

START_TEST(threads_change_nothing)
{
	static const struct pool_options options = {.threads = {1, 3}, .queue = {4, 4}};
	int all[QUERIES];
	Pb__MineNegativesRequest request;
	struct mined other;

	for (int i = 0; i < QUERIES; i++)
		all[i] = i;
	for (size_t s = 0; any_strategy[s]; s++) {
		request_these(&request, any_strategy[s], all, QUERIES);
		ck_ok(world_mine(&w, &request, &mined, &err), &err);
		w.mine.pool = pool_start(&options);
		ck_assert_ptr_nonnull(w.mine.pool);
		ck_ok(world_mine(&w, &request, &other, &err), &err);
		w.mine.pool = pool_stop(w.mine.pool);
		ck_assert_uint_eq(mined.n, other.n);
		for (size_t i = 0; i < mined.n; i++)
			ck_same(&mined.results[i]->base, &other.results[i]->base);
		ck_same(&mined.summary.base, &other.summary.base);
	}
}
END_TEST

START_TEST(a_seed_changes_what_is_drawn_and_nothing_else)
{
	int q = 0;
	Pb__MineNegativesRequest request;
	struct mined other;

	request_these(&request, "random", &q, 1);
	ck_ok(world_mine(&w, &request, &mined, &err), &err);
	request.seed = 18;
	ck_ok(world_mine(&w, &request, &other, &err), &err);
	ck_assert_str_ne(
		world_negatives(&w, mined.results[0]), world_negatives(&w, other.results[0]));
	request.strategy = "margin";
	ck_ok(world_mine(&w, &request, &mined, &err), &err);
	request.seed = 17;
	ck_ok(world_mine(&w, &request, &other, &err), &err);
	ck_same(&mined.results[0]->base, &other.results[0]->base);
}
END_TEST

START_TEST(depth_doubles_until_the_query_is_served_or_may_go_no_deeper)
{
	int q = 0;
	Pb__MineNegativesRequest request;
	uint32_t positives = (uint32_t)queries[0].n_positives;

	request_these(&request, "topk", &q, 1);
	request.has_depth = request.has_max_score = true;
	request.depth = 4;
	request.max_score = -1000; /* rejects all */
	ck_ok(world_mine(&w, &request, &mined, &err), &err);
	ck_assert_uint_eq(mined.results[0]->depth, DOCUMENTS);
	request.has_max_depth = true;
	request.max_depth = 10;
	ck_ok(world_mine(&w, &request, &mined, &err), &err);
	ck_assert_uint_eq(mined.results[0]->depth, 10 + positives);
	ck_assert_uint_eq(mined.results[0]->candidates, 10 + positives);
	ck_assert_uint_eq(mined.summary.depth_max, 10 + positives);
	request.strategy = "st";
	request.has_depth = request.has_max_depth = false;
	ck_ok(world_mine(&w, &request, &mined, &err), &err);
	ck_assert_uint_eq(mined.results[0]->depth, 30 + 2 * positives);
}
END_TEST

START_TEST(a_quota_bounds_what_a_source_adds)
{
	int q = 0;
	Pb__MineNegativesRequest request;
	Pb__Source dense = PB__SOURCE__INIT, random = PB__SOURCE__INIT;
	Pb__Source *sources[] = {&dense, &random};

	dense.has_kind = random.has_kind = random.has_quota = true;
	dense.kind = PB__SOURCE_KIND__SOURCE_KIND_DENSE;
	random.kind = PB__SOURCE_KIND__SOURCE_KIND_RANDOM;
	random.quota = 5;
	request_these(&request, "topk", &q, 1);
	request.sources = sources;
	request.n_sources = 2;
	ck_ok(world_mine(&w, &request, &mined, &err), &err);
	size_t from_random = 0;
	const Pb__MineResult *r = mined.results[0];
	for (size_t i = 0; i < r->n_explain; i++)
		for (size_t s = 0; s < r->explain[i]->n_sources; s++)
			from_random += r->explain[i]->sources[s]->source ==
				       PB__SOURCE_KIND__SOURCE_KIND_RANDOM;
	ck_assert_uint_eq(from_random, 5);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("truth");
	TCase *t = tcase_create("truth");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, results_are_those_of_brute_force);
	tcase_add_test(t, neither_order_nor_company_changes_an_answer);
	tcase_add_test(t, threads_change_nothing);
	tcase_add_test(t, a_seed_changes_what_is_drawn_and_nothing_else);
	tcase_add_test(t, depth_doubles_until_the_query_is_served_or_may_go_no_deeper);
	tcase_add_test(t, a_quota_bounds_what_a_source_adds);
	suite_add_tcase(s, t);
	return s;
}
