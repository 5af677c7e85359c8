/*
 * Exactness, against a brute force of its own. Values are multiples of small powers of two, so
 * that every sum is exact in double whatever its order: the expected scores and ties are the true
 * ones, and results are compared id for id.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/vectors/half.h"
#include "tests/runner.h"
#include "tests/storage/vectors/sample.h"

static struct error err;
static const char *dir;

static void setup(void)
{
	dir = temporary_make();
}

static void teardown(void)
{
	temporary_remove();
}

static double true_score(Pb__Similarity similarity, const float *q, const float *x, uint32_t d)
{
	double dot = 0, qq = 0, xx = 0, l2 = 0;

	for (uint32_t i = 0; i < d; i++) {
		dot += (double)q[i] * x[i];
		qq += (double)q[i] * q[i];
		xx += (double)x[i] * x[i];
		l2 += ((double)q[i] - x[i]) * ((double)q[i] - x[i]);
	}
	if (similarity == PB__SIMILARITY__SIMILARITY_COSINE)
		return dot / (sqrt(qq) * sqrt(xx));
	return similarity == PB__SIMILARITY__SIMILARITY_DOT ? dot : -l2;
}

struct truth {
	double score;
	uint32_t place, document;
};

static int best_first(const void *a, const void *b)
{
	const struct truth *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static void check_query(const struct image *g, const struct sample *s, const uint32_t *order,
	const float *q, size_t k, const struct hit *hits, size_t found)
{
	struct truth *all = malloc((s->n + 1) * sizeof *all);

	for (uint32_t i = 0; i < s->n; i++)
		all[i] = (struct truth){true_score(g->similarity, q,
						s->values + (size_t)i * s->dimension, s->dimension),
			order[s->numbers[i]], s->numbers[i]};
	qsort(all, s->n, sizeof *all, best_first);
	ck_assert_uint_eq(found, k < s->n ? k : s->n);
	for (size_t i = 0; i < found; i++) {
		ck_assert_uint_eq(hits[i].document, all[i].document);
		ck_assert(hits[i].score == all[i].score);
		ck_assert(hits[i].score == image_score(g, q, hits[i].document));
	}
	free(all);
}

/* Searches all at once and one at a time; both must be the truth. */
static void check_image(
	const struct image *g, const struct sample *s, const struct sample *q, size_t k)
{
	uint32_t *order = sample_order(s->n ? s->numbers[s->n - 1] + 1 : 1, k);
	struct hit *hits = malloc(q->n * k * sizeof *hits), *alone = malloc(k * sizeof *alone);
	size_t *found = malloc(q->n * sizeof *found), n;

	ck_ok(sample_search(g, order, q->values, q->n, k, NULL, hits, found, &err), &err);
	for (uint32_t i = 0; i < q->n; i++) {
		const float *query = q->values + (size_t)i * q->dimension;
		check_query(g, s, order, query, k, hits + i * k, found[i]);
		ck_ok(sample_search(g, order, query, 1, k, NULL, alone, &n, &err), &err);
		check_query(g, s, order, query, k, alone, n);
	}
	free(order);
	free(hits);
	free(alone);
	free(found);
}

static const Pb__Similarity similarities[] = {PB__SIMILARITY__SIMILARITY_COSINE,
	PB__SIMILARITY__SIMILARITY_DOT, PB__SIMILARITY__SIMILARITY_L2};

static void check_sample(struct sample *s, struct sample *q, Pb__Dtype dtype)
{
	static const size_t ks[] = {1, 7, 100};

	for (int m = 0; m < 3; m++) {
		struct image *g = sample_image(s, similarities[m], dtype, "exact", dir);
		for (int i = 0; i < 3; i++)
			check_image(g, s, q, ks[i]);
		image_release(g);
	}
	sample_free(s);
	sample_free(q);
}

static void check_random(uint32_t n, uint32_t d, uint32_t nq, int bits)
{
	struct sample s = sample_random(n, d, n + d, bits), q = sample_random(nq, d, 5, bits);

	check_sample(&s, &q, PB__DTYPE__DTYPE_F32);
}

START_TEST(random_vectors_of_many_shapes)
{
	static const uint32_t shapes[][3] = {{1, 1, 1}, {2, 3, 2}, {50, 7, 5}, {333, 8, 25},
		{400, 9, 3}, {1000, 33, 21}, {2000, 64, 40}, {700, 131, 19}, {600, 200, 20}};

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		check_random(shapes[i][0], shapes[i][1], shapes[i][2], 16);
}
END_TEST

START_TEST(an_image_without_documents_finds_nothing)
{
	check_random(0, 4, 3, 8);
}
END_TEST

/* Coarse values: whole runs of equal scores, at the boundary too. */
START_TEST(ties_go_by_order)
{
	check_random(3000, 4, 30, 0);
	check_random(3000, 3, 30, 1);
}
END_TEST

START_TEST(copies_of_one_document_are_told_apart_by_order)
{
	struct sample s = sample_random(2000, 24, 1, 10), q = sample_random(24, 24, 2, 10);

	for (uint32_t i = 0; i < s.n; i++)
		memcpy(s.values + (size_t)i * 24, s.values + (size_t)(i % 5) * 24,
			24 * sizeof(float));
	check_sample(&s, &q, PB__DTYPE__DTYPE_F32);
}
END_TEST

/* Scores that differ by less than floats can tell: what FAISS says of them is noise. */
START_TEST(scores_closer_than_float_precision)
{
	struct sample s = sample_random(2000, 16, 1, 10), q = sample_random(32, 16, 2, 10);
	uint64_t seed = 3;

	for (size_t i = 0; i < (size_t)s.n * s.dimension; i++)
		s.values[i] = 1 + (float)(sample_next(&seed) % 8) * 0x1p-20f;
	for (size_t i = 0; i < (size_t)q.n * q.dimension; i++)
		q.values[i] = 1 + (float)(sample_next(&seed) % 8) * 0x1p-20f;
	check_sample(&s, &q, PB__DTYPE__DTYPE_F32);
}
END_TEST

START_TEST(all_scores_negative)
{
	struct sample s = sample_random(1500, 12, 1, 12), q = sample_random(25, 12, 2, 12);

	for (size_t i = 0; i < (size_t)s.n * s.dimension; i++)
		s.values[i] = -fabsf(s.values[i]);
	for (size_t i = 0; i < (size_t)q.n * q.dimension; i++)
		q.values[i] = fabsf(q.values[i]);
	check_sample(&s, &q, PB__DTYPE__DTYPE_F32);
}
END_TEST

static void check_scaled(float document, float query)
{
	struct sample s = sample_random(1200, 10, 1, 10), q = sample_random(22, 10, 2, 10);

	for (size_t i = 0; i < (size_t)s.n * s.dimension; i++)
		s.values[i] *= document;
	for (size_t i = 0; i < (size_t)q.n * q.dimension; i++)
		q.values[i] *= query;
	check_sample(&s, &q, PB__DTYPE__DTYPE_F32);
}

START_TEST(tiny_denormal_and_huge_values)
{
	check_scaled(0x1p-60f, 0x1p-60f);
	check_scaled(0x1p-138f, 0x1p-138f); /* denormal floats */
	check_scaled(0x1p16f, 0x1p16f);
	check_scaled(0x1p16f, 0x1p100f); /* a query may be any finite vector */
	check_scaled(0x1p-138f, 0x1p100f);
}
END_TEST

START_TEST(one_document_much_longer_than_the_others)
{
	struct sample s = sample_random(1500, 12, 1, 10), q = sample_random(22, 12, 2, 10);

	for (int i = 0; i < 12; i++)
		s.values[700 * 12 + i] *= 0x1p17f;
	check_sample(&s, &q, PB__DTYPE__DTYPE_F32);
}
END_TEST

START_TEST(half_precision_rows)
{
	struct sample s = sample_random(1500, 37, 1, 10), q = sample_random(25, 37, 2, 10);

	check_sample(&s, &q, PB__DTYPE__DTYPE_F16);
}
END_TEST

START_TEST(documents_without_a_vector_have_no_score)
{
	struct sample s = sample_random(900, 8, 1, 10), q = sample_random(22, 8, 2, 10);
	float row[8];

	for (uint32_t i = 0; i < s.n; i++)
		s.numbers[i] = 3 * i + 2;
	struct image *g = sample_image(
		&s, PB__SIMILARITY__SIMILARITY_DOT, PB__DTYPE__DTYPE_F32, "exact", dir);
	check_image(g, &s, &q, 20);
	ck_assert(isnan(image_score(g, q.values, 3)));
	ck_assert(!image_document_vector(g, 3, row));
	ck_assert(image_document_vector(g, 5, row));
	ck_assert_mem_eq(row, s.values + 8, sizeof row);
	ck_assert(!image_query_vector(g, 2, row));
	image_release(g);
	sample_free(&s);
	sample_free(&q);
}
END_TEST

START_TEST(a_zero_query_is_served_where_it_has_a_meaning)
{
	struct sample s = sample_random(900, 8, 1, 10), q = sample_make(25, 8);

	for (int m = 1; m < 3; m++) {
		struct image *g =
			sample_image(&s, similarities[m], PB__DTYPE__DTYPE_F32, "exact", dir);
		check_image(g, &s, &q, 20);
		image_release(g);
	}
	sample_free(&s);
	sample_free(&q);
}
END_TEST

START_TEST(a_cancelled_search_stops)
{
	struct sample s = sample_random(2000, 8, 1, 10), q = sample_random(30, 8, 2, 10);
	uint32_t *order = sample_order(2000, 1);
	struct hit hits[30 * 5];
	size_t found[30];
	atomic_bool cancelled = true;

	struct image *g = sample_image(
		&s, PB__SIMILARITY__SIMILARITY_DOT, PB__DTYPE__DTYPE_F32, "exact", dir);
	for (size_t nq = 1; nq <= 30; nq += 29)
		ck_refused(sample_search(g, order, q.values, nq, 5, &cancelled, hits, found, &err),
			&err, CANCELLED, "CANCELLED");
	image_release(g);
	free(order);
	sample_free(&s);
	sample_free(&q);
}
END_TEST

START_TEST(every_allocation_of_a_search_may_fail)
{
	struct sample s = sample_random(2000, 8, 1, 10), q = sample_random(30, 8, 2, 10);
	uint32_t *order = sample_order(2000, 1);
	struct hit hits[30 * 5];
	size_t found[30];
	enum code rc;
	long n = 0;

	struct image *g = sample_image(
		&s, PB__SIMILARITY__SIMILARITY_DOT, PB__DTYPE__DTYPE_F32, "exact", dir);
	do {
		fault_arm(n++);
		rc = sample_search(g, order, q.values, 30, 5, NULL, hits, found, &err);
		ck_assert_int_eq(rc, fault_fired() ? RESOURCE_EXHAUSTED : OK);
	} while (rc);
	ck_assert_int_gt(n, 3);
	fault_arm(-1);
	image_release(g);
	free(order);
	sample_free(&s);
	sample_free(&q);
}
END_TEST

/* Half the rows come twice, first as something that would score best. */
START_TEST(a_row_sent_again_is_searched_as_it_came_last)
{
	enum { N = 400, D = 6 };
	struct sample all = sample_make(N + N / 2, D), last = sample_random(N, D, 3, 8);
	struct sample q = sample_random(9, D, 4, 8);
	size_t k[] = {1, 30, N / 2, N};

	for (uint32_t i = 0; i < N / 2; i++) {
		all.numbers[i] = 2 * i;
		memcpy(all.values + (size_t)i * D, q.values + i % 9 * D, D * sizeof(float));
	}
	for (uint32_t i = 0; i < N; i++) {
		uint32_t at = N / 2 + (i * 7 + 5) % N; /* in no order */
		all.numbers[at] = i;
		memcpy(all.values + (size_t)at * D, last.values + (size_t)i * D, D * sizeof(float));
	}
	for (int m = 0; m < 3; m++) {
		struct image *g =
			sample_image(&all, similarities[m], PB__DTYPE__DTYPE_F32, "exact", dir);
		ck_assert_uint_eq(g->rows, N);
		ck_assert_uint_eq(image_last_document(g), N - 1);
		for (size_t i = 0; i < sizeof k / sizeof *k; i++)
			check_image(g, &last, &q, k[i]);
		image_release(g);
	}
	sample_free(&all);
	sample_free(&last);
	sample_free(&q);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("image");
	TCase *t = tcase_create("image");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, random_vectors_of_many_shapes);
	tcase_add_test(t, an_image_without_documents_finds_nothing);
	tcase_add_test(t, ties_go_by_order);
	tcase_add_test(t, copies_of_one_document_are_told_apart_by_order);
	tcase_add_test(t, scores_closer_than_float_precision);
	tcase_add_test(t, all_scores_negative);
	tcase_add_test(t, tiny_denormal_and_huge_values);
	tcase_add_test(t, one_document_much_longer_than_the_others);
	tcase_add_test(t, half_precision_rows);
	tcase_add_test(t, documents_without_a_vector_have_no_score);
	tcase_add_test(t, a_zero_query_is_served_where_it_has_a_meaning);
	tcase_add_test(t, a_cancelled_search_stops);
	tcase_add_test(t, every_allocation_of_a_search_may_fail);
	tcase_add_test(t, a_row_sent_again_is_searched_as_it_came_last);
	suite_add_tcase(s, t);
	return s;
}
