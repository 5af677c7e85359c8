#include "tests/runner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lapacke.h>
#undef I /* complex.h's */

#include "proto/fault.h"
#include "storage/text/lsa_model.h"
#include "storage/text/random.h"

enum { DOCUMENTS = 120, WORDS = 60, TOPICS = 6, LENGTH = 30, DIMENSION = 12 };

static struct error err;
static uint32_t order[DOCUMENTS + 2];
static unsigned counts[DOCUMENTS][WORDS];
static char texts[DOCUMENTS + 2][LENGTH * 8];
static struct bm25 *matrix;

/* Documents of a topic each, every word in two or more; then one empty, and one of a word that no
 * other has. */
static void write_texts(void)
{
	struct random r;

	random_seed(&r, 3);
	memset(counts, 0, sizeof counts);
	for (unsigned d = 0; d < DOCUMENTS; d++) {
		char *p = texts[d];
		for (unsigned i = 0; i < LENGTH - d % 7; i++) {
			unsigned word = random_next(&r) % (WORDS / TOPICS) * TOPICS + d % TOPICS;
			if (i % 3 == 0)
				word = (unsigned)(random_next(&r) % WORDS);
			counts[d][word]++;
			p += sprintf(p, "w%u ", word);
		}
	}
	*texts[DOCUMENTS] = 0;
	strcpy(texts[DOCUMENTS + 1], "hapax");
}

static struct bm25 *index_texts(unsigned n)
{
	struct bm25_builder *builder = bm25_builder_new(NULL);
	struct bm25 *b;

	for (unsigned d = 0; d < n; d++) {
		order[d] = d;
		ck_ok(bm25_builder_add(builder, NULL, texts[d], &err), &err);
	}
	ck_ok(bm25_build(builder, order, &b, &err), &err);
	return b;
}

static void setup(void)
{
	write_texts();
	matrix = index_texts(DOCUMENTS + 2);
}

static void teardown(void)
{
	bm25_free(matrix);
}

static struct lsa *fit(uint32_t dimension, uint64_t seed)
{
	struct lsa *l = NULL;

	ck_ok(lsa_fit(matrix, dimension, seed, NULL, NULL, NULL, &l, &err), &err);
	return l;
}

/* A, from the counts and the formula, as DOCUMENTS rows. */
static double *dense_matrix(void)
{
	double *a = calloc(DOCUMENTS * WORDS, sizeof *a), average = 1, length[DOCUMENTS] = {0};

	for (int d = 0; d < DOCUMENTS; d++)
		for (int w = 0; w < WORDS; w++)
			length[d] += counts[d][w];
	for (int d = 0; d < DOCUMENTS; d++)
		average += length[d]; /* begun with the one word of the last document */
	average /= DOCUMENTS + 1;
	for (int w = 0; w < WORDS; w++) {
		double df = 0;
		for (int d = 0; d < DOCUMENTS; d++)
			df += counts[d][w] > 0;
		ck_assert_double_ge(df, 2);
		for (int d = 0; d < DOCUMENTS; d++)
			a[d * WORDS + w] = log(1 + (DOCUMENTS + 1 - df + 0.5) / (df + 0.5)) *
					   counts[d][w] /
					   (counts[d][w] + 0.9 * (0.6 + 0.4 * length[d] / average));
	}
	return a;
}

/* The row of V for each word. */
static const float *row_of(const struct lsa *l, int word)
{
	char term[16];
	uint32_t t = terms_find(&l->terms, term, (size_t)sprintf(term, "w%d", word));

	ck_assert_uint_ne(t, NO_TERM);
	return l->v + (size_t)t * l->dimension;
}

/* |A v_j|^2 */
static double energy(const double *a, const struct lsa *l, uint32_t j)
{
	double sum = 0;

	for (int d = 0; d < DOCUMENTS; d++) {
		double y = 0;
		for (int w = 0; w < WORDS; w++)
			y += a[d * WORDS + w] * (double)row_of(l, w)[j];
		sum += y * y;
	}
	return sum;
}

START_TEST(singular_vectors_are_those_of_the_dense_matrix)
{
	struct lsa *l = fit(DIMENSION, 1);
	double *a = dense_matrix(), *copy = dense_matrix(), got = 0, best = 0;
	double *s = calloc(WORDS, sizeof *s), *vt = calloc(WORDS * WORDS, sizeof *vt);
	double *rest = calloc(WORDS, sizeof *rest);

	ck_assert_int_eq(LAPACKE_dgesvd(LAPACK_ROW_MAJOR, 'N', 'A', DOCUMENTS, WORDS, copy, WORDS,
				 s, NULL, 1, vt, WORDS, rest),
		0);
	ck_assert_uint_eq(lsa_dimension(l), DIMENSION);
	ck_assert_uint_eq(l->terms.n, WORDS);
	for (uint32_t j = 0; j < DIMENSION; j++) {
		got += energy(a, l, j);
		best += s[j] * s[j];
		ck_assert_double_eq_tol(energy(a, l, j) / (s[j] * s[j]), 1, 0.02);
	}
	ck_assert_double_ge(got / best, 0.99);
	ck_assert_double_le(got / best, 1.00001);
	/* one per topic stands clear of the noise: there the vectors themselves agree */
	ck_assert_double_gt(s[TOPICS - 1], 1.5 * s[TOPICS]);
	for (uint32_t j = 0; j < TOPICS; j++)
		for (int w = 0;
			w < WORDS && s[j] > 1.02 * s[j + 1] && (!j || s[j - 1] > 1.02 * s[j]); w++)
			ck_assert_double_eq_tol(fabs((double)row_of(l, w)[j]),
				fabs(vt[j * WORDS + (unsigned)w]), 1e-3);
	free(a);
	free(copy);
	free(s);
	free(vt);
	free(rest);
	lsa_free(l);
}
END_TEST

START_TEST(vectors_are_orthonormal_and_their_largest_component_positive)
{
	struct lsa *l = fit(DIMENSION, 1);

	for (uint32_t i = 0; i < DIMENSION; i++) {
		float largest = 0;
		for (uint32_t j = 0; j < DIMENSION; j++) {
			double dot = 0;
			for (size_t t = 0; t < l->terms.n; t++)
				dot += (double)l->v[t * DIMENSION + i] * l->v[t * DIMENSION + j];
			ck_assert_double_eq_tol(dot, i == j, 1e-5);
		}
		for (size_t t = 0; t < l->terms.n; t++)
			if (fabsf(l->v[t * DIMENSION + i]) > fabsf(largest))
				largest = l->v[t * DIMENSION + i];
		ck_assert(largest > 0);
	}
	lsa_free(l);
}
END_TEST

START_TEST(a_seed_decides_every_byte)
{
	struct lsa *a = fit(DIMENSION, 5), *b = fit(DIMENSION, 5), *c = fit(DIMENSION, 6);
	size_t bytes = (size_t)a->terms.n * DIMENSION * sizeof *a->v;

	ck_assert_int_eq(memcmp(a->v, b->v, bytes), 0);
	ck_assert_int_ne(memcmp(a->v, c->v, bytes), 0);
	lsa_free(a);
	lsa_free(b);
	lsa_free(c);
}
END_TEST

START_TEST(a_documents_text_encodes_to_the_documents_vector)
{
	struct lsa *l = fit(DIMENSION, 1);
	float document[DIMENSION], text[DIMENSION];

	for (uint32_t d = 0; d < DOCUMENTS; d++) {
		double norm = 0;
		ck_assert(lsa_encode_document(l, matrix, d, document));
		ck_ok(lsa_encode_text(l, texts[d], text, &err), &err);
		ck_assert_int_eq(memcmp(document, text, sizeof text), 0);
		for (int j = 0; j < DIMENSION; j++)
			norm += (double)text[j] * text[j];
		ck_assert_double_eq_tol(norm, 1, 1e-6);
	}
	lsa_free(l);
}
END_TEST

START_TEST(a_vector_is_the_weighted_row_projected)
{
	struct lsa *l = fit(DIMENSION, 1);
	double *a = dense_matrix(), want[DIMENSION] = {0}, norm = 0;
	float got[DIMENSION];

	for (int w = 0; w < WORDS; w++)
		for (int j = 0; j < DIMENSION; j++)
			want[j] += a[17 * WORDS + w] * (double)row_of(l, w)[j];
	for (int j = 0; j < DIMENSION; j++)
		norm += want[j] * want[j];
	ck_assert(lsa_encode_document(l, matrix, 17, got));
	for (int j = 0; j < DIMENSION; j++)
		ck_assert_double_eq_tol((double)got[j], want[j] / sqrt(norm), 1e-5);
	free(a);
	lsa_free(l);
}
END_TEST

START_TEST(what_shares_no_word_has_no_vector)
{
	struct lsa *l = fit(DIMENSION, 1);
	float out[DIMENSION];

	ck_assert(!lsa_encode_document(l, matrix, DOCUMENTS, out));
	ck_assert(!lsa_encode_document(l, matrix, DOCUMENTS + 1, out));
	ck_refused(lsa_encode_text(l, "hapax unheard", out, &err), &err, INVALID_ARGUMENT,
		"NO_KNOWN_TERM");
	ck_refused(lsa_encode_text(l, "", out, &err), &err, INVALID_ARGUMENT, "NO_KNOWN_TERM");
	lsa_free(l);
}
END_TEST

START_TEST(an_impossible_dimension_is_refused)
{
	struct lsa *l = NULL;

	ck_refused(lsa_fit(matrix, WORDS + 1, 1, NULL, NULL, NULL, &l, &err), &err,
		INVALID_ARGUMENT, "BAD_DIMENSION");
	ck_assert_str_eq(err.field, "dimension");
	ck_refused(lsa_fit(matrix, 0, 1, NULL, NULL, NULL, &l, &err), &err, INVALID_ARGUMENT,
		"BAD_DIMENSION");
	ck_assert_ptr_null(l);
	struct bm25 *few = index_texts(5);
	ck_refused(lsa_fit(few, 6, 1, NULL, NULL, NULL, &l, &err), &err, INVALID_ARGUMENT,
		"BAD_DIMENSION");
	bm25_free(few);
	l = fit(WORDS, 1);
	lsa_free(l);
}
END_TEST

START_TEST(a_corpus_of_copies_has_few_directions_and_zeroes_for_the_rest)
{
	float out[5];
	struct lsa *l;

	bm25_free(matrix);
	for (unsigned d = 0; d < 6; d++)
		strcpy(texts[d], d < 3 ? "red green blue cyan pink" : "one two three four five");
	matrix = index_texts(6);
	l = fit(5, 1);
	for (unsigned d = 0; d < 6; d++) {
		double norm = 0;
		ck_assert(lsa_encode_document(l, matrix, d, out));
		for (int j = 0; j < 5; j++)
			norm += (double)out[j] * out[j];
		ck_assert_double_eq_tol(norm, 1, 1e-6);
		ck_assert(fabsf(out[2]) < 1e-6f && fabsf(out[3]) < 1e-6f && fabsf(out[4]) < 1e-6f);
	}
	lsa_free(l);
}
END_TEST

/* Follows a fit and cancels it when a phase begins. */
struct watch {
	atomic_bool cancelled;
	const char *cancel_at;
	uint64_t last;
	size_t calls;
};

static void watch_progress(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	struct watch *w = arg;

	ck_assert_uint_ge(done, w->last);
	ck_assert_uint_le(done, total);
	w->last = done;
	w->calls++;
	if (w->cancel_at && !strcmp(phase, w->cancel_at))
		atomic_store(&w->cancelled, true);
}

START_TEST(a_fit_tells_how_far_it_is_and_stops_when_told)
{
	static const char *const phases[] = {"sketch", "refine", "project"};
	struct watch w = {0};
	struct lsa *l = NULL;

	ck_ok(lsa_fit(matrix, DIMENSION, 1, &w.cancelled, watch_progress, &w, &l, &err), &err);
	ck_assert_uint_ge(w.calls, 4);
	lsa_free(l);
	l = NULL;
	for (int i = 0; i < 3; i++) {
		w = (struct watch){.cancel_at = phases[i]};
		ck_refused(
			lsa_fit(matrix, DIMENSION, 1, &w.cancelled, watch_progress, &w, &l, &err),
			&err, CANCELLED, "CANCELLED");
		ck_assert_ptr_null(l);
	}
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(every_failing_allocation_of_a_fit_is_an_error)
{
	struct lsa *l = NULL;
	long steps = 0;

	for (;; steps++) {
		fault_arm(steps);
		enum code code = lsa_fit(matrix, DIMENSION, 1, NULL, NULL, NULL, &l, &err);
		if (!fault_fired())
			break;
		ck_assert_int_eq(code, RESOURCE_EXHAUSTED);
		ck_assert_ptr_null(l);
	}
	ck_assert_int_gt(steps, 10);
	fault_arm(-1);
	lsa_free(l);
}
END_TEST

START_TEST(every_failing_allocation_of_an_encoding_is_an_error)
{
	struct lsa *l = fit(DIMENSION, 1);
	float out[DIMENSION];
	long steps = 0;

	for (;; steps++) {
		fault_arm(steps);
		enum code code = lsa_encode_text(l, texts[0], out, &err);
		if (!fault_fired())
			break;
		ck_assert_int_eq(code, RESOURCE_EXHAUSTED);
	}
	ck_assert_int_ge(steps, 2);
	fault_arm(-1);
	lsa_free(l);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("lsa");
	TCase *t = tcase_create("lsa");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, singular_vectors_are_those_of_the_dense_matrix);
	tcase_add_test(t, vectors_are_orthonormal_and_their_largest_component_positive);
	tcase_add_test(t, a_seed_decides_every_byte);
	tcase_add_test(t, a_documents_text_encodes_to_the_documents_vector);
	tcase_add_test(t, a_vector_is_the_weighted_row_projected);
	tcase_add_test(t, what_shares_no_word_has_no_vector);
	tcase_add_test(t, an_impossible_dimension_is_refused);
	tcase_add_test(t, a_corpus_of_copies_has_few_directions_and_zeroes_for_the_rest);
	tcase_add_test(t, a_fit_tells_how_far_it_is_and_stops_when_told);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, every_failing_allocation_of_a_fit_is_an_error);
	tcase_add_test(t, every_failing_allocation_of_an_encoding_is_an_error);
#endif
	suite_add_tcase(s, t);
	return s;
}
