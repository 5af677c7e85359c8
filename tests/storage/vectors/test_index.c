#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/fault.h"
#include "storage/vectors/cache.h"
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

enum { CLUSTERS = 40, K = 10, QUERIES = 50 };

/* Tight clusters, as embeddings of texts by topic are. */
static struct sample clustered(uint32_t n, uint32_t d, uint64_t seed)
{
	struct sample s = sample_make(n, d), centres = sample_random(CLUSTERS, d, 99, 10);

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < d; j++)
			s.values[(size_t)i * d + j] =
				centres.values[(size_t)(i % CLUSTERS) * d + j] +
				0.2f * sample_value(&seed, 10);
	sample_free(&centres);
	return s;
}

static double recall(const struct image *g, const struct image *exact, const struct sample *q)
{
	uint32_t *order = sample_order(exact->rows, 1);
	struct hit got[K], want[K];
	size_t found, n, right = 0;

	for (uint32_t i = 0; i < q->n; i++) {
		const float *query = q->values + (size_t)i * q->dimension;
		ck_ok(sample_search(exact, order, query, 1, K, NULL, want, &n, &err), &err);
		ck_ok(sample_search(g, order, query, 1, K, NULL, got, &found, &err), &err);
		ck_assert_uint_le(found, K);
		for (size_t a = 0; a < found; a++)
			for (size_t b = 0; b < n; b++)
				right += got[a].document == want[b].document &&
					 got[a].score == want[b].score;
	}
	free(order);
	return (double)right / (double)(q->n * K);
}

static void check_recall(const char *index, Pb__Similarity similarity, double least)
{
	struct sample s = clustered(2000, 24, 1), q = clustered(QUERIES, 24, 2);
	struct image *exact = sample_image(&s, similarity, PB__DTYPE__DTYPE_F32, "exact", dir);
	struct image *g = sample_image(&s, similarity, PB__DTYPE__DTYPE_F32, index, dir);

	double is = recall(g, exact, &q);
	ck_assert_msg(is >= least, "%s: recall %f", index, is);
	image_release(g);
	image_release(exact);
	sample_free(&s);
	sample_free(&q);
}

START_TEST(factory_indexes_find_most_of_the_true_neighbours)
{
	static const struct {
		const char *index;
		int similarities;
		double least;
	} rows[] = {{"IVF16,Flat", 3, 0.9}, {"HNSW16", 3, 0.95}, {"Flat", 3, 1}, {"SQ8", 1, 0.95},
		{"PCA16,IVF8,Flat", 1, 0.6}, {"IVF16,PQ8x4", 1, 0.3}, {"OPQ2_8,IVF4,Flat", 1, 0.3},
		{"IVF8,SQ8,RFlat", 1, 0.8},
		/* Not settled by a measurement, all lists are looked into. */
		{"lists1", 3, 1}, {"lists16", 3, 1}, {"lists2000", 3, 1}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int m = 0; m < rows[i].similarities; m++)
			check_recall(rows[i].index, (Pb__Similarity)m, rows[i].least);
}
END_TEST

START_TEST(a_query_is_answered_alike_alone_and_in_company)
{
	static const char *const indexes[] = {"IVF16,Flat", "lists16"};
	struct sample s = clustered(1500, 24, 1), q = clustered(QUERIES, 24, 2);
	uint32_t *order = sample_order(1500, 1);
	struct hit hits[QUERIES * K], alone[K];
	size_t found[QUERIES], n;
	struct image *g = sample_image(
		&s, PB__SIMILARITY__SIMILARITY_COSINE, PB__DTYPE__DTYPE_F32, indexes[_i], dir);

	ck_ok(sample_search(g, order, q.values, QUERIES, K, NULL, hits, found, &err), &err);
	for (uint32_t i = 0; i < QUERIES; i++) {
		ck_ok(sample_search(
			      g, order, q.values + (size_t)i * 24, 1, K, NULL, alone, &n, &err),
			&err);
		ck_assert_uint_eq(n, found[i]);
		for (size_t j = 0; j < n; j++) {
			ck_assert_uint_eq(alone[j].document, hits[i * K + j].document);
			ck_assert(alone[j].score == hits[i * K + j].score);
		}
	}
	image_release(g);
	free(order);
	sample_free(&s);
	sample_free(&q);
}
END_TEST

START_TEST(index_strings_that_cannot_be_are_refused_at_the_field)
{
	static const char *const strings[] = {"", "flot", "Flat,", "IVF", "IVF16", "IVF0,Flat",
		"IVF-1,Flat", "IVF99999999999999999999,Flat", "HNSW4000000000", "PQ7", "IDMap,Flat",
		"IDMap2,HNSW16", "PQ8x99", "((((((", "IVF16(,Flat", "FLAT", "flat ", "Flat\nFlat",
		"OPQ7,Flat", "lists", "lists0", "lists04", "lists65537", "lists-1", "lists 4",
		"lists4 ", "lists4,Flat", "lists4294967300", "lists18446744073709551617", "Lists4"};
	char endless[4096];

	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
		enum code rc =
			image_index_check(strings[i], 24, PB__SIMILARITY__SIMILARITY_COSINE, &err);
		ck_assert_msg(rc == INVALID_ARGUMENT, "\"%s\" is taken", strings[i]);
		ck_assert_str_eq(err.reason, "BAD_INDEX");
		ck_assert_str_eq(err.field, "index");
	}
	ck_refused(image_index_check("flat", 24, PB__SIMILARITY__SIMILARITY_L2, &err), &err,
		INVALID_ARGUMENT, "BAD_INDEX");
	ck_assert_str_eq(err.text, "It is \"exact\", \"lists<n>\" such as \"lists4096\", or a "
				   "FAISS factory string such as \"IVF1024,Flat\". The index "
				   "failed: could not parse index "
				   "string flat.");
	memset(endless, '(', sizeof endless);
	endless[sizeof endless - 1] = 0;
	ck_refused(image_index_check(endless, 24, PB__SIMILARITY__SIMILARITY_L2, &err), &err,
		INVALID_ARGUMENT, "BAD_INDEX");
	ck_ok(image_index_check("exact", 24, PB__SIMILARITY__SIMILARITY_L2, &err), &err);
	ck_ok(image_index_check("lists1", 24, PB__SIMILARITY__SIMILARITY_L2, &err), &err);
	ck_ok(image_index_check("lists65536", 24, PB__SIMILARITY__SIMILARITY_L2, &err), &err);
	ck_ok(image_index_check("IVF4096,Flat", 24, PB__SIMILARITY__SIMILARITY_L2, &err), &err);
}
END_TEST

static struct vectors_about about = {PB__SIDE__SIDE_DOCUMENT, PB__DTYPE__DTYPE_F32,
	PB__SIMILARITY__SIMILARITY_DOT, 8, 1, 0, "test"};
static struct image_about row = {1, 0, 8, PB__SIMILARITY__SIMILARITY_DOT, "test", "HNSW8"};
static char documents[PATH_MAX], cache_path[PATH_MAX];
static struct image_files files = {.documents = documents, .cache = cache_path};

static void make_files(uint32_t n)
{
	struct sample s = sample_random(n, 8, 1, 10);

	snprintf(documents, sizeof documents, "%s/documents", dir);
	snprintf(cache_path, sizeof cache_path, "%s/cache", dir);
	sample_write(&s, &about, documents);
	sample_free(&s);
}

START_TEST(an_index_that_too_few_vectors_cannot_fill_is_refused)
{
	struct image *g;

	make_files(10);
	for (int i = 0; i < 2; i++) {
		row.index = i ? "lists11" : "IVF16,Flat";
		ck_refused(image_open(&files, &row, NULL, &g, &err), &err, FAILED_PRECONDITION,
			"INDEX_NOT_BUILDABLE");
	}
	row.index = "lists10";
	ck_ok(image_open(&files, &row, NULL, &g, &err), &err);
	image_release(g);
}
END_TEST

START_TEST(files_of_another_generation_are_refused)
{
	struct image_about others[] = {row, row, row, row};
	struct image *g;

	make_files(10);
	others[0].generation = 2;
	others[1].dimension = 4;
	others[2].similarity = PB__SIMILARITY__SIMILARITY_L2;
	others[3].encoder = "other";
	for (int i = 0; i < 4; i++)
		ck_refused(image_open(&files, &others[i], NULL, &g, &err), &err, DATA_LOSS,
			"CORRUPT_FILE");
	files.queries = documents;
	ck_refused(image_open(&files, &row, NULL, &g, &err), &err, DATA_LOSS, "CORRUPT_FILE");
	files.queries = NULL;
	ck_assert_int_eq(unlink(documents), 0);
	ck_refused(image_open(&files, &row, NULL, &g, &err), &err, DATA_LOSS, "CORRUPT_FILE");
}
END_TEST

static ino_t cache_inode(void)
{
	struct stat st;

	ck_assert_int_eq(stat(cache_path, &st), 0);
	return st.st_ino;
}

/* Opens the image and says whether it had to build the index: then the cache is a file anew. */
static bool builds(void)
{
	struct image *g;
	char before[PATH_MAX];

	/* Holding the old file by a second name keeps its inode from being given out again. */
	snprintf(before, sizeof before, "%s/before", dir);
	unlink(before);
	ck_assert_int_eq(link(cache_path, before), 0);
	ino_t was = cache_inode();
	ck_ok(image_open(&files, &row, NULL, &g, &err), &err);
	ck_assert_uint_eq(g->rows, 300);
	image_release(g);
	return cache_inode() != was;
}

START_TEST(a_cache_is_believed_only_with_our_key_and_for_these_vectors)
{
	static const char *const indexes[][2] = {{"HNSW8", "HNSW9"}, {"lists8", "lists9"}};
	struct image *g;
	struct stat st;

	make_files(300);
	row.index = indexes[_i][0];
	ck_ok(image_open(&files, &row, NULL, &g, &err), &err);
	image_release(g);
	ck_assert(!builds());
	files.key.bytes[3] ^= 1;
	ck_assert(builds());
	ck_assert(!builds());
	row.index = indexes[_i][1];
	ck_assert(builds());
	ck_assert(!builds());
	ck_assert_int_eq(stat(cache_path, &st), 0);
	for (off_t at = 0; at < st.st_size; at += st.st_size / 40) {
		flip_byte(cache_path, at);
		ck_assert(builds());
	}
	ck_assert_int_eq(truncate(cache_path, st.st_size - 1), 0);
	ck_assert(builds());
	ck_assert_int_eq(truncate(cache_path, 0), 0);
	ck_assert(builds());
	ck_assert(!builds());
}
END_TEST

START_TEST(the_key_is_made_once_and_is_private)
{
	char path[PATH_MAX];
	struct hash_key first, again;
	struct stat st;

	snprintf(path, sizeof path, "%s/key", dir);
	ck_ok(cache_key(path, &first, &err), &err);
	ck_ok(cache_key(path, &again, &err), &err);
	ck_assert_mem_eq(&first, &again, sizeof first);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(truncate(path, 3), 0);
	ck_ok(cache_key(path, &again, &err), &err);
	ck_assert_mem_ne(&first, &again, sizeof first);
}
END_TEST

START_TEST(every_step_of_opening_may_fail)
{
	struct image *g;
	enum code rc;
	long n = 0;

	make_files(_i ? 40 : 300); /* lists have steps for every row */
	row.index = _i ? "lists4" : "IVF4,Flat";
	do {
		unlink(cache_path);
		fault_arm(n++);
		rc = image_open(&files, &row, NULL, &g, &err);
		if (rc)
			ck_assert(fault_fired());
		else
			image_release(g);
	} while (fault_fired());
	fault_arm(-1);
	ck_assert_int_gt(n, 10);
}
END_TEST

/* Of lists read back everything is as it was built. */
START_TEST(lists_answer_alike_from_their_cache)
{
	struct sample q = sample_random(QUERIES, 8, 2, 10);
	uint32_t *order = sample_order(300, 1);
	struct hit built[QUERIES * K], read[QUERIES * K];
	size_t found[QUERIES];
	Pb__Recall settled = PB__RECALL__INIT;
	struct image *g;

	make_files(300);
	settled.has_recall = settled.has_nprobe = 1;
	settled.nprobe = 3;
	row.index = "lists20";
	row.recall = &settled;
	for (int again = 0; again < 2; again++) {
		ck_ok(image_open(&files, &row, NULL, &g, &err), &err);
		ck_ok(sample_search(g, order, q.values, QUERIES, K, NULL, again ? read : built,
			      found, &err),
			&err);
		image_release(g);
	}
	for (size_t i = 0; i < QUERIES * K; i++)
		ck_assert(built[i].document == read[i].document && built[i].score == read[i].score);
	row.recall = NULL;
	free(order);
	sample_free(&q);
}
END_TEST

START_TEST(a_cancelled_build_stops)
{
	struct image *g;
	atomic_bool cancelled = true;
	struct progress progress = {.cancelled = &cancelled};

	make_files(300);
	row.index = _i ? "lists8" : "HNSW8";
	ck_refused(image_open(&files, &row, &progress, &g, &err), &err, CANCELLED, "CANCELLED");
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("index");
	TCase *t = tcase_create("index");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, factory_indexes_find_most_of_the_true_neighbours);
	tcase_add_loop_test(t, a_query_is_answered_alike_alone_and_in_company, 0, 2);
	tcase_add_test(t, index_strings_that_cannot_be_are_refused_at_the_field);
	tcase_add_test(t, an_index_that_too_few_vectors_cannot_fill_is_refused);
	tcase_add_test(t, files_of_another_generation_are_refused);
	tcase_add_loop_test(t, a_cache_is_believed_only_with_our_key_and_for_these_vectors, 0, 2);
	tcase_add_test(t, the_key_is_made_once_and_is_private);
	tcase_add_test(t, lists_answer_alike_from_their_cache);
	tcase_add_loop_test(t, every_step_of_opening_may_fail, 0, 2);
	tcase_add_loop_test(t, a_cancelled_build_stops, 0, 2);
	suite_add_tcase(s, t);
	return s;
}
