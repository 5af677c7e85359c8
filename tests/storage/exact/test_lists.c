/*
 * Lists against their definition, to the bit: the truth about the rows of those lists that are nearest
 * to a query, lists and rows found by brute force in double.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/lists.h"
#include "storage/exact/panel.h"
#include "storage/exact/shared.h"
#include "storage/isa.h"
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
	ck_ok(lists_new(&t->w.rows.about, &t->w.exact.codes->rotation.basis, t->centroids.value, n,
		      &t->lists, &err),
		&err);
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
	if (below(seed, 2)) /* waves of a panel, or of more */
		t->lists->at_once = below(seed, 2) ? 0 : below(seed, n * 40);
	for (size_t i = 0; i < a->n; i++)
		a->queries[i].nprobe = (uint32_t[]){0, 1, n, 1 + below(seed, n)}[below(seed, 4)];
}

/* Portions of one to three chunks: they end within lists, between, and where nobody looks. */
static void search_in_portions(const struct listed *t, struct ask *a, uint64_t *seed)
{
	struct pass *p;

	ck_ok(pass_begin(&t->exact, t->w.order, a->queries, a->n, &p, &err), &err);
	uint32_t chunks = pass_chunks(p);
	ck_ok(pass_encode(p, SIZE_MAX, &err), &err);
	for (uint32_t at = 0, n; at < chunks; at += n) {
		n = 1 + below(seed, 3);
		n = n < chunks - at ? n : chunks - at;
		n = n < pass_alike(p, at) ? n : pass_alike(p, at);
		ck_ok(pass_scan(p, at, n, NULL, &err), &err);
	}
	ck_ok(pass_finish(p, 0, a->n, NULL, &err), &err);
	while (pass_has_rest(p))
		ck_ok(pass_rest(p, 100, NULL, &err), &err);
	pass_end(p);
}

static void search_together(const struct listed *t, struct ask *a)
{
	struct shared *s = shared_new(&t->exact);
	struct shared_request r = {.queries = a->queries, .n = a->n, .order = t->w.order};

	ck_ok(shared_search(s, &r, &err), &err);
	shared_free(s);
}

static void check_all(const struct listed *t, const struct ask *a)
{
	for (size_t i = 0; i < a->n; i++)
		check_one(t, a, i);
}

static void ask_about(const struct shape *shape, uint32_t lists, uint32_t most, uint64_t *seed)
{
	struct listed t;
	struct ask a;

	isa_force((enum isa)below(seed, ISA_AMX + 1));
	listed_make(&t, shape, lists, seed);
	ask_init(&a, &t.w, seed);
	for (enum isa isa = ISA_PORTABLE; isa <= ISA_AMX; isa++) {
		ask_questions(&a, 1 + below(seed, most), seed);
		choose_probes(&t, &a, seed);
		isa_force(isa);
		ask_again(&a);
		search_in_portions(&t, &a, seed);
		check_all(&t, &a);
		isa_force((enum isa)below(seed, ISA_AMX + 1));
		ask_again(&a);
		search_together(&t, &a);
		check_all(&t, &a);
	}
	ask_free(&a);
	listed_free(&t);
}

static const struct {
	uint32_t n, dimension, lists;
} sizes[] = {{0, 3, 4}, {1, 1, 1}, {2, 2, 2}, {9, 4, 30}, {32, 8, 1}, {33, 2, 5}, {64, 16, 2},
	{100, 3, 100}, {130, 12, 7}, {200, 31, 20}, {700, 2, 1}, {1300, 9, 3}, {1500, 5, 64},
	{130, 71, 7}, {1300, 64, 3}, {700, 97, 40}, {60, 160, 1}};

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
				.holes = below(&seed, 5),
				.sample = sizes[i].n / 3 + 1};
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
	check_all(&t, &a);
	pool_stop(pool);
	shared_free(shared);
	ask_free(&a);
	listed_free(&t);
}
END_TEST

static const struct shape plain = {.similarity = PB__SIMILARITY__SIMILARITY_COSINE,
	.dtype = PB__DTYPE__DTYPE_F32,
	.kind = KIND_CLUSTERS,
	.n = 900,
	.dimension = 6,
	.holes = 7};

static uint32_t chunks_of(const struct listed *t, struct exact_query *queries, size_t n)
{
	struct pass *p;

	ck_ok(pass_begin(&t->exact, t->w.order, queries, n, &p, &err), &err);
	uint32_t chunks = pass_chunks(p);
	pass_end(p);
	return chunks;
}

/* However many lists they look into, of so many queries' probes there is memory at a time. */
START_TEST(queries_whose_probes_are_too_many_go_in_waves)
{
	uint64_t seed = 5;
	struct exact_query queries[5 * PANEL - 1];
	struct listed t;
	struct hit hit;

	listed_make(&t, &plain, 5, &seed);
	for (size_t i = 0; i < 5 * PANEL - 1; i++)
		queries[i] = (struct exact_query){
			.vector = t.w.value, .k = 1, .floor = -INFINITY, .out = &hit, .nprobe = 4};
	uint32_t one = chunks_of(&t, queries, PANEL);
	t.lists->at_once = (5 * PANEL - 1) * 4;
	ck_assert_uint_eq(chunks_of(&t, queries, 5 * PANEL - 1), one);
	t.lists->at_once--;
	ck_assert_uint_eq(chunks_of(&t, queries, 5 * PANEL - 1), 2 * one);
	t.lists->at_once = 2 * PANEL * 4;
	ck_assert_uint_eq(chunks_of(&t, queries, 5 * PANEL - 1), 3 * one);
	t.lists->at_once = 0;
	ck_assert_uint_eq(chunks_of(&t, queries, 5 * PANEL - 1), 5 * one);
	listed_free(&t);
}
END_TEST

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
	ck_ok(lists_new(&t.w.rows.about, &t.w.exact.codes->rotation.basis, t.centroids.value, 5,
		      &other, &err),
		&err);
	ck_refused(lists_fill(other, &t.w.rows, t.w.exact.codes, &progress, &err), &err, CANCELLED,
		"CANCELLED");
	lists_free(other);
	listed_free(&t);
}
END_TEST

#ifdef HARDMINER_FAULTS
static enum code build(const struct listed *t, struct lists **out)
{
	if (lists_new(&t->w.rows.about, &t->w.exact.codes->rotation.basis, t->centroids.value, 5,
		    out, &err))
		return err.code;
	if (!lists_fill(*out, &t->w.rows, t->w.exact.codes, NULL, &err))
		return OK;
	lists_free(*out);
	return err.code;
}

START_TEST(every_single_allocation_may_fail)
{
	uint64_t seed = 4;
	struct shape shape = plain;
	struct listed t;
	struct lists *other;
	struct ask a;
	long n = 0;
	enum code rc;

	shape.similarity = (Pb__Similarity)_i;
	listed_make(&t, &shape, 5, &seed);
	t.lists->at_once = 0;
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
	check_all(&t, &a);
	ask_free(&a);
	listed_free(&t);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("lists");
	TCase *t = tcase_create("lists");

	world_tell_sets();
	tcase_add_loop_test(t, answers_are_true_about_the_nearest_lists, 0, KIND_COUNT);
	tcase_add_loop_test(t, queries_that_give_their_pass_up_see_their_lists_alone, 0, 3);
	tcase_add_loop_test(t, threads_that_share_a_request_change_nothing, 0, 3);
	tcase_add_test(t, queries_whose_probes_are_too_many_go_in_waves);
	tcase_add_test(t, a_cancelled_build_or_search_ends);
#ifdef HARDMINER_FAULTS
	tcase_add_loop_test(t, every_single_allocation_may_fail, 0, 3);
#endif
	suite_add_tcase(s, t);
	return s;
}
