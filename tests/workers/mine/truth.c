#include "tests/workers/mine/truth.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct truth_document documents[DOCUMENTS];
struct truth_query queries[QUERIES];
int left_out, gave_up;

static unsigned chance = 1;

int below(int n)
{
	chance = chance * 1103515245 + 12345;
	return (int)(chance >> 16) % n;
}

static void random_row(float *row)
{
	for (int i = 0; i < DIMENSION; i++)
		row[i] = (float)(below(9) - 4) / 4;
}

static const char *random_text(struct world *w)
{
	static const char *const words[] = {"ash", "birch", "cedar", "elm", "fir", "oak"};

	return arena_printf(
		&w->arena, "%s %s %s", words[below(6)], words[below(6)], words[below(6)]);
}

static void make_documents(struct world *w)
{
	struct seed_document seeds[DOCUMENTS];
	const char *ids[DOCUMENTS];
	float rows[DOCUMENTS][DIMENSION];

	for (int i = 0; i < DOCUMENTS; i++) {
		documents[i].id = ids[i] = arena_printf(&w->arena, "d%03d", i * 77 % 151);
		documents[i].text = random_text(w);
		documents[i].group = below(3) ? NULL : arena_printf(&w->arena, "g%d", below(10));
		random_row(documents[i].row);
		memcpy(rows[i], documents[i].row, sizeof rows[i]);
		seeds[i] =
			(struct seed_document){ids[i], NULL, documents[i].text, documents[i].group};
	}
	world_documents(w, seeds, DOCUMENTS);
	world_begin(w, DIMENSION, PB__SIMILARITY__SIMILARITY_DOT);
	world_vectors(w, PB__SIDE__SIDE_DOCUMENT, ids, DOCUMENTS, rows[0], DIMENSION);
}

static void make_query(struct world *w, int i)
{
	queries[i].id = arena_printf(&w->arena, "q%02d", i);
	queries[i].text = random_text(w);
	queries[i].group = below(4) ? NULL : "g3";
	random_row(queries[i].row);
	world_query(w, queries[i].id, queries[i].text, queries[i].group);
	int n = 1 + below(MOST_POSITIVES), first = below(DOCUMENTS);
	for (int j = 0; j < n; j++) {
		int d = queries[i].positives[queries[i].n_positives++] =
			(first + 7 * j) % DOCUMENTS;
		world_positive(w, queries[i].id, documents[d].id);
	}
	world_vectors(w, PB__SIDE__SIDE_QUERY, &queries[i].id, 1, queries[i].row, DIMENSION);
}

void truth_fill(struct world *w)
{
	memset(queries, 0, sizeof queries);
	make_documents(w);
	for (int i = 0; i < QUERIES; i++)
		make_query(w, i);
	world_publish(w);
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

bool same(const char *a, const char *b)
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
	uint32_t rank[DOCUMENTS];	 /* raw, of these */
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
		out->rank[out->n_eligible] = (uint32_t)rank;
		if (why)
			out->counts[field_number(why)]++;
		else
			out->eligible[out->n_eligible++] = documents[order[rank]].id;
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
		ck_assert_int_lt(at, x->n_eligible);
		ck_assert_uint_eq(got->negatives[i]->rank, x->rank[at++]);
	}
}

/* Of what was left out the reasons are not told; never one that says that a score is too low, or that
 * it would have been kept. */
static uint64_t ck_rejected(const struct expected *x, const Pb__MineResult *got)
{
	static const char *const too_low = "min_score", *const kept = "window";
	uint64_t untold = 0;

	for (unsigned v = 1; v <= 11; v++) {
		bool told = (int)v == field_number(too_low) || (int)v == field_number(kept);
		ck_assert_uint_le(rejected(got, v), (uint64_t)x->counts[v]);
		ck_assert(!told || rejected(got, v) == (uint64_t)x->counts[v]);
		untold += (uint64_t)x->counts[v] - rejected(got, v);
	}
	return untold;
}

/* The first depth that serves a query which is served. */
static int served_at(const Pb__MineNegativesRequest *r, int q, double p)
{
	static struct expected x;
	int depth = (int)r->depth + queries[q].n_positives;

	for (;; depth *= 2) {
		depth = depth < DOCUMENTS ? depth : DOCUMENTS;
		expect(r, q, p, depth, &x);
		if (x.n_eligible >= (int)r->num_negatives || depth == DOCUMENTS)
			return depth;
	}
}

void ck_result(const Pb__MineNegativesRequest *r, int q, int only, const Pb__MineResult *got)
{
	static struct expected at_depth, of_all;
	int most = (int)r->max_depth + queries[q].n_positives;
	double p = anchor_of(r, q, only);
	size_t n = r->num_negatives, sum = got->n_negatives;

	ck_assert_ptr_null(got->error);
	expect(r, q, p, (int)got->depth, &at_depth);
	most = most < DOCUMENTS ? most : DOCUMENTS;
	expect(r, q, p, most, &of_all);
	ck_assert_uint_eq(got->candidates, got->depth);
	ck_assert_uint_eq(
		got->n_negatives, (size_t)of_all.n_eligible < n ? (size_t)of_all.n_eligible : n);
	ck_assert_uint_eq(ck_rejected(&at_depth, got), got->rejected->unlisted);
	ck_assert(!r->explain || got->rejected->unlisted == 0);
	left_out += got->rejected->unlisted > 0;
	gave_up += got->n_negatives < n && (int)got->depth < most && !r->has_range_max;
	for (unsigned v = 1; v <= 14; v++)
		sum += rejected(got, v);
	ck_assert_uint_eq(sum, got->candidates);
	ck_chosen_from(&at_depth, got);
	if (r->sampling_strategy == PB__SAMPLING__SAMPLING_TOP)
		for (size_t i = 0; i < got->n_negatives; i++)
			ck_assert_str_eq(got->negatives[i]->document_id, of_all.eligible[i]);
	if (r->sampling_strategy == PB__SAMPLING__SAMPLING_RANDOM && r->has_range_max)
		ck_assert_int_eq(at_depth.n_eligible, of_all.n_eligible);
	if (got->n_negatives == n && !r->has_range_max && r->sampling_strategy)
		ck_assert_int_eq((int)got->depth, served_at(r, q, p));
	ck_assert(got->anchor_score == p);
}
