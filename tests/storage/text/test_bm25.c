#include "tests/runner.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/text/bm25.h"

static struct error err;
static uint32_t order[256];

static void setup(void)
{
	for (uint32_t i = 0; i < 256; i++)
		order[i] = i;
}

static struct bm25 *index_of(const struct bm25_options *options, size_t n, const char *const *texts)
{
	struct bm25_builder *builder = bm25_builder_new(options);
	struct bm25 *b = NULL;

	for (size_t i = 0; i < n; i++)
		ck_ok(bm25_builder_add(builder, NULL, texts[i], &err), &err);
	ck_ok(bm25_build(builder, order, &b, &err), &err);
	return b;
}

static size_t search(const struct bm25 *b, const char *text, size_t k, struct hit *out)
{
	struct bm25_query *q = bm25_query(b, text);
	struct bm25_request request = bm25_best(q, k);
	struct bm25_scratch *scratch = bm25_scratch_new();
	size_t n;

	ck_ok(bm25_search(b, &request, scratch, out, &n, &err), &err);
	bm25_scratch_free(scratch);
	for (size_t i = 0; i < n; i++)
		ck_assert(bm25_score(b, q, out[i].document) == out[i].score);
	bm25_query_free(q);
	return n;
}

static double score(const struct bm25 *b, const char *text, uint32_t document)
{
	struct bm25_query *q = bm25_query(b, text);
	double s = bm25_score(b, q, document);

	bm25_query_free(q);
	return s;
}

static const char *const pets[] = {"the cat sat", "the dog and the cat ran far", "a dog", ""};

START_TEST(scores_are_the_formulas)
{
	struct bm25 *b = index_of(NULL, 4, pets);
	/* 3 documents with tokens, lengths 3, 7, 2, average 4; cat is in 2 of them, dog in 2, sat in
	 * 1; k1 0.9, b 0.4 */
	double two = log(1 + 1.5 / 2.5), one = log(1 + 2.5 / 1.5);
	double norm0 = 0.9 * (0.6 + 0.4 * 3 / 4), norm1 = 0.9 * (0.6 + 0.4 * 7 / 4);

	ck_assert_double_eq_tol(score(b, "cat", 0), two / (1 + norm0), 1e-15);
	ck_assert_double_eq_tol(score(b, "cat", 1), two / (1 + norm1), 1e-15);
	ck_assert_double_eq_tol(score(b, "The", 1), two * 2 / (2 + norm1), 1e-15);
	ck_assert_double_eq_tol(score(b, "sat, Cat unknown", 0), (one + two) / (1 + norm0), 1e-15);
	ck_assert_double_eq_tol(score(b, "cat cat", 0), 2 * two / (1 + norm0), 1e-15);
	ck_assert_double_eq(score(b, "cat", 2), 0);
	ck_assert_double_eq(score(b, "cat", 3), 0);
	bm25_free(b);
}
END_TEST

START_TEST(a_title_is_part_of_the_document)
{
	const char *joined[] = {"Red fox jumps", "lazy dog"};
	struct bm25_builder *builder = bm25_builder_new(NULL);
	struct bm25 *whole = index_of(NULL, 2, joined), *titled;

	ck_ok(bm25_builder_add(builder, "Red fox", "jumps", &err), &err);
	ck_ok(bm25_builder_add(builder, "lazy dog", NULL, &err), &err);
	ck_ok(bm25_build(builder, order, &titled, &err), &err);
	ck_assert(score(titled, "fox dog", 0) == score(whole, "fox dog", 0));
	ck_assert(score(titled, "fox dog", 1) == score(whole, "fox dog", 1));
	bm25_free(whole);
	bm25_free(titled);
}
END_TEST

START_TEST(ties_go_by_order_whatever_k)
{
	const char *texts[] = {"x", "x", "x y", "x", "z", "x"};
	struct bm25 *b;
	struct hit hits[6];
	static const uint32_t want[] = {5, 3, 1, 0};

	for (uint32_t i = 0; i < 6; i++)
		order[i] = 5 - i;
	b = index_of(NULL, 6, texts);
	for (size_t k = 0; k <= 4; k++) {
		ck_assert_uint_eq(search(b, "x", k, hits), k);
		for (size_t i = 0; i < k; i++)
			ck_assert_uint_eq(hits[i].document, want[i]);
	}
	ck_assert_uint_eq(search(b, "x", 6, hits), 5);
	ck_assert_uint_eq(hits[4].document, 2);
	bm25_free(b);
}
END_TEST

START_TEST(what_has_no_known_term_matches_nothing)
{
	struct bm25 *b = index_of(NULL, 4, pets), *empty = index_of(NULL, 0, NULL);
	struct bm25 *blank = index_of(NULL, 1, &pets[3]);
	struct hit hits[4];

	ck_assert_uint_eq(search(b, "horse, cow!", 4, hits), 0);
	ck_assert_uint_eq(search(b, "", 4, hits), 0);
	ck_assert_uint_eq(search(b, NULL, 4, hits), 0);
	ck_assert_uint_eq(search(empty, "cat", 4, hits), 0);
	ck_assert_uint_eq(search(blank, "cat", 4, hits), 0);
	ck_assert_double_eq(score(blank, "cat", 0), 0);
	bm25_free(b);
	bm25_free(empty);
	bm25_free(blank);
}
END_TEST

START_TEST(a_stemmer_joins_forms_of_a_word)
{
	struct bm25_options english = {0.9, 0.4, "english"}, klingon = {0.9, 0.4, "klingon"};
	const char *texts[] = {"connections", "nothing"};
	struct bm25 *b = index_of(&english, 2, texts);
	struct bm25_builder *builder;
	struct hit hits[2];

	ck_assert_uint_eq(search(b, "connected", 2, hits), 1);
	bm25_free(b);
	builder = bm25_builder_new(&klingon);
	ck_refused(bm25_builder_add(builder, NULL, "x", &err), &err, INVALID_ARGUMENT,
		"UNKNOWN_STEMMER");
	ck_refused(bm25_build(builder, order, &b, &err), &err, INVALID_ARGUMENT, "UNKNOWN_STEMMER");
	ck_assert_str_eq(err.field, "stemmer");
}
END_TEST

static void ck_options(double k1, double b, const char *field)
{
	struct bm25_options options = {k1, b, NULL};
	struct bm25_builder *builder = bm25_builder_new(&options);
	struct bm25 *index = NULL;

	enum code rc = bm25_builder_add(builder, NULL, "x", &err);
	if (field) {
		ck_refused(rc, &err, INVALID_ARGUMENT, "OUT_OF_RANGE");
		ck_refused(bm25_build(builder, order, &index, &err), &err, INVALID_ARGUMENT,
			"OUT_OF_RANGE");
		ck_assert_str_eq(err.field, field);
		ck_assert_ptr_null(index);
	} else {
		ck_ok(rc, &err);
		ck_ok(bm25_build(builder, order, &index, &err), &err);
		bm25_free(index);
	}
}

START_TEST(options_that_the_formula_does_not_allow_are_refused)
{
	static const double k1s[] = {-1, -0x1p-1074, INFINITY, -INFINITY, NAN};
	static const double bs[] = {-0x1p-1074, 1 + 0x1p-52, INFINITY, -INFINITY, NAN};

	for (size_t i = 0; i < sizeof k1s / sizeof *k1s; i++)
		ck_options(k1s[i], 0.4, "k1");
	for (size_t i = 0; i < sizeof bs / sizeof *bs; i++)
		ck_options(0.9, bs[i], "b");
	ck_options(0, 0, NULL);
	ck_options(-0.0, 1, NULL);
	ck_options(1e300, 0.5, NULL);
}
END_TEST

START_TEST(counts_of_every_size_come_back)
{
	/* counts and steps between terms of one, two and three bytes in a packed row */
	size_t length = 20000 * 7 + 1;
	char *text = malloc(length), *p = text;
	const char *texts[] = {NULL, "w0"};
	struct bm25 *b;

	for (int i = 0; i < 20000; i++)
		p += sprintf(p, "w%d ", i);
	texts[0] = text;
	struct bm25_builder *builder = bm25_builder_new(NULL);
	ck_ok(bm25_builder_add(builder, NULL, texts[0], &err), &err);
	p = text + sprintf(text, "w19999 ");
	for (int i = 0; i < 17000; i++)
		p += sprintf(p, "w1 ");
	for (int i = 0; i < 130; i++)
		p += sprintf(p, "w300 ");
	ck_ok(bm25_builder_add(builder, NULL, text, &err), &err);
	ck_ok(bm25_build(builder, order, &b, &err), &err);
	double average = (20000 + 17131) / 2.0, idf = log(1 + 0.5 / 2.5);
	double norm = 0.9 * (0.6 + 0.4 * 17131 / average);
	ck_assert_double_eq_tol(score(b, "w1", 1), idf * 17000 / (17000 + norm), 1e-14);
	ck_assert_double_eq_tol(score(b, "w300", 1), idf * 130 / (130 + norm), 1e-14);
	ck_assert_double_eq_tol(score(b, "w19999", 1), idf / (1 + norm), 1e-14);
	ck_assert_double_eq(score(b, "w2", 1), 0);
	bm25_free(b);
	free(text);
}
END_TEST

/* Reads bm25_oracle.txt; see bm25_oracle.py. */
struct oracle {
	struct bm25_builder *builder;
	struct bm25 *b;
	size_t n, queries;
	struct hit hits[256];
};

/* The k best are the first k of all. */
static void ck_prefix(const struct bm25 *b, const char *text, size_t k, const struct hit *all)
{
	struct hit few[256];

	ck_assert_uint_eq(search(b, text, k, few), k);
	for (size_t i = 0; i < k; i++) {
		ck_assert_uint_eq(few[i].document, all[i].document);
		ck_assert(few[i].score == all[i].score);
	}
}

static void oracle_query(struct oracle *o, FILE *f, char *text)
{
	char *tab = strrchr(text, '\t'), line[256];
	size_t want = strtoul(tab + 1, NULL, 10), found;

	*tab = 0;
	if (!o->b)
		ck_ok(bm25_build(o->builder, order, &o->b, &err), &err);
	found = search(o->b, text, 256, o->hits);
	ck_assert_uint_eq(found, want);
	for (size_t i = 0; i < found; i++) {
		uint32_t document;
		double value;
		ck_assert_ptr_nonnull(fgets(line, sizeof line, f));
		ck_assert_int_eq(sscanf(line, "hit\t%" SCNu32 "\t%lf", &document, &value), 2);
		ck_assert_uint_eq(o->hits[i].document, document);
		ck_assert_double_eq_tol(o->hits[i].score, value, 1e-12);
	}
	for (size_t k = 0; k < found; k++)
		ck_prefix(o->b, text, k, o->hits);
	o->queries++;
}

START_TEST(random_corpora_agree_with_brute_force)
{
	struct oracle o = {0};
	char *line = NULL;
	size_t cap = 0;
	FILE *f = fopen(BM25_ORACLE, "r");

	ck_assert_ptr_nonnull(f);
	for (ssize_t n; (n = getline(&line, &cap, f)) > 0;) {
		line[n - 1] = 0;
		if (!strncmp(line, "corpus\t", 7)) {
			struct bm25_options options = {0};
			ck_assert_int_eq(sscanf(line + 7, "%lf\t%lf", &options.k1, &options.b), 2);
			bm25_free(o.b);
			o.b = NULL;
			o.builder = bm25_builder_new(&options);
		} else if (!strncmp(line, "document\t", 9)) {
			ck_ok(bm25_builder_add(o.builder, NULL, line + 9, &err), &err);
		} else {
			oracle_query(&o, f, line + 6);
		}
	}
	ck_assert_uint_eq(o.queries, 36);
	bm25_free(o.b);
	free(line);
	fclose(f);
}
END_TEST

#ifdef HARDMINER_FAULTS
static enum code build_whole(const struct bm25_options *options, struct bm25 **out)
{
	struct bm25_builder *builder = bm25_builder_new(options);

	if (!builder)
		return error_memory(&err);
	for (int i = 0; i < 4; i++)
		if (bm25_builder_add(builder, "title", pets[i], &err)) {
			bm25_builder_free(builder);
			return err.code;
		}
	return bm25_build(builder, order, out, &err);
}

START_TEST(every_failing_allocation_of_a_build_is_an_error)
{
	struct bm25_options english = {0.9, 0.4, "english"};
	struct bm25 *b = NULL;
	long steps = 0;

	for (;; steps++) {
		fault_arm(steps);
		enum code code = build_whole(&english, &b);
		if (!fault_fired())
			break;
		ck_assert_int_eq(code, RESOURCE_EXHAUSTED);
		ck_assert_ptr_null(b);
	}
	ck_assert_int_gt(steps, 15);
	ck_assert_ptr_nonnull(b);
	fault_arm(-1);
	bm25_free(b);
}
END_TEST

static enum code search_whole(const struct bm25 *b, struct bm25_scratch *scratch)
{
	struct bm25_query *q = bm25_query(b, "cat");
	struct hit hits[4];
	size_t found = 0;

	if (!scratch || !q) {
		bm25_query_free(q);
		return error_memory(&err);
	}
	struct bm25_request request = bm25_best(q, 4);
	enum code rc = bm25_search(b, &request, scratch, hits, &found, &err);
	ck_assert_uint_eq(found, rc ? 0 : 2);
	bm25_query_free(q);
	return rc;
}

START_TEST(every_failing_allocation_of_a_search_is_an_error)
{
	struct bm25 *b = index_of(NULL, 4, pets);
	long steps = 0;

	for (;; steps++) {
		fault_arm(steps);
		struct bm25_scratch *scratch = bm25_scratch_new();
		enum code rc = search_whole(b, scratch);
		bm25_scratch_free(scratch);
		if (!fault_fired())
			break;
		ck_assert_int_eq(rc, RESOURCE_EXHAUSTED);
	}
	ck_assert_int_eq(steps, 13);
	fault_arm(-1);
	bm25_free(b);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("bm25");
	TCase *t = tcase_create("bm25");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, scores_are_the_formulas);
	tcase_add_test(t, a_title_is_part_of_the_document);
	tcase_add_test(t, ties_go_by_order_whatever_k);
	tcase_add_test(t, what_has_no_known_term_matches_nothing);
	tcase_add_test(t, a_stemmer_joins_forms_of_a_word);
	tcase_add_test(t, options_that_the_formula_does_not_allow_are_refused);
	tcase_add_test(t, counts_of_every_size_come_back);
	tcase_add_test(t, random_corpora_agree_with_brute_force);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, every_failing_allocation_of_a_build_is_an_error);
	tcase_add_test(t, every_failing_allocation_of_a_search_is_an_error);
#endif
	suite_add_tcase(s, t);
	return s;
}
