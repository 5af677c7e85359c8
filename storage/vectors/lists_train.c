#include "storage/vectors/lists_train.h"

#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/centroids.h"
#include "storage/exact/score.h"
#include "storage/vectors/faiss.h"

enum { LEAST_SAMPLE = 1 << 16, A_LIST = 64, A_LIST_AT_LEAST = 16, MANY_SAMPLE = 1 << 18 };
enum { ITERATIONS = 10, SEED = 1234 };

struct training {
	const struct vectors *v;
	const struct progress *progress;
	uint32_t lists;
	uint32_t n;    /* rows of the sample */
	uint32_t *row; /* n */
	/* Of the iteration at hand: */
	struct centroids centroids;
	uint32_t assigned;  /* rows */
	uint32_t iteration; /* from 1 */
	const float *block; /* of the rows being assigned */
	uint32_t *nearest;  /* n; of those not assigned yet, in the iteration before */
};

static uint32_t sample_size(const struct vectors *v, uint32_t lists)
{
	uint32_t n = A_LIST * lists;

	if (n > MANY_SAMPLE)
		n = A_LIST_AT_LEAST * lists > MANY_SAMPLE ? A_LIST_AT_LEAST * lists : MANY_SAMPLE;
	if (n < LEAST_SAMPLE)
		n = LEAST_SAMPLE;
	return n < v->live ? n : v->live;
}

static void take_sample(struct training *t)
{
	const struct vectors *v = t->v;
	uint64_t live = 0;

	for (uint32_t row = 0, i = 0; i < t->n; row++)
		if (v->numbers[row] != DEAD_ROW && live++ == (uint64_t)i * v->live / t->n)
			t->row[i++] = row;
}

static void make_unit(float *x, uint32_t d)
{
	double length = vector_length(x, d);

	for (uint32_t j = 0; j < d && length > 0; j++)
		x[j] = (float)(x[j] / length);
}

static bool of_directions(const struct vectors *v)
{
	return v->about.similarity != PB__SIMILARITY__SIMILARITY_L2;
}

static void read_row(void *arg, uint32_t i, float *out)
{
	const struct training *t = arg;

	vectors_floats(t->v, t->row[i], out);
	if (of_directions(t->v))
		make_unit(out, t->v->about.dimension);
}

static enum code learn(void *arg, const float *centroids, struct error *e)
{
	struct training *t = arg;

	if (t->iteration == ITERATIONS) /* what comes of the last is shown, too, for nobody */
		return OK;
	centroids_free(&t->centroids);
	t->assigned = 0;
	t->iteration++;
	return centroids_init(&t->centroids, &t->v->about, NULL, centroids, t->lists, e);
}

static void read_given(void *arg, uint32_t i, float *out)
{
	const struct training *t = arg;
	uint32_t d = t->v->about.dimension;

	memcpy(out, t->block + (size_t)i * d, d * sizeof *out);
}

static void tell(void *arg, uint32_t done)
{
	const struct training *t = arg;
	uint64_t before = (uint64_t)(t->iteration - 1) * t->n + t->assigned;

	progress_report(
		t->progress, "train", before + done, (uint64_t)t->n * ITERATIONS, "assignments");
}

static enum code assign(void *arg, size_t n, const float *rows, int64_t *nearest, struct error *e)
{
	struct training *t = arg;
	struct assignment a = {.to = &t->centroids,
		.n = (uint32_t)n,
		.read = read_given,
		.told = tell,
		.arg = t,
		.nearest = t->nearest + t->assigned,
		.near = t->iteration > 1,
		.cancelled = t->progress ? t->progress->cancelled : NULL};

	t->block = rows;
	if (progress_check(t->progress, e) || centroids_assign(&a, progress_crew(t->progress), e))
		return e->code;
	for (size_t i = 0; i < n; i++)
		nearest[i] = a.nearest[i];
	t->assigned += (uint32_t)n;
	return OK;
}

static enum code train(struct training *t, float *centroids, struct error *e)
{
	struct faiss_kmeans how = {.dimension = t->v->about.dimension,
		.lists = t->lists,
		.iterations = ITERATIONS,
		.seed = SEED,
		.spherical = of_directions(t->v),
		.read = read_row,
		.learn = learn,
		.assign = assign,
		.arg = t};
	struct faiss_stop stop = {is_cancelled, t->progress ? t->progress->cancelled : NULL};

	take_sample(t);
	return faiss_kmeans(&how, t->n, centroids, &stop, e);
}

enum code lists_train(const struct vectors *v, uint32_t n, const struct progress *progress,
	float *centroids, struct error *e)
{
	struct training t = {.v = v, .progress = progress, .lists = n, .n = sample_size(v, n)};

	progress_report(progress, "train", 0, 0, "assignments");
	t.row = FAULT() ? NULL : malloc(t.n * sizeof *t.row);
	t.nearest = FAULT() ? NULL : malloc(t.n * sizeof *t.nearest);
	enum code rc = t.row && t.nearest ? train(&t, centroids, e) : error_memory(e);
	centroids_free(&t.centroids);
	free(t.row);
	free(t.nearest);
	return rc;
}
