#include "tests/storage/vectors/sample.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/vectors/half.h"
#include "storage/vectors/writer.h"
#include "tests/runner.h"

uint64_t sample_next(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

float sample_value(uint64_t *seed, int bits)
{
	int64_t span = (int64_t)1 << bits;

	return ldexpf(
		(float)((int64_t)(sample_next(seed) % (uint64_t)(2 * span + 1)) - span), -bits);
}

struct sample sample_make(uint32_t n, uint32_t dimension)
{
	struct sample s = {n, dimension, malloc((n + 1) * sizeof *s.numbers),
		calloc((size_t)n * dimension + 1, sizeof *s.values)};

	for (uint32_t i = 0; i < n; i++)
		s.numbers[i] = i;
	return s;
}

struct sample sample_random(uint32_t n, uint32_t dimension, uint64_t seed, int bits)
{
	struct sample s = sample_make(n, dimension);

	for (size_t i = 0; i < (size_t)n * dimension; i++)
		s.values[i] = sample_value(&seed, bits);
	for (uint32_t i = 0; i < n; i++) /* no row is zero */
		if (s.values[(size_t)i * dimension] == 0)
			s.values[(size_t)i * dimension] = 1;
	return s;
}

void sample_free(struct sample *s)
{
	free(s->numbers);
	free(s->values);
}

uint32_t *sample_order(uint32_t n, uint64_t seed)
{
	uint32_t *order = malloc((n + 1) * sizeof *order);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = (uint32_t)(sample_next(&seed) % (i + 1));
		order[i] = order[j];
		order[j] = i;
	}
	return order;
}

void sample_write(const struct sample *s, const struct vectors_about *about, const char *path)
{
	struct writer *w;
	struct error e;
	uint32_t live;
	uint16_t *half = malloc(s->dimension * sizeof *half);

	ck_ok(writer_open(path, about, false, &w, &e), &e);
	for (uint32_t i = 0; i < s->n; i++) {
		const float *row = s->values + (size_t)i * s->dimension;
		for (uint32_t j = 0; j < s->dimension; j++)
			half[j] = half_from_float(row[j]);
		bool narrow = about->dtype == PB__DTYPE__DTYPE_F16;
		const void *bytes = narrow ? (const void *)half : (const void *)row;
		ck_ok(writer_append(w, &s->numbers[i], bytes, 1, &e), &e);
	}
	ck_ok(writer_seal(w, NULL, &live, &e), &e);
	writer_close(w);
	free(half);
}

struct image *sample_image(const struct sample *s, Pb__Similarity similarity, Pb__Dtype dtype,
	const char *index, const char *dir)
{
	char documents[PATH_MAX], cache[PATH_MAX];
	struct vectors_about about = {
		PB__SIDE__SIDE_DOCUMENT, dtype, similarity, s->dimension, 1, 0, "test"};
	struct image_about row = {1, 0, s->dimension, similarity, "test", index};
	struct image_files files = {.documents = documents, .cache = cache};
	struct image *image;
	struct error e;

	snprintf(documents, sizeof documents, "%s/documents", dir);
	snprintf(cache, sizeof cache, "%s/cache", dir);
	sample_write(s, &about, documents);
	ck_ok(image_open(&files, &row, NULL, &image, &e), &e);
	return image;
}

enum code sample_search(const struct image *g, const uint32_t *order, const float *queries,
	size_t nq, size_t k, atomic_bool *cancelled, struct hit *hits, size_t *found,
	struct error *e)
{
	struct exact_query *q = calloc(nq, sizeof *q);
	struct shared_request request = {
		.queries = q, .n = nq, .order = order, .cancelled = cancelled};

	for (size_t i = 0; i < nq; i++)
		q[i] = (struct exact_query){.vector = queries + i * g->dimension,
			.k = k,
			.floor = -INFINITY,
			.out = hits + i * k};
	enum code rc = image_search(g, &request, e);
	for (size_t i = 0; i < nq; i++)
		found[i] = q[i].found;
	free(q);
	return rc;
}
