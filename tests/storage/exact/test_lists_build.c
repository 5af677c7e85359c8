/*
 * Building lists: centroids and assignment against brute force in double, to the bit, by any number of
 * threads and with any instruction set.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "storage/exact/lists.h"
#include "storage/isa.h"
#include "storage/vectors/faiss.h"
#include "storage/vectors/lists_train.h"
#include "tests/runner.h"
#include "tests/storage/exact/world.h"
#include "workers/pool.h"

static struct error err;

enum { LISTS = 40 };

static struct crew crew;
static struct pool *pool;

static void setup(void)
{
	pool = pool_start(&(struct pool_options){.threads = {1, 3}, .queue = {1, 1024}});
	crew = pool_crew(pool);
}

static void teardown(void)
{
	pool_stop(pool);
}

static uint32_t live_of(const struct world *w)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < w->shape.n; i++)
		live += w->numbers[i] != DEAD_ROW;
	return live;
}

static bool of_directions(const struct world *w)
{
	return w->shape.similarity != PB__SIMILARITY__SIMILARITY_L2;
}

static void world_of(struct world *w, int i, uint32_t n)
{
	uint64_t seed = 13;
	struct shape s = {.similarity = (Pb__Similarity)(i % 3),
		.dtype = i % 2 ? PB__DTYPE__DTYPE_F32 : PB__DTYPE__DTYPE_F16,
		.kind = i < 3 ? KIND_POSITIVE : KIND_CLUSTERS,
		.n = n,
		.dimension = 11,
		.holes = 7};

	world_make(w, &s, &seed);
	w->rows.live = live_of(w);
}

/* K-means whose nearest centroids are found by brute force. */
struct slow {
	const struct world *w;
	struct world centroids; /* values and shape alone */
	uint32_t *live;		/* rows */
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
		out[j] = of_directions(s->w) ? (float)(row[j] / sqrt(square)) : row[j];
}

static struct world centroids_world(const struct world *w, const float *centroids)
{
	size_t bytes = (size_t)LISTS * w->shape.dimension * sizeof *centroids;
	struct world c = {.shape = {.similarity = of_directions(w) ? PB__SIMILARITY__SIMILARITY_DOT
								   : PB__SIMILARITY__SIMILARITY_L2,
				  .n = LISTS,
				  .dimension = w->shape.dimension},
		.value = malloc(bytes)};

	if (centroids)
		memcpy(c.value, centroids, bytes);
	return c;
}

/* The first of the largest. */
static uint32_t nearest(const struct world *centroids, const float *vector)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < LISTS; i++)
		if (world_score(centroids, vector, i) > world_score(centroids, vector, best))
			best = i;
	return best;
}

static enum code learn(void *arg, const float *centroids, struct error *e)
{
	struct slow *s = arg;

	(void)e;
	memcpy(s->centroids.value, centroids,
		(size_t)LISTS * s->w->shape.dimension * sizeof *centroids);
	return OK;
}

static enum code assign(void *arg, size_t n, const float *rows, int64_t *out, struct error *e)
{
	const struct slow *s = arg;

	(void)e;
	for (size_t i = 0; i < n; i++)
		out[i] = nearest(&s->centroids, rows + i * s->w->shape.dimension);
	return OK;
}

/* For rows so few that all are the sample. */
static void train_slowly(const struct world *w, float *out)
{
	struct slow s = {.w = w,
		.centroids = centroids_world(w, NULL),
		.live = malloc(w->shape.n * sizeof *s.live)};
	struct faiss_kmeans how = {.dimension = w->shape.dimension,
		.lists = LISTS,
		.iterations = 10,
		.seed = 1234,
		.spherical = of_directions(w),
		.read = read_live,
		.learn = learn,
		.assign = assign,
		.arg = &s};
	uint32_t live = 0;

	for (uint32_t i = 0; i < w->shape.n; i++)
		if (w->numbers[i] != DEAD_ROW)
			s.live[live++] = i;
	ck_ok(faiss_kmeans(&how, live, out, NULL, &err), &err);
	free(s.centroids.value);
	free(s.live);
}

START_TEST(centroids_are_those_of_kmeans_by_brute_force)
{
	struct progress progress = {.crew = &crew};
	struct world w;

	world_of(&w, _i, 1500);
	size_t bytes = (size_t)LISTS * w.shape.dimension * sizeof(float);
	float *got = malloc(bytes), *want = malloc(bytes);
	train_slowly(&w, want);
	for (enum isa isa = ISA_PORTABLE; isa <= ISA_AMX; isa++) {
		isa_force(isa);
		ck_ok(lists_train(&w.rows, LISTS, isa == ISA_AVX2 ? NULL : &progress, got, &err),
			&err);
		ck_assert_mem_eq(got, want, bytes);
	}
	free(want);
	free(got);
	world_free(&w);
}
END_TEST

static void check_filled(const struct lists *l, const struct world *w, const float *centroids)
{
	struct world c = centroids_world(w, centroids);
	uint32_t row = 0;

	ck_assert_uint_eq(l->start[0], 0);
	ck_assert_uint_eq(l->start[LISTS], live_of(w));
	for (uint32_t i = 0; i < LISTS; i++)
		for (uint32_t at = l->start[i]; at < l->start[i + 1]; at++, row = l->row[at - 1]) {
			const float *value = w->value + (size_t)l->row[at] * w->shape.dimension;
			ck_assert_uint_eq(nearest(&c, value), i);
			ck_assert(w->numbers[l->row[at]] != DEAD_ROW);
			/* Within a list as they come. */
			ck_assert(at == l->start[i] || l->row[at] > row);
		}
	free(c.value);
}

/* Centroids are some of the rows. */
START_TEST(each_row_is_in_the_list_of_its_centroid_whoever_helps)
{
	struct progress progress = {.crew = &crew};
	struct world w;
	struct lists *l;

	world_of(&w, _i, 4000);
	uint32_t d = w.shape.dimension;
	float *centroids = malloc((size_t)LISTS * d * sizeof *centroids);
	for (uint32_t i = 0; i < LISTS; i++)
		memcpy(centroids + (size_t)i * d, w.value + (size_t)i * 100 * d,
			d * sizeof *centroids);
	for (int helped = 0; helped < 2; helped++) {
		ck_ok(lists_new(&w.rows.about, &w.exact.codes->rotation.basis, centroids, LISTS, &l,
			      &err),
			&err);
		ck_ok(lists_fill(l, &w.rows, w.exact.codes, helped ? &progress : NULL, &err), &err);
		check_filled(l, &w, centroids);
		lists_free(l);
	}
	free(centroids);
	world_free(&w);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("lists build");
	TCase *t = tcase_create("lists build");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, centroids_are_those_of_kmeans_by_brute_force, 0, 6);
	tcase_add_loop_test(t, each_row_is_in_the_list_of_its_centroid_whoever_helps, 0, 6);
	suite_add_tcase(s, t);
	return s;
}
