/*
 * Lists against their definition, to the bit: the truth about the rows of those lists that are nearest
 * to a query, lists and rows found by brute force in double.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/lists.h"
#include "storage/exact/shared.h"
#include "storage/isa.h"
#include "storage/vectors/faiss.h"
#include "storage/vectors/lists_train.h"
#include "tests/runner.h"
#include "tests/storage/exact/ask.h"
#include "tests/storage/vectors/sample.h"
#include "workers/pool.h"

static struct error err;

/* A world in lists, and what should be where. */
struct listed {
	struct world w, centroids; /* of the latter: values and shape alone */
	struct lists *lists;
	struct exact exact;
	uint32_t *list; /* of each row */
};

static uint32_t below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)(sample_next(seed) % n);
}

static bool is_l2(const struct listed *t)
{
	return t->w.shape.similarity == PB__SIMILARITY__SIMILARITY_L2;
}

/* Some rows, some directions of no row, now and then the same again, or nothing. */
static void make_centroid(const struct listed *t, uint32_t i, float *out, uint64_t *seed)
{
	uint32_t d = t->w.shape.dimension, n = t->w.shape.n, how = below(seed, 8);
	const float *row = t->w.value + (size_t)below(seed, n + 1) * d;
	double square = 0;

	for (uint32_t j = 0; j < d; j++)
		out[j] = sample_value(seed, 20);
	if (row < t->w.value + (size_t)n * d && how < 6)
		memcpy(out, row, d * sizeof *out);
	if (how == 0)
		memset(out, 0, d * sizeof *out);
	if (how == 1 && i)
		memcpy(out, out - d, d * sizeof *out);
	for (uint32_t j = 0; j < d; j++)
		square += (double)out[j] * out[j];
	for (uint32_t j = 0; j < d && !is_l2(t) && square > 0; j++)
		out[j] = (float)(out[j] / sqrt(square));
}

/* The first of the largest. */
static uint32_t nearest(const struct listed *t, const float *vector)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < t->centroids.shape.n; i++)
		if (world_score(&t->centroids, vector, i) >
			world_score(&t->centroids, vector, best))
			best = i;
	return best;
}

static void listed_make(struct listed *t, const struct shape *shape, uint32_t n, uint64_t *seed)
{
	uint32_t d = shape->dimension;

	memset(t, 0, sizeof *t);
	world_make(&t->w, shape, seed);
	t->centroids.shape = (struct shape){.similarity = is_l2(t) ? PB__SIMILARITY__SIMILARITY_L2
								   : PB__SIMILARITY__SIMILARITY_DOT,
		.n = n,
		.dimension = d};
	t->centroids.value = malloc((size_t)n * d * sizeof(float));
	for (uint32_t i = 0; i < n; i++)
		make_centroid(t, i, t->centroids.value + (size_t)i * d, seed);
	ck_ok(lists_new(&t->w.rows.about, t->centroids.value, n, &t->lists, &err), &err);
	ck_ok(lists_fill(t->lists, &t->w.rows, t->w.exact.codes, NULL, &err), &err);
	t->exact = (struct exact){&t->w.rows, t->lists->codes, t->lists};
	t->list = malloc((shape->n + 1) * sizeof *t->list);
	for (uint32_t row = 0; row < shape->n; row++)
		t->list[row] = nearest(t, t->w.value + (size_t)row * d);
}

static void listed_free(struct listed *t)
{
	lists_free(t->lists);
	free(t->centroids.value);
	free(t->list);
	world_free(&t->w);
}

/* Whether a query's probes reach the list of a row: fewer than nprobe stand before it. */
static bool reaches(const struct listed *t, const double *scores, uint32_t list, uint32_t nprobe)
{
	uint32_t before = 0;

	for (uint32_t i = 0; i < t->centroids.shape.n; i++)
		before += scores[i] > scores[list] || (scores[i] == scores[list] && i < list);
	return before < nprobe;
}

/* The answer is that of a world in which all other rows are dead. */
static void check_one(const struct listed *t, const struct ask *a, size_t i)
{
	const struct exact_query *q = &a->queries[i];
	struct world seen = t->w;
	double *scores = malloc(t->centroids.shape.n * sizeof *scores);
	uint32_t nprobe = q->nprobe ? q->nprobe : t->lists->nprobe;

	world_scores(&t->centroids, q->vector, scores);
	seen.numbers = malloc((seen.shape.n + 1) * sizeof *seen.numbers);
	for (uint32_t row = 0; row < seen.shape.n; row++)
		seen.numbers[row] = reaches(t, scores, t->list[row], nprobe) ? t->w.numbers[row]
									     : (uint32_t)DEAD_ROW;
	world_check(&seen, q, a->scores + a->questions[i].vector * seen.shape.n);
	free(seen.numbers);
	free(scores);
}

static void choose_probes(const struct listed *t, struct ask *a, uint64_t *seed)
{
	uint32_t n = t->lists->n;

	t->lists->nprobe = 1 + below(seed, n);
	for (size_t i = 0; i < a->n; i++)
		a->queries[i].nprobe = (uint32_t[]){0, 1, n, 1 + below(seed, n)}[below(seed, 4)];
}

static void ask_lists(const struct listed *t, struct ask *a, bool shared)
{
	struct shared *s = shared_new(&t->exact);
	struct shared_request r = {.queries = a->queries, .n = a->n, .order = t->w.order};

	ask_again(a);
	if (shared)
		ck_ok(shared_search(s, &r, &err), &err);
	else
		ck_ok(exact_search(&t->exact, t->w.order, a->queries, a->n, NULL, &err), &err);
	shared_free(s);
	for (size_t i = 0; i < a->n; i++)
		check_one(t, a, i);
}

static void ask_about(const struct shape *shape, uint32_t lists, uint32_t most, uint64_t *seed)
{
	struct listed t;
	struct ask a;

	isa_force((enum isa)below(seed, 3));
	listed_make(&t, shape, lists, seed);
	ask_init(&a, &t.w, seed);
	for (enum isa isa = ISA_PORTABLE; isa <= ISA_AVX512; isa++) {
		ask_questions(&a, 1 + below(seed, most), seed);
		choose_probes(&t, &a, seed);
		isa_force(isa);
		ask_lists(&t, &a, false);
		isa_force((enum isa)below(seed, 3));
		ask_lists(&t, &a, true);
	}
	ask_free(&a);
	listed_free(&t);
}

static const struct {
	uint32_t n, dimension, lists;
} sizes[] = {{0, 3, 4}, {1, 1, 1}, {2, 2, 2}, {9, 4, 30}, {32, 8, 1}, {33, 2, 5}, {64, 16, 2},
	{100, 3, 100}, {130, 12, 7}, {200, 31, 20}, {700, 2, 1}, {1300, 9, 3}, {1500, 5, 64}};

START_TEST(answers_are_true_about_the_nearest_lists)
{
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (int m = 0; m < 6; m++) {
			uint64_t seed = (uint64_t)_i << 32 | i << 8 | (unsigned)m;
			struct shape s = {.similarity = (Pb__Similarity)(m % 3),
				.dtype = m < 3 ? PB__DTYPE__DTYPE_F32 : PB__DTYPE__DTYPE_F16,
				.kind = (enum kind)_i,
				.n = sizes[i].n,
				.dimension = sizes[i].dimension,
				.holes = below(&seed, 5)};
			ask_about(&s, sizes[i].lists, ASK_MOST, &seed);
		}
}
END_TEST

/* Many of the same score, more than survivors have room for: every row of the lists is scored. */
START_TEST(queries_that_give_their_pass_up_see_their_lists_alone)
{
	uint64_t seed = 7;
	struct shape s = {.similarity = (Pb__Similarity)_i,
		.dtype = PB__DTYPE__DTYPE_F32,
		.kind = KIND_FEW,
		.n = 120000,
		.dimension = 3};

	ask_about(&s, 4, 6, &seed);
}
END_TEST

/* Each thread has some of the queries, over lists of its own. */
START_TEST(threads_that_share_a_request_change_nothing)
{
	uint64_t seed = 11;
	struct shape s = {.similarity = (Pb__Similarity)_i,
		.dtype = PB__DTYPE__DTYPE_F32,
		.kind = KIND_CLUSTERS,
		.n = 20000,
		.dimension = 33};
	struct pool *pool =
		pool_start(&(struct pool_options){.threads = {1, 3}, .queue = {1, 1024}});
	struct crew crew = pool_crew(pool);
	struct listed t;
	struct ask a;

	isa_force(ISA_PORTABLE);
	listed_make(&t, &s, 50, &seed);
	ask_init(&a, &t.w, &seed);
	ask_questions(&a, ASK_MOST, &seed);
	choose_probes(&t, &a, &seed);
	struct shared *shared = shared_new(&t.exact);
	struct shared_request r = {
		.queries = a.queries, .n = a.n, .order = t.w.order, .bulk = true, .crew = &crew};
	ck_ok(shared_search(shared, &r, &err), &err);
	for (size_t i = 0; i < a.n; i++)
		check_one(&t, &a, i);
	pool_stop(pool);
	shared_free(shared);
	ask_free(&a);
	listed_free(&t);
}
END_TEST

static uint32_t live_of(const struct world *w)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < w->shape.n; i++)
		live += w->numbers[i] != DEAD_ROW;
	return live;
}

/* The same lists, filled by several threads. */
START_TEST(threads_that_help_to_fill_change_nothing)
{
	uint64_t seed = 12;
	struct shape s = {.similarity = (Pb__Similarity)_i,
		.dtype = PB__DTYPE__DTYPE_F16,
		.kind = KIND_CLUSTERS,
		.n = 9000,
		.dimension = 20,
		.holes = 9};
	struct pool *pool =
		pool_start(&(struct pool_options){.threads = {1, 3}, .queue = {1, 1024}});
	struct crew crew = pool_crew(pool);
	struct progress progress = {.crew = &crew};
	struct listed t;
	struct lists *other;

	listed_make(&t, &s, 200, &seed);
	ck_ok(lists_new(&t.w.rows.about, t.centroids.value, 200, &other, &err), &err);
	ck_ok(lists_fill(other, &t.w.rows, t.w.exact.codes, &progress, &err), &err);
	pool_stop(pool);
	ck_assert_mem_eq(other->start, t.lists->start, 201 * sizeof *other->start);
	ck_assert_uint_eq(other->start[200], live_of(&t.w));
	ck_assert_mem_eq(other->row, t.lists->row, live_of(&t.w) * sizeof *other->row);
	for (uint32_t i = 0; i < live_of(&t.w); i++)
		ck_assert(t.list[other->row[i]] < 200 && other->start[t.list[other->row[i]]] <= i &&
			  i < other->start[t.list[other->row[i]] + 1]);
	lists_free(other);
	listed_free(&t);
}
END_TEST

/* K-means whose nearest centroids are found by brute force. */
struct slow {
	const struct world *w;
	struct world centroids;
	uint32_t *live; /* rows */
};

static void read_live(void *arg, uint32_t i, float *out)
{
	const struct slow *s = arg;
	uint32_t d = s->w->shape.dimension;
	const float *row = s->w->value + (size_t)s->live[i] * d;
	double square = 0;

	for (uint32_t j = 0; j < d; j++)
		square += (double)row[j] * row[j];
	for (uint32_t j = 0; j < d; j++)
		out[j] = s->w->shape.similarity == PB__SIMILARITY__SIMILARITY_L2 || square == 0
				 ? row[j]
				 : (float)(row[j] / sqrt(square));
}

static enum code learn_slowly(void *arg, const float *centroids, struct error *e)
{
	struct slow *s = arg;

	(void)e;
	memcpy(s->centroids.value, centroids,
		(size_t)s->centroids.shape.n * s->centroids.shape.dimension * sizeof *centroids);
	return OK;
}

static enum code assign_slowly(
	void *arg, size_t n, const float *rows, int64_t *out, struct error *e)
{
	const struct slow *s = arg;
	struct listed t = {.centroids = s->centroids};

	(void)e;
	for (size_t i = 0; i < n; i++)
		out[i] = nearest(&t, rows + i * s->centroids.shape.dimension);
	return OK;
}

/* For rows so few that all are the sample. */
static float *train_slowly(const struct world *w, uint32_t n)
{
	uint32_t d = w->shape.dimension, live = 0;
	struct slow s = {.w = w, .live = malloc(w->shape.n * sizeof *s.live)};
	struct faiss_kmeans how = {.dimension = d,
		.lists = n,
		.iterations = 10,
		.seed = 1234,
		.spherical = w->shape.similarity != PB__SIMILARITY__SIMILARITY_L2,
		.read = read_live,
		.learn = learn_slowly,
		.assign = assign_slowly,
		.arg = &s};
	float *out = malloc((size_t)n * d * sizeof *out);

	for (uint32_t i = 0; i < w->shape.n; i++)
		if (w->numbers[i] != DEAD_ROW)
			s.live[live++] = i;
	s.centroids.shape =
		(struct shape){.similarity = how.spherical ? PB__SIMILARITY__SIMILARITY_DOT
							   : PB__SIMILARITY__SIMILARITY_L2,
			.n = n,
			.dimension = d};
	s.centroids.value = malloc((size_t)n * d * sizeof *s.centroids.value);
	ck_ok(faiss_kmeans(&how, live, out, NULL, &err), &err);
	free(s.centroids.value);
	free(s.live);
	return out;
}

START_TEST(centroids_are_those_of_kmeans_by_brute_force)
{
	uint64_t seed = 13;
	struct shape s = {.similarity = (Pb__Similarity)(_i % 3),
		.dtype = _i < 3 ? PB__DTYPE__DTYPE_F32 : PB__DTYPE__DTYPE_F16,
		.kind = _i < 3 ? KIND_SIZES : KIND_CLUSTERS,
		.n = 3000,
		.dimension = 11,
		.holes = 7};
	struct pool *pool =
		pool_start(&(struct pool_options){.threads = {1, 3}, .queue = {1, 1024}});
	struct crew crew = pool_crew(pool);
	struct progress progress = {.crew = &crew};
	size_t bytes = (size_t)40 * s.dimension * sizeof(float);
	float *got = malloc(bytes);
	struct world w;

	world_make(&w, &s, &seed);
	w.rows.live = live_of(&w);
	float *want = train_slowly(&w, 40);
	for (enum isa isa = ISA_PORTABLE; isa <= ISA_AVX512; isa++) {
		isa_force(isa);
		ck_ok(lists_train(&w.rows, 40, NULL, got, &err), &err);
		ck_assert_mem_eq(got, want, bytes);
		ck_ok(lists_train(&w.rows, 40, &progress, got, &err), &err);
		ck_assert_mem_eq(got, want, bytes);
	}
	pool_stop(pool);
	free(want);
	free(got);
	world_free(&w);
}
END_TEST

static const struct shape plain = {.similarity = PB__SIMILARITY__SIMILARITY_COSINE,
	.dtype = PB__DTYPE__DTYPE_F32,
	.kind = KIND_CLUSTERS,
	.n = 900,
	.dimension = 6,
	.holes = 7};

START_TEST(a_cancelled_build_or_search_ends)
{
	uint64_t seed = 3;
	atomic_bool cancelled = true;
	struct progress progress = {.cancelled = &cancelled};
	struct listed t;
	struct lists *other;
	struct hit hit;

	listed_make(&t, &plain, 5, &seed);
	struct exact_query q = {.vector = t.w.value, .k = 1, .floor = -INFINITY, .out = &hit};
	ck_refused(exact_search(&t.exact, t.w.order, &q, 1, &cancelled, &err), &err, CANCELLED,
		"CANCELLED");
	ck_ok(lists_new(&t.w.rows.about, t.centroids.value, 5, &other, &err), &err);
	ck_refused(lists_fill(other, &t.w.rows, t.w.exact.codes, &progress, &err), &err, CANCELLED,
		"CANCELLED");
	lists_free(other);
	listed_free(&t);
}
END_TEST

#ifdef HARDMINER_FAULTS
static enum code build(const struct listed *t, struct lists **out)
{
	if (lists_new(&t->w.rows.about, t->centroids.value, 5, out, &err))
		return err.code;
	if (!lists_fill(*out, &t->w.rows, t->w.exact.codes, NULL, &err))
		return OK;
	lists_free(*out);
	return err.code;
}

START_TEST(every_single_allocation_may_fail)
{
	uint64_t seed = 4;
	struct listed t;
	struct lists *other;
	struct ask a;
	long n = 0;
	enum code rc;

	listed_make(&t, &plain, 5, &seed);
	do {
		fault_arm(n++);
		rc = build(&t, &other);
		fault_arm(-1);
		ck_assert(rc == OK || rc == RESOURCE_EXHAUSTED);
	} while (rc);
	lists_free(other);
	ck_assert_int_gt(n, 15);
	ask_init(&a, &t.w, &seed);
	ask_questions(&a, 30, &seed);
	for (rc = UNKNOWN, n = 0; rc; n++) {
		ask_again(&a);
		fault_arm(n);
		rc = exact_search(&t.exact, t.w.order, a.queries, a.n, NULL, &err);
		fault_arm(-1);
		ck_assert(rc == OK || rc == RESOURCE_EXHAUSTED);
	}
	ck_assert_int_gt(n, 20);
	for (size_t i = 0; i < a.n; i++)
		check_one(&t, &a, i);
	ask_free(&a);
	listed_free(&t);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("lists");
	TCase *t = tcase_create("lists");

	tcase_add_loop_test(t, answers_are_true_about_the_nearest_lists, 0, KIND_COUNT);
	tcase_add_loop_test(t, queries_that_give_their_pass_up_see_their_lists_alone, 0, 3);
	tcase_add_loop_test(t, threads_that_share_a_request_change_nothing, 0, 3);
	tcase_add_loop_test(t, threads_that_help_to_fill_change_nothing, 0, 3);
	tcase_add_loop_test(t, centroids_are_those_of_kmeans_by_brute_force, 0, 6);
	tcase_add_test(t, a_cancelled_build_or_search_ends);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, every_single_allocation_may_fail);
#endif
	suite_add_tcase(s, t);
	return s;
}
