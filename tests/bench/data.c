#include "tests/bench/data.h"

#include <cblas.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/exact/codes.h"

enum { TOPICS = 64, SUBS = 80, CENTRES = TOPICS * SUBS, BATCH = 16384 };

struct law {
	float deviation[D]; /* of axis i */
	float rotation[D * D];
	float centre[CENTRES][D]; /* mean, topic and sub-cluster together */
	double chance[CENTRES];	  /* of this centre or one before it */
};

static uint64_t mixed(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t next_random(uint64_t *state)
{
	return mixed(*state += 0x9e3779b97f4a7c15u);
}

static double uniform(uint64_t *state)
{
	return (double)(next_random(state) >> 11) * 0x1p-53;
}

/* The sum of four uniform numbers, which is near enough to normal; variance 1. */
static float nearly_normal(uint64_t *state)
{
	uint64_t r = next_random(state);
	int32_t sum = (int32_t)(r & 0xffff) + (int32_t)(r >> 16 & 0xffff) +
		      (int32_t)(r >> 32 & 0xffff) + (int32_t)(r >> 48);

	return (float)(sum - 2 * 65535) / 37837.2f;
}

static double length_of(const float *x)
{
	double square = 0;

	for (int i = 0; i < D; i++)
		square += (double)x[i] * x[i];
	return sqrt(square);
}

static void to_length(float *x, double length)
{
	double factor = length / length_of(x);

	for (int i = 0; i < D; i++)
		x[i] = (float)(x[i] * factor);
}

/* Adds a part with this energy to x, in the axes' own space. */
static void add_part(const struct law *l, float *x, float energy, uint64_t *state)
{
	float amplitude = sqrtf(energy);

	for (int i = 0; i < D; i++)
		x[i] += amplitude * l->deviation[i] * nearly_normal(state);
}

static void make_spectrum(struct law *l)
{
	double variance[D], sum = 0;

	for (int i = 0; i < D; i++)
		sum += variance[i] = exp(-i / 256.0) / (i + 32);
	for (int i = 0; i < D; i++)
		l->deviation[i] = (float)sqrt(variance[i] / sum);
}

/* Random rows, each freed of those before it. */
static void make_rotation(struct law *l, uint64_t *state)
{
	for (int i = 0; i < D; i++) {
		float *row = l->rotation + i * D;
		for (int j = 0; j < D; j++)
			row[j] = nearly_normal(state);
		for (int other = 0; other < 2 * i; other++) { /* twice, for what rounding left */
			const float *before = l->rotation + other % i * D;
			double along = 0;
			for (int j = 0; j < D; j++)
				along += (double)row[j] * before[j];
			for (int j = 0; j < D; j++)
				row[j] -= (float)(along * before[j]);
		}
		to_length(row, 1);
	}
}

static void make_centres(struct law *l, uint64_t *state)
{
	float mean[D] = {0}, topic[D];
	double sum = 0;

	add_part(l, mean, 1, state);
	to_length(mean, sqrt(.2));
	for (int c = 0; c < CENTRES; c++) {
		if (c % SUBS == 0) {
			memcpy(topic, mean, sizeof topic);
			add_part(l, topic, .2f, state);
		}
		memcpy(l->centre[c], topic, sizeof topic);
		add_part(l, l->centre[c], .2f, state);
		l->chance[c] = sum += 1.0 / (c / SUBS + 1) / (c % SUBS + 1);
	}
	for (int c = 0; c < CENTRES; c++)
		l->chance[c] /= sum;
}

static struct law *make_law(void)
{
	uint64_t state = 1;
	struct law *l = must_allocate(1, sizeof *l);

	make_spectrum(l);
	make_rotation(l, &state);
	make_centres(l, &state);
	return l;
}

static int pick_centre(const struct law *l, double at)
{
	int low = 0, high = CENTRES - 1;

	while (low < high) {
		int middle = (low + high) / 2;
		if (l->chance[middle] <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct part { /* of a batch: what one thread makes */
	const struct law *law;
	float *axes, *rows; /* BATCH x D each */
	uint32_t first, n;
	size_t threads;
};

/* Each row has random numbers of its own, whoever makes it. */
static void make_rows(void *arg, size_t thread)
{
	const struct part *p = arg;
	uint32_t from = (uint32_t)(p->n * thread / p->threads);
	uint32_t to = (uint32_t)(p->n * (thread + 1) / p->threads);
	float *axes = p->axes + (size_t)from * D, *rows = p->rows + (size_t)from * D;

	for (uint32_t i = from; i < to; i++) {
		uint64_t state = mixed(p->first + i + ((uint64_t)1 << 32));
		float *x = p->axes + (size_t)i * D;
		memcpy(x, p->law->centre[pick_centre(p->law, uniform(&state))], D * sizeof *x);
		add_part(p->law, x, .4f, &state);
	}
	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)(to - from), D, D, 1, axes, D,
		p->law->rotation, D, 0, rows, D);
	for (uint32_t i = from; i < to; i++)
		to_length(p->rows + (size_t)i * D, 1);
}

static void fail_at(const char *path)
{
	fprintf(stderr, "bench: could not write or read %s\n", path);
	exit(1);
}

/* The rows alone, back to back: what every partner can map. */
static void write_documents(const struct bench *b, const struct data *d, const struct law *law)
{
	uint32_t rows = d->documents.count;
	struct part p = {law, must_allocate(BATCH, D * sizeof(float)),
		must_allocate(BATCH, D * sizeof(float)), 0, 0, b->cores};
	FILE *f = fopen(d->documents_path, "wb");

	for (; f && p.first < rows; p.first += p.n) {
		p.n = rows - p.first < BATCH ? rows - p.first : BATCH;
		on_threads(p.threads, make_rows, &p);
		if (fwrite(p.rows, D * sizeof(float), p.n, f) != p.n)
			fail_at(d->documents_path);
	}
	if (!f || fclose(f))
		fail_at(d->documents_path);
	free(p.axes);
	free(p.rows);
}

static void map_documents(struct data *d)
{
	struct vectors *v = &d->documents;
	int fd = open(d->documents_path, O_RDONLY | O_CLOEXEC);

	v->map_bytes = (size_t)v->count * v->row_bytes;
	v->map = fd < 0 ? MAP_FAILED : mmap(NULL, v->map_bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (v->map == MAP_FAILED)
		fail_at(d->documents_path);
	close(fd);
	v->rows = v->map;
}

static void make_documents(const struct bench *b, struct data *d, const struct law *law)
{
	uint32_t rows = b->twice ? 2 * b->rows : b->rows;
	uint32_t *numbers = must_allocate(rows, sizeof *numbers);

	for (uint32_t i = 0; i < rows; i++)
		numbers[i] = i;
	d->order = d->numbers = numbers;
	d->documents = (struct vectors){.about = {.side = PB__SIDE__SIDE_DOCUMENT,
						.dtype = PB__DTYPE__DTYPE_F32,
						.similarity = PB__SIMILARITY__SIMILARITY_COSINE,
						.dimension = D,
						.generation = 1},
		.count = rows,
		.live = rows,
		.last = rows - 1,
		.numbers = numbers,
		.row_bytes = D * sizeof(float)};
	write_documents(b, d, law);
	map_documents(d);
}

static void make_query(const struct law *law, const float *document, float *query, uint64_t *state)
{
	float noise[D] = {0};

	memcpy(query, document, D * sizeof *query);
	add_part(law, noise, .384f, state); /* 1 / sqrt(1.384) = .85 */
	cblas_sgemv(CblasRowMajor, CblasTrans, D, D, 1, law->rotation, D, noise, 1, 1, query, 1);
	to_length(query, 1);
}

/* `source` may be NULL. */
static float *make_queries(const struct bench *b, const struct data *d, const struct law *law,
	size_t n, uint64_t state, const char *path, uint32_t *source)
{
	float *queries = must_allocate(n * D, sizeof *queries);
	FILE *f = fopen(path, "wb");

	for (size_t i = 0; i < n; i++) {
		uint32_t row = (uint32_t)(next_random(&state) % b->rows);
		make_query(law, vectors_row(&d->documents, row), queries + i * D, &state);
		if (source)
			source[i] = row;
	}
	if (!f || fwrite(queries, D * sizeof(float), n, f) != n || fclose(f))
		fail_at(path);
	return queries;
}

float *more_queries(struct bench *b, size_t n, const char *path)
{
	const struct data *d = data_of(b);
	struct law *law = make_law();
	float *queries = make_queries(b, d, law, n, 3, path, NULL);

	free(law);
	return queries;
}

/* What became of the intentions, for who reads the figures. */
static void describe(const struct data *d)
{
	double positive = 0, random = 0;

	for (size_t i = 0; i < Q; i++) {
		const float *q = d->queries + i * D;
		const float *other = d->queries + (i + 1) % Q * D;
		positive += cblas_sdot(D, q, 1, vectors_row(&d->documents, d->source[i]), 1);
		random += cblas_sdot(D, other, 1, vectors_row(&d->documents, d->source[i]), 1);
	}
	fprintf(stderr, "# data: %u x %d, %d queries; a positive scores %.2f, another %.2f\n",
		d->documents.count, D, Q, positive / Q, random / Q);
}

const struct data *data_of(struct bench *b)
{
	if (b->data)
		return b->data;
	struct data *d = b->data = must_allocate(1, sizeof *d);
	struct law *law = make_law();
	snprintf(d->documents_path, sizeof d->documents_path, "%s/documents", b->dir);
	snprintf(d->queries_path, sizeof d->queries_path, "%s/queries", b->dir);
	make_documents(b, d, law);
	d->queries = make_queries(b, d, law, Q, 2, d->queries_path, d->source);
	free(law);
	describe(d);
	return d;
}

struct codes *codes_of(const struct vectors *rows)
{
	struct codes_builder *builder = vectors_codes_builder(&rows->about);
	struct codes *codes;
	struct error e;

	if (!builder) {
		fprintf(stderr, "bench: no memory for the codes\n");
		exit(1);
	}
	must(codes_builder_add(builder, rows->rows, rows->count, &e), &e, "encode the rows");
	must(codes_builder_finish(builder, &codes, &e), &e, "encode the rows");
	return codes;
}

struct vectors first_rows(const struct data *d, uint32_t rows)
{
	struct vectors first = d->documents;

	first.count = first.live = rows;
	first.last = rows - 1;
	return first;
}

const struct exact *exact_of(struct bench *b)
{
	if (b->exact)
		return b->exact;
	const struct data *d = data_of(b);
	struct exact *x = must_allocate(1, sizeof *x);
	struct vectors *rows = must_allocate(1, sizeof *rows);
	double began = now_s();
	size_t before = private_bytes(getpid());
	*rows = first_rows(d, b->rows);
	x->rows = rows;
	x->codes = codes_of(rows);
	b->codes_bytes = private_bytes(getpid()) - before;
	fprintf(stderr, "# codes: made in %.2f s on one thread\n", now_s() - began);
	return b->exact = x;
}
