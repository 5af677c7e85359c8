#include "tests/runner.h"

#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "proto/fault.h"
#include "storage/text/lsa_model.h"

enum { DIMENSION = 3, TEXTS = 6 };

/* Where things stand in a file, and its size with these texts. */
enum {
	AT_DIMENSION = 8,
	AT_TERMS = 12,
	AT_BYTES = 16,
	AT_AVERAGE = 40,
	AT_STEMMER = 48,
	AT_BODY_HASH = 80,
	AT_HEADER_HASH = 88,
	HEADER = 96
};

static const char *const texts[TEXTS] = {"red fox", "red dog", "lazy dog runs", "the fox runs",
	"the lazy caf\xc3\xa9", "caf\xc3\xa9 red"};

static struct error err;
static char path[PATH_MAX];
static uint32_t order[TEXTS];
static struct bm25 *matrix;
static struct lsa *model;
static unsigned char file[4096];
static size_t size, n_terms;

static void read_back(void)
{
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	size = fread(file, 1, sizeof file, f);
	fclose(f);
}

static void write_out(size_t n)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(file, 1, n, f), n);
	fclose(f);
}

static void setup(void)
{
	struct bm25_options english = {0.9, 0.4, "english"};
	struct bm25_builder *builder = bm25_builder_new(&english);

	for (uint32_t d = 0; d < TEXTS; d++) {
		order[d] = d;
		ck_ok(bm25_builder_add(builder, NULL, texts[d], &err), &err);
	}
	ck_ok(bm25_build(builder, order, &matrix, &err), &err);
	ck_ok(lsa_fit(matrix, DIMENSION, 1, NULL, NULL, NULL, &model, &err), &err);
	snprintf(path, sizeof path, "%s/model.lsa", temporary_make());
	ck_ok(lsa_save(model, path, &err), &err);
	read_back();
	n_terms = model->terms.n;
	ck_assert_uint_eq(n_terms, 7);
}

static void teardown(void)
{
	lsa_free(model);
	bm25_free(matrix);
	temporary_remove();
}

static void ck_corrupt(const char *what, size_t at)
{
	struct lsa *l = NULL;
	enum code code = lsa_load(path, &l, &err);

	ck_assert_msg(code == DATA_LOSS && !strcmp(err.reason, "CORRUPT_FILE") && !l,
		"%s at %zu was taken: %s", what, at, err.text);
}

START_TEST(a_file_gives_back_the_same_encoder)
{
	struct lsa *l = NULL;
	float a[DIMENSION], b[DIMENSION];

	ck_ok(lsa_load(path, &l, &err), &err);
	ck_assert_uint_eq(lsa_dimension(l), DIMENSION);
	ck_assert_str_eq(l->stemmer, "english");
	ck_assert_int_eq(memcmp(l->v, model->v, n_terms * DIMENSION * sizeof *l->v), 0);
	for (uint32_t d = 0; d < TEXTS; d++) {
		ck_assert(lsa_encode_document(model, matrix, d, a));
		ck_assert(lsa_encode_document(l, matrix, d, b));
		ck_assert_int_eq(memcmp(a, b, sizeof a), 0);
		ck_ok(lsa_encode_text(l, texts[d], b, &err), &err);
		ck_assert_int_eq(memcmp(a, b, sizeof a), 0);
	}
	lsa_free(l);
}
END_TEST

START_TEST(saving_replaces_what_was_there)
{
	unsigned char first[sizeof file];
	struct stat st;
	char aside[PATH_MAX + 8];

	memcpy(first, file, size);
	ck_ok(lsa_save(model, path, &err), &err);
	read_back();
	ck_assert_int_eq(memcmp(first, file, size), 0);
	snprintf(aside, sizeof aside, "%s.tmp", path);
	ck_assert_int_ne(stat(aside, &st), 0);
}
END_TEST

START_TEST(every_changed_byte_is_refused)
{
	for (size_t at = 0; at < size; at++)
		for (int bit = 0; bit < 8; bit += 7) {
			file[at] ^= (unsigned char)(1 << bit);
			write_out(size);
			ck_corrupt("a changed byte", at);
			file[at] ^= (unsigned char)(1 << bit);
		}
	struct lsa *l = NULL;
	write_out(size);
	ck_ok(lsa_load(path, &l, &err), &err);
	lsa_free(l);
}
END_TEST

START_TEST(every_other_length_is_refused)
{
	for (size_t n = 0; n < size; n++) {
		write_out(n);
		ck_corrupt("an end", n);
	}
	file[size] = 0;
	write_out(size + 1);
	ck_corrupt("a byte more", size);
}
END_TEST

/* Makes the checksums right again after something was changed on purpose. */
static void vouch(void)
{
	uint64_t hash = XXH3_64bits(file + HEADER, size - HEADER);

	memcpy(file + AT_BODY_HASH, &hash, sizeof hash);
	hash = XXH3_64bits(file, AT_HEADER_HASH);
	memcpy(file + AT_HEADER_HASH, &hash, sizeof hash);
	write_out(size);
}

static void ck_crafted(const char *what, size_t at, const void *bytes, size_t n)
{
	unsigned char before[64];

	memcpy(before, file + at, n);
	memcpy(file + at, bytes, n);
	vouch();
	ck_corrupt(what, at);
	memcpy(file + at, before, n);
}

START_TEST(right_checksums_do_not_make_it_right)
{
	size_t idf = HEADER, v = idf + 8 * n_terms, lengths = v + 4 * n_terms * DIMENSION;
	size_t bytes = lengths + 2 * n_terms;
	uint32_t zero = 0, huge = UINT32_MAX, other = DIMENSION + 1;
	uint64_t far = UINT64_MAX;
	double nan = NAN, none = 0;
	float infinite = INFINITY;
	uint16_t length = 0, more = 5;

	ck_crafted("no dimension", AT_DIMENSION, &zero, 4);
	ck_crafted("a huge dimension", AT_DIMENSION, &huge, 4);
	ck_crafted("another dimension", AT_DIMENSION, &other, 4);
	ck_crafted("no terms", AT_TERMS, &zero, 4);
	ck_crafted("too many terms", AT_TERMS, &huge, 4);
	ck_crafted("bytes without end", AT_BYTES, &far, 8);
	ck_crafted("an average of nothing", AT_AVERAGE, &none, 8);
	ck_crafted("an average that is no number", AT_AVERAGE, &nan, 8);
	ck_crafted("a stemmer nobody knows", AT_STEMMER, "klingon", 8);
	ck_crafted("a stemmer without end", AT_STEMMER, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 32);
	ck_crafted("a weight that is no number", idf, &nan, 8);
	ck_crafted("an infinite vector", v, &infinite, 4);
	ck_crafted("an empty term", lengths, &length, 2);
	ck_crafted("a longer term", lengths, &more, 2);
	/* "red", "fox" first: both become "fox" */
	ck_crafted("a term twice", bytes, "fox", 3);
	vouch();
	struct lsa *l = NULL;
	ck_ok(lsa_load(path, &l, &err), &err);
	lsa_free(l);
}
END_TEST

START_TEST(what_is_not_there_is_an_error_of_its_own)
{
	struct lsa *l = NULL;

	strcat(path, ".missing");
	ck_refused(lsa_load(path, &l, &err), &err, INTERNAL, "IO_ERROR");
	strcat(path, "/none/model.lsa");
	ck_refused(lsa_save(model, path, &err), &err, INTERNAL, "IO_ERROR");
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(a_save_that_fails_leaves_a_whole_file_and_nothing_else)
{
	unsigned char first[sizeof file];
	struct stat st;
	char aside[PATH_MAX + 8];
	long steps = 0;

	memcpy(first, file, size);
	snprintf(aside, sizeof aside, "%s.tmp", path);
	for (;; steps++) {
		fault_arm(steps);
		enum code code = lsa_save(model, path, &err);
		if (!fault_fired())
			break;
		ck_assert_int_ne(code, OK);
		read_back();
		ck_assert_int_eq(memcmp(first, file, size), 0);
		ck_assert_int_ne(stat(aside, &st), 0);
	}
	ck_assert_int_eq(steps, 10); /* lengths, create, five writes, sync, rename, sync */
	fault_arm(-1);
}
END_TEST

START_TEST(every_failing_step_of_a_load_is_an_error)
{
	struct lsa *l = NULL;
	long steps = 0;

	for (;; steps++) {
		fault_arm(steps);
		enum code code = lsa_load(path, &l, &err);
		if (!fault_fired())
			break;
		ck_assert(code == RESOURCE_EXHAUSTED || code == INTERNAL);
		ck_assert_ptr_null(l);
	}
	ck_assert_int_gt(steps, 10);
	fault_arm(-1);
	lsa_free(l);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("lsa_file");
	TCase *t = tcase_create("lsa_file");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_file_gives_back_the_same_encoder);
	tcase_add_test(t, saving_replaces_what_was_there);
	tcase_add_test(t, every_changed_byte_is_refused);
	tcase_add_test(t, every_other_length_is_refused);
	tcase_add_test(t, right_checksums_do_not_make_it_right);
	tcase_add_test(t, what_is_not_there_is_an_error_of_its_own);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, a_save_that_fails_leaves_a_whole_file_and_nothing_else);
	tcase_add_test(t, every_failing_step_of_a_load_is_an_error);
#endif
	suite_add_tcase(s, t);
	return s;
}
