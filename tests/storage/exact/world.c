#include "tests/storage/exact/world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/isa.h"
#include "storage/vectors/half.h"
#include "tests/runner.h"
#include "tests/storage/vectors/sample.h"

static uint32_t below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)(sample_next(seed) % n);
}

static float uniform(uint64_t *seed)
{
	return sample_value(seed, 20);
}

static float other_sign(uint64_t *seed, float x)
{
	return below(seed, 2) ? x : -x;
}

static void fill(float *x, uint32_t d, uint64_t *seed)
{
	for (uint32_t i = 0; i < d; i++)
		x[i] = uniform(seed);
}

static double length_of(const float *x, uint32_t d)
{
	double sum = 0;

	for (uint32_t i = 0; i < d; i++)
		sum += (double)x[i] * x[i];
	return sqrt(sum);
}

static void scale(float *x, uint32_t d, double by)
{
	for (uint32_t i = 0; i < d; i++)
		x[i] = (float)(x[i] * by);
}

static void make_length(float *x, uint32_t d, double length)
{
	double is = length_of(x, d);

	if (is > 0)
		scale(x, d, length / is);
}

static float some_ulps(float x, uint64_t *seed)
{
	for (uint32_t n = below(seed, 3); n > 0; n--)
		x = nextafterf(x, below(seed, 2) ? INFINITY : -INFINITY);
	return x;
}

static void one_hot(float *x, uint32_t d, uint64_t *seed)
{
	for (uint32_t i = 0; i < d; i++)
		x[i] = 0;
	x[below(seed, d)] = other_sign(seed, 1);
}

/* What scores nearly the same with `aim`, of length 1: for dot a multiple, for cosine at one angle,
 * for l2 at one distance. One-hot rows are those whose bytes tend to be exact. */
static void level(const struct world *w, float *x, uint64_t *seed)
{
	uint32_t d = w->shape.dimension;
	double along = 0;

	if (below(seed, 3))
		fill(x, d, seed);
	else
		one_hot(x, d, seed);
	for (uint32_t i = 0; i < d; i++)
		along += (double)x[i] * w->aim[i];
	if (w->shape.similarity == PB__SIMILARITY__SIMILARITY_DOT) {
		scale(x, d, fmin(fmax(1 / along, -100), 100));
		return;
	}
	if (w->shape.similarity == PB__SIMILARITY__SIMILARITY_COSINE)
		for (uint32_t i = 0; i < d; i++)
			x[i] = (float)(x[i] - along * w->aim[i]);
	make_length(x, d, 0.75);
	for (uint32_t i = 0; i < d; i++)
		x[i] += w->aim[i];
	if (w->shape.similarity == PB__SIMILARITY__SIMILARITY_COSINE)
		scale(x, d, ldexp(2 + uniform(seed), (int)below(seed, 6)));
}

/* Dimensions that are less and less, mirrored at a plane that is along none of them. */
static void fall(float *x, uint32_t d)
{
	float sum = 0;

	for (uint32_t i = 0; i < d; i++)
		sum += x[i] *= 1 / (1 + .3f * (float)i);
	for (uint32_t i = 0; i < d; i++)
		x[i] -= 2 * sum / (float)d;
}

/* A row that is random, by its kind. */
static void make_row(const struct world *w, uint32_t row, float *x, uint64_t *seed)
{
	uint32_t d = w->shape.dimension;

	fill(x, d, seed);
	switch (w->shape.kind) {
	case KIND_WHOLE:
		for (uint32_t i = 0; i < d; i++)
			x[i] = (float)below(seed, 5) - 2;
		return;
	case KIND_ZEROS:
		if (row % 2)
			scale(x, d, 0);
		return;
	case KIND_LONG:
		make_length(x, d, row % 3 ? 1e6 : 1e6 * fabs(uniform(seed)));
		return;
	case KIND_TINY:
		scale(x, d, 1e-30);
		return;
	case KIND_DENORMAL:
		for (uint32_t i = 0; i < d; i++)
			x[i] = ldexpf((float)below(seed, 9) - 4, -149);
		return;
	case KIND_SHORT:
		make_length(
			x, d, ldexp(1, -74 + (int)below(seed, 12)) * (1 + 1e-6 * uniform(seed)));
		return;
	case KIND_POSITIVE:
		for (uint32_t i = 0; i < d; i++)
			x[i] = fabsf(x[i]);
		return;
	case KIND_DOMINANT:
		x[d / 2] *= 1000;
		return;
	case KIND_SIZES:
		scale(x, d, pow(10, (int)below(seed, 34) - 30));
		return;
	case KIND_LEVEL:
		level(w, x, seed);
		return;
	case KIND_TIGHT:
		tight_row(w, x, seed);
		return;
	case KIND_FALLING:
		fall(x, d);
		return;
	case KIND_STEEP:
		steep_row(w, x, seed);
		return;
	default:
		return;
	}
}

/* Or one that is made of those before it. */
static void derive_row(const struct world *w, uint32_t row, float *x, uint64_t *seed)
{
	uint32_t d = w->shape.dimension, cluster = w->shape.n / 4 + 1, of = row;

	switch (w->shape.kind) {
	case KIND_FEW:
		of = row < 3 ? row : below(seed, 3);
		break;
	case KIND_EQUAL:
	case KIND_ULPS:
	case KIND_ALIKE:
		of = 0;
		break;
	case KIND_CLUSTERS:
		of = row / cluster * cluster;
		break;
	default:
		break;
	}
	if (of == row) {
		make_row(w, row, x, seed);
		return;
	}
	for (uint32_t i = 0; i < d; i++) {
		x[i] = w->value[(size_t)of * d + i];
		if (w->shape.kind == KIND_ULPS)
			x[i] = some_ulps(x[i], seed);
		if (w->shape.kind == KIND_ALIKE)
			x[i] += 0.001f * uniform(seed);
		if (w->shape.kind == KIND_CLUSTERS)
			x[i] += 0.05f * uniform(seed);
	}
}

/* As it is stored; and with cosine, a row has a direction. */
static void store_row(struct world *w, uint32_t row, float *x, uint64_t *seed)
{
	uint32_t d = w->shape.dimension;
	uint16_t *half = w->half + (size_t)row * d;

	if (w->shape.dtype == PB__DTYPE__DTYPE_F16)
		for (uint32_t i = 0; i < d; i++)
			x[i] = half_to_float(half_from_float(fminf(fmaxf(x[i], -2e4f), 2e4f)));
	if (w->shape.similarity == PB__SIMILARITY__SIMILARITY_COSINE && length_of(x, d) == 0)
		one_hot(x, d, seed);
	for (uint32_t i = 0; w->half && i < d; i++)
		half[i] = half_from_float(x[i]);
}

static void make_rows(struct world *w, uint64_t *seed)
{
	const struct shape *s = &w->shape;
	bool narrow = s->dtype == PB__DTYPE__DTYPE_F16;
	size_t values = (size_t)s->n * s->dimension;

	w->value = malloc((values + 1) * sizeof *w->value);
	w->half = narrow ? malloc((values + 1) * sizeof *w->half) : NULL;
	w->aim = malloc(s->dimension * sizeof *w->aim);
	fill(w->aim, s->dimension, seed);
	w->aim[0] += 2; /* not zero */
	if (s->kind == KIND_TIGHT)
		tight_aim(w, w->aim);
	make_length(w->aim, s->dimension, 1);
	for (uint32_t i = 0; i < s->n; i++) {
		float *x = w->value + (size_t)i * s->dimension;
		derive_row(w, i, x, seed);
		store_row(w, i, x, seed);
	}
	w->rows = (struct vectors){.about = {.dtype = s->dtype,
					   .similarity = s->similarity,
					   .dimension = s->dimension},
		.count = s->n,
		.numbers = w->numbers,
		.rows = narrow ? (unsigned char *)w->half : (unsigned char *)w->value,
		.row_bytes = s->dimension * dtype_bytes(s->dtype)};
}

/* Rows are of documents in any order; some documents have none. */
static void make_numbers(struct world *w, uint64_t *seed)
{
	uint32_t n = w->shape.n, documents = n + n / 3 + 1;

	w->documents = documents;
	w->numbers = sample_order(documents, sample_next(seed));
	w->order = sample_order(documents, sample_next(seed));
	w->row_of = malloc(documents * sizeof *w->row_of);
	for (uint32_t i = 0; i < documents; i++)
		w->row_of[i] = UINT32_MAX;
	for (uint32_t i = 0; i < n; i++) {
		if (w->shape.holes && below(seed, w->shape.holes) == 0)
			w->numbers[i] = DEAD_ROW;
		else
			w->row_of[w->numbers[i]] = i;
	}
}

static void drop_dead(const struct world *w, struct codes_builder *b, uint32_t first, uint32_t end)
{
	struct error e;

	for (uint32_t i = first; i < end; i += 2)
		if (w->numbers[i] == DEAD_ROW)
			ck_ok(codes_builder_drop(b, i, &e), &e);
}

struct codes *world_codes(const struct world *w, uint64_t *seed)
{
	const struct shape *s = &w->shape;
	struct codes_builder *b = codes_builder_new(s->dimension, s->dtype, s->similarity);
	struct codes *codes;
	struct error e;

	if (s->sample)
		codes_builder_sample(b, s->sample);
	for (uint32_t done = 0, some; done < s->n; done += some) {
		uint32_t left = s->n - done, most = s->n / 3 + 1;
		some = 1 + below(seed, left < most ? left : most);
		drop_dead(w, b, done, done + some);
		ck_ok(codes_builder_add(b, vectors_row(&w->rows, done), some, &e), &e);
		drop_dead(w, b, done + 1, done + some);
	}
	ck_ok(codes_builder_finish(b, &codes, &e), &e);
	return codes;
}

void world_make(struct world *w, const struct shape *shape, uint64_t *seed)
{
	*w = (struct world){.shape = *shape};
	ck_assert(rotation_init(&w->rotation, shape->dimension));
	make_numbers(w, seed);
	make_rows(w, seed);
	w->exact = (struct exact){&w->rows, world_codes(w, seed)};
}

void world_free(struct world *w)
{
	codes_free((struct codes *)w->exact.codes);
	rotation_free(&w->rotation);
	free(w->numbers);
	free(w->row_of);
	free(w->order);
	free(w->value);
	free(w->half);
	free(w->aim);
}

const char *world_name(const struct world *w)
{
#define X(name) #name,
	static const char *const kinds[] = {KINDS(X)};
#undef X
	static const char *const similarities[] = {[PB__SIMILARITY__SIMILARITY_COSINE] = "cosine",
		[PB__SIMILARITY__SIMILARITY_DOT] = "dot",
		[PB__SIMILARITY__SIMILARITY_L2] = "l2"};
	static char name[128];

	snprintf(name, sizeof name, "%s, %s, %s, %u x %u", kinds[w->shape.kind],
		similarities[w->shape.similarity],
		w->shape.dtype == PB__DTYPE__DTYPE_F16 ? "f16" : "f32", w->shape.n,
		w->shape.dimension);
	return name;
}

void world_tell_sets(void)
{
	static const char *const names[] = {
		[ISA_AVX2] = "AVX2", [ISA_AVX512] = "AVX-512 with VNNI", [ISA_AMX] = "AMX"};

	for (int isa = isa_best() + 1; isa <= ISA_AMX; isa++)
		printf("# not tested: %s, which this machine does not have\n", names[isa]);
	fflush(stdout);
}
