/*
 * The recall that is told of a generation, against a brute force of its own. Values are small whole
 * numbers, so every sum is exact in double and scores are compared to the last bit.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/fault.h"
#include "proto/limits.h"
#include "storage/rows/generations.h"
#include "storage/vectors/approximate.h"
#include "storage/vectors/image_private.h"
#include "tests/storage/catalog_fixture.h"
#include "tests/storage/vectors/sample.h"

enum { D = 12, MOST = 1200 };

static float rows[2][MOST][D]; /* by side */

static void draw(uint64_t seed)
{
	float *all = rows[0][0];

	for (size_t i = 0; i < sizeof rows / sizeof *all; i++)
		all[i] = ldexpf(sample_value(&seed, 4), 4);
	for (size_t i = 0; i < MOST; i++)
		rows[0][i][0] = rows[1][i][0] = 20; /* none is zero */
}

static uint64_t begin_with(const char *index, Pb__Similarity similarity, uint32_t dimension)
{
	Pb__BeginGenerationRequest req = PB__BEGIN_GENERATION_REQUEST__INIT;
	Pb__Generation g;

	req.collection = "demo";
	req.encoder = "test";
	req.has_dimension = req.has_similarity = 1;
	req.dimension = dimension;
	req.similarity = similarity;
	req.index = (char *)index;
	ck_ok(catalog_begin(catalog, &req, &arena, &g, &err), &err);
	return g.generation;
}

static void send(uint64_t generation, Pb__Side side, uint32_t n, const void *values, size_t bytes)
{
	Pb__UpsertVectorsRequest req = PB__UPSERT_VECTORS_REQUEST__INIT;
	uint64_t upserted;

	req.collection = "demo";
	req.has_generation = req.has_of = req.has_data = 1;
	req.generation = generation;
	req.of = side;
	req.ids = arena_array(&arena, n + 1, sizeof *req.ids);
	req.n_ids = n;
	for (uint32_t i = 0; i < n; i++)
		((const char **)req.ids)[i] = arena_printf(&arena, "%c%u", side ? 'q' : 'd', i);
	req.data = (ProtobufCBinaryData){bytes, (uint8_t *)values};
	if (n)
		ck_ok(catalog_upsert_vectors(catalog, &req, NULL, &upserted, &err), &err);
}

static uint64_t filled(
	const char *index, Pb__Similarity similarity, uint32_t documents, uint32_t queries)
{
	uint64_t g = begin_with(index, similarity, D);

	put("demo", documents, queries);
	send(g, PB__SIDE__SIDE_DOCUMENT, documents, rows[0], documents * sizeof rows[0][0]);
	send(g, PB__SIDE__SIDE_QUERY, queries, rows[1], queries * sizeof rows[1][0]);
	return g;
}

static enum code publish_with(uint64_t g, const struct progress *progress, Pb__Generation *out)
{
	return catalog_publish(
		catalog, "demo", g, false, progress, &arena, out, &(uint64_t){0}, &err);
}

static Pb__Recall published_recall(uint64_t g)
{
	Pb__Generation about;

	ck_ok(publish_with(g, NULL, &about), &err);
	ck_assert_ptr_nonnull(about.recall);
	return *about.recall;
}

static double score(Pb__Similarity similarity, const float *q, const float *x)
{
	double dot = 0, qq = 0, xx = 0, l2 = 0;

	for (int i = 0; i < D; i++) {
		dot += (double)q[i] * x[i];
		qq += (double)q[i] * q[i];
		xx += (double)x[i] * x[i];
		l2 += ((double)q[i] - x[i]) * ((double)q[i] - x[i]);
	}
	if (similarity == PB__SIMILARITY__SIMILARITY_COSINE)
		return dot / (sqrt(qq) * sqrt(xx));
	return similarity == PB__SIMILARITY__SIMILARITY_DOT ? dot : -l2;
}

static int falling(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x > y ? -1 : x < y;
}

/* The score of the k-th best document but `itself`. */
static double kth_score(const struct view *v, const float *query, uint32_t itself, uint32_t k)
{
	double all[MOST];
	uint32_t n = 0;

	for (uint32_t i = 0; i < v->image->rows; i++)
		if (i != itself)
			all[n++] = score(v->image->similarity, query, rows[0][i]);
	qsort(all, n, sizeof *all, falling);
	return all[k - 1];
}

static size_t search(const struct view *v, const float *query, size_t k, struct hit *hits)
{
	struct exact_query q = {.vector = query, .k = k, .floor = -INFINITY, .out = hits};
	struct shared_request r = {.queries = &q, .n = 1, .order = v->corpus->order};

	ck_ok(image_search(v->image, &r, &err), &err);
	return q.found;
}

/* How many of k found documents but `itself` belong there. */
static uint32_t right(const struct view *v, const float *query, uint32_t itself, uint32_t k)
{
	struct hit hits[101];
	size_t found = search(v, query, k + (itself != UINT32_MAX), hits), taken = 0;
	double least = kth_score(v, query, itself, k);
	uint32_t n = 0;

	for (size_t i = 0; i < found && taken < k; i++) {
		if (hits[i].document == itself)
			continue;
		taken++;
		n += score(v->image->similarity, query, rows[0][hits[i].document]) >= least;
	}
	return n;
}

/* Of the first n rows of a side, k found of each. */
static double true_recall(Pb__Side sampled, uint32_t n, uint32_t k)
{
	bool documents = sampled == PB__SIDE__SIDE_DOCUMENT;
	struct view v;
	uint64_t n_right = 0;

	ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NEEDED, NULL, &v, &err), &err);
	for (uint32_t i = 0; i < n; i++)
		n_right += right(&v, rows[sampled][i], documents ? i : UINT32_MAX, k);
	view_release(&v);
	return (double)n_right / ((double)n * k);
}

START_TEST(recall_is_the_share_that_a_brute_force_counts)
{
	static const char *const indexes[] = {
		"IVF25,Flat", "HNSW4", "PQ2x4", "lists25", "IVF16,SQ4", "LSH"};

	draw(1);
	for (int i = 0; i < 6; i++)
		for (int m = i < 4 ? 0 : 2; m < 3; m++) { /* the last two for l2 alone */
			uint64_t g = filled(indexes[i], (Pb__Similarity)m, 1000, 250);
			Pb__Recall r = published_recall(g);
			ck_assert_uint_eq(r.k, 100);
			ck_assert_uint_eq(r.queries, 250);
			ck_assert_int_eq(r.sampled, PB__SIDE__SIDE_QUERY);
			ck_assert_msg(r.recall == true_recall(r.sampled, 250, 100),
				"%s, similarity %d: told %.6f, is %.6f", indexes[i], m, r.recall,
				true_recall(r.sampled, 250, 100));
			ck_assert(i == 1 ? r.recall > .5 : i == 3 ? r.recall >= .99 : r.recall < 1);
		}
}
END_TEST

/* Of all 250 queries, k = 100, with so many lists looked into. */
static double recall_of(const struct view *v, uint32_t nprobe)
{
	struct faiss_parameters how = {.nprobe = nprobe};
	uint64_t n_right = 0;

	for (uint32_t i = 0; i < 250; i++) {
		struct hit hits[100];
		struct exact_query q = {
			.vector = rows[1][i], .k = 100, .floor = -INFINITY, .out = hits};
		struct shared_request r = {.queries = &q, .n = 1, .order = v->corpus->order};
		double least = kth_score(v, rows[1][i], UINT32_MAX, 100);
		ck_ok(approximate_search(v->image, &how, &r, &err), &err);
		for (size_t j = 0; j < q.found; j++)
			n_right += score(v->image->similarity, rows[1][i],
					   rows[0][hits[j].document]) >= least;
	}
	return (double)n_right / 25000;
}

START_TEST(lists_are_settled_at_the_fewest_that_find_nearly_all)
{
	struct view v;

	draw(30);
	for (uint32_t i = 0; i < 1000; i++) /* in twenty clusters */
		for (int j = 0; j < D; j++)
			rows[0][i][j] += 3 * rows[1][300 + i % 20][j];
	for (uint32_t i = 0; i < 250; i++)
		for (int j = 0; j < D; j++)
			rows[1][i][j] += rows[0][i][j];
	for (int m = 0; m < 3; m++) {
		Pb__Recall r = published_recall(filled("lists40", (Pb__Similarity)m, 1000, 250));
		ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NEEDED, NULL, &v, &err), &err);
		ck_assert_uint_eq(v.image->lists, 40);
		ck_assert(r.has_nprobe && !r.has_ef_search);
		ck_assert_uint_gt(r.nprobe, 1);
		ck_assert_uint_lt(r.nprobe, 40);
		ck_assert(r.recall >= .99 && r.recall == recall_of(&v, r.nprobe));
		ck_assert(r.recall == recall_of(&v, 0));
		ck_assert(recall_of(&v, r.nprobe / 2) < .99);
		ck_assert(recall_of(&v, 40) == 1);
		view_release(&v);
	}
}
END_TEST

START_TEST(with_few_queries_documents_are_searched_for_among_the_others)
{
	draw(2);
	uint64_t g = filled("IVF16,Flat", PB__SIMILARITY__SIMILARITY_L2, 240, 199);
	Pb__Recall r = published_recall(g);

	ck_assert_int_eq(r.sampled, PB__SIDE__SIDE_DOCUMENT);
	ck_assert_uint_eq(r.queries, 240);
	ck_assert_uint_eq(r.k, 100);
	ck_assert(r.recall < 1);
	ck_assert(r.recall == true_recall(r.sampled, 240, 100));
	draw(3);
	g = filled("IVF16,Flat", PB__SIMILARITY__SIMILARITY_L2, 240, 0);
	draw(2);
	send(g, PB__SIDE__SIDE_DOCUMENT, 240, rows[0], 240 * sizeof rows[0][0]); /* again */
	ck_assert(published_recall(g).recall == r.recall);
}
END_TEST

/* k of the n documents are found, each once and by the vector that came last. A graph need not lead
 * to all of them. */
static void check_no_dead(uint32_t n, uint32_t k)
{
	struct hit hits[MOST];
	bool seen[MOST];
	struct view v;

	ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NEEDED, NULL, &v, &err), &err);
	ck_assert_uint_eq(v.image->rows, n);
	for (uint32_t q = 0; q < 20; q++) {
		memset(seen, 0, sizeof seen);
		ck_assert_uint_eq(search(&v, rows[1][q], k, hits), k);
		for (uint32_t i = 0; i < k; i++) {
			ck_assert_uint_lt(hits[i].document, n);
			ck_assert(!seen[hits[i].document]);
			seen[hits[i].document] = true;
			ck_assert(hits[i].score == score(v.image->similarity, rows[1][q],
							   rows[0][hits[i].document]));
		}
	}
	view_release(&v);
}

START_TEST(rows_that_were_sent_again_are_neither_found_nor_missed)
{
	static const char *const indexes[] = {"Flat", "SQ8", "lists1", "HNSW16"};

	for (int i = 0; i < 4; i++) {
		draw(20);
		uint64_t g = filled(indexes[i], PB__SIMILARITY__SIMILARITY_L2, 600, 300);
		draw(21);
		send(g, PB__SIDE__SIDE_DOCUMENT, 600, rows[0], 600 * sizeof rows[0][0]);
		send(g, PB__SIDE__SIDE_QUERY, 250, rows[1], 250 * sizeof rows[1][0]);
		Pb__Recall r = published_recall(g);
		ck_assert_uint_eq(r.queries, 256); /* of three hundred */
		ck_assert(r.recall > .9);
		check_no_dead(600, i < 3 ? 600 : 200);
		catalog_reopen(); /* the index comes from its cache */
		check_no_dead(600, i < 3 ? 600 : 200);
	}
}
END_TEST

START_TEST(equal_scores_are_as_good_as_each_other)
{
	draw(3);
	for (uint32_t i = 0; i < 600; i++) /* three documents, two hundred times each */
		memcpy(rows[0][i], rows[0][i % 3], sizeof rows[0][i]);
	uint64_t g = filled("HNSW16", PB__SIMILARITY__SIMILARITY_DOT, 600, 220);
	Pb__Recall r = published_recall(g);

	ck_assert(r.recall == true_recall(r.sampled, 220, 100));
	draw(4);
	for (uint32_t i = 0; i < 600; i++)
		memcpy(rows[0][i], rows[0][0], sizeof rows[0][i]);
	r = published_recall(filled("Flat", PB__SIMILARITY__SIMILARITY_DOT, 600, 220));
	ck_assert(r.recall == 1);
}
END_TEST

START_TEST(an_index_that_looks_at_everything_has_recall_1_of_what_there_is)
{
	draw(5);
	Pb__Recall r = published_recall(filled("Flat", PB__SIMILARITY__SIMILARITY_COSINE, 30, 9));
	ck_assert_uint_eq(r.k, 29);
	ck_assert_uint_eq(r.queries, 30);
	ck_assert(r.recall == 1);
	ck_assert(!r.has_nprobe && !r.has_ef_search);
	r = published_recall(filled("Flat", PB__SIMILARITY__SIMILARITY_COSINE, 30, 201));
	ck_assert_uint_eq(r.k, 30);
	ck_assert(r.recall == 1);
	r = published_recall(filled("Flat", PB__SIMILARITY__SIMILARITY_L2, 1100, 1000));
	ck_assert_uint_eq(r.queries, 256); /* of a thousand */
	ck_assert(r.recall == 1);
}
END_TEST

START_TEST(what_cannot_be_measured_is_not_told)
{
	Pb__Generation about;

	draw(6);
	ck_ok(publish_with(filled("Flat", PB__SIMILARITY__SIMILARITY_L2, 1, 0), NULL, &about),
		&err);
	ck_assert_ptr_null(about.recall);
	ck_ok(publish_with(filled("exact", PB__SIMILARITY__SIMILARITY_L2, 300, 0), NULL, &about),
		&err);
	ck_assert_ptr_null(about.recall);
}
END_TEST

START_TEST(recall_is_kept_over_a_restart_and_with_the_image)
{
	struct collection row;
	Pb__Generation g;
	struct view v;

	draw(7);
	uint64_t number = filled("IVF30_HNSW4,Flat", PB__SIMILARITY__SIMILARITY_COSINE, 500, 200);
	Pb__Recall r = published_recall(number);
	ck_assert(r.nprobe == 6 && r.ef_search == 256);
	for (int restarted = 0; restarted < 2; restarted++) {
		row = fixture_collection("demo");
		ck_ok(generation_get(db, &row, number, &arena, &g, &err), &err);
		ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NEEDED, NULL, &v, &err), &err);
		const Pb__Recall *told[] = {g.recall, &v.image->recall};
		for (int i = 0; i < 2; i++) {
			ck_assert(told[i]->has_recall && told[i]->recall == r.recall);
			ck_assert_uint_eq(told[i]->nprobe, 6);
			ck_assert_uint_eq(told[i]->queries, 200);
		}
		view_release(&v);
		catalog_reopen();
	}
}
END_TEST

static const char *const phases[] = {"train", "index", "measure"};

struct heard {
	const char *stop_at;
	atomic_bool cancelled;
	unsigned phases; /* a bit for each */
};

static void hear(void *arg, const char *phase, uint64_t done, uint64_t total, const char *unit)
{
	struct heard *h = arg;

	(void)unit;
	ck_assert_uint_le(done, total);
	for (unsigned i = 0; i < 3; i++)
		h->phases |= (unsigned)!strcmp(phase, phases[i]) << i;
	if (h->stop_at && !strcmp(phase, h->stop_at))
		h->cancelled = true;
}

START_TEST(a_build_can_be_cancelled_in_every_phase_and_done_again)
{
	struct heard h = {0};
	struct progress progress = {hear, &h, &h.cancelled, NULL};
	Pb__Generation about;

	draw(8);
	uint64_t g =
		filled(_i ? "lists16" : "IVF16,Flat", PB__SIMILARITY__SIMILARITY_COSINE, 400, 200);
	for (int i = 0; i < 3; i++) {
		h = (struct heard){.stop_at = phases[i]};
		ck_refused(publish_with(g, &progress, &about), &err, CANCELLED, "CANCELLED");
		struct collection row = fixture_collection("demo");
		ck_assert_uint_eq(row.generation, 0);
		ck_ok(generation_get(db, &row, g, &arena, &about, &err), &err);
		ck_assert_int_eq(about.state, PB__GENERATION_STATE__GENERATION_STATE_OPEN);
		ck_assert_uint_eq(files_ending(row.id, "index"), 0);
	}
	h = (struct heard){0};
	ck_ok(publish_with(g, &progress, &about), &err);
	ck_assert_uint_eq(h.phases, 7);
	ck_assert(about.recall && about.recall->recall == true_recall(1, 200, 100));
}
END_TEST

static void check_tail(uint32_t tail)
{
	struct view v;

	ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NEEDED, NULL, &v, &err), &err);
	ck_assert_uint_eq(v.image->private->exact.codes->tail, tail);
	view_release(&v);
}

/* As they came with the uploads, from their file, and made anew from the rows. */
START_TEST(codes_of_lists_alone_keep_the_vectors_own_basis)
{
	enum { WIDE = 64 };
	static float wide[SAMPLE_ROWS][WIDE]; /* along four directions */
	uint32_t tail = _i ? 0 : WIDE / 2;
	uint64_t seed = 10, g;
	struct collection row;
	Pb__Generation about;

	for (uint32_t i = 0; i < SAMPLE_ROWS; i++)
		for (uint32_t j = 0; j < 4; j++)
			wide[i][j * 9] = sample_value(&seed, 10) + (j == 0 ? 2 : 0);
	put("demo", SAMPLE_ROWS, 0);
	g = begin_with(_i ? "lists8" : "exact", PB__SIMILARITY__SIMILARITY_COSINE, WIDE);
	send(g, PB__SIDE__SIDE_DOCUMENT, SAMPLE_ROWS, wide, sizeof wide);
	ck_ok(publish_with(g, NULL, &about), &err);
	check_tail(tail);
	catalog_reopen();
	check_tail(tail);
	row = fixture_collection("demo");
	char *kept = arena_printf(&arena, "%s/collections/%lld/generation-%llu.index", dir,
		(long long)row.id, (unsigned long long)g);
	catalog = catalog_close(catalog);
	ck_assert_int_eq(unlink(kept), 0);
	catalog_reopen();
	check_tail(tail);
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(every_single_step_of_a_build_may_fail)
{
	Pb__Generation about;
	enum code rc;
	long n = 0;

	draw(9);
	uint64_t g =
		filled(_i ? "lists4" : "IVF4,Flat", PB__SIMILARITY__SIMILARITY_COSINE, 210, 200);
	do {
		fault_arm(n);
		n += _i ? 101 : 1; /* lists have steps for every row and query */
		rc = publish_with(g, NULL, &about);
		fault_arm(-1);
		struct collection row = fixture_collection("demo");
		ck_assert(rc == OK || row.generation == 0 || row.generation == g);
	} while (rc && fixture_collection("demo").generation == 0);
	ck_assert_int_gt(n, 20);
	struct collection row = fixture_collection("demo");
	ck_ok(generation_get(db, &row, g, &arena, &about, &err), &err);
	ck_assert(about.recall && about.recall->recall == true_recall(1, 200, 100));
}
END_TEST
#endif

START_TEST(who_waits_for_an_answer_is_not_made_to_wait_for_a_large_index)
{
	static float wide[257][LIMIT_DIMENSION];
	uint64_t without, g;
	Pb__Generation about;

	for (uint32_t i = 0; i < 257; i++)
		wide[i][i] = 1;
	put("demo", 257, 0);
#define publish_waiting() \
	catalog_publish(catalog, "demo", g, true, NULL, &arena, &about, &without, &err)
	g = begin_with("Flat", PB__SIMILARITY__SIMILARITY_DOT, LIMIT_DIMENSION);
	send(g, PB__SIDE__SIDE_DOCUMENT, LIMIT_INDEX_NUMBERS / LIMIT_DIMENSION, wide,
		LIMIT_INDEX_NUMBERS * sizeof(float));
	ck_ok(publish_waiting(), &err);
	g = begin_with("Flat", PB__SIMILARITY__SIMILARITY_DOT, LIMIT_DIMENSION);
	send(g, PB__SIDE__SIDE_DOCUMENT, 257, wide, sizeof wide);
	ck_refused_at(publish_waiting(), FAILED_PRECONDITION, "NEEDS_BACKGROUND", "background");
	ck_ok(publish_with(g, NULL, &about), &err);
	ck_assert_uint_eq(about.document_vectors, 257);
	g = begin_with("exact", PB__SIMILARITY__SIMILARITY_DOT, LIMIT_DIMENSION);
	send(g, PB__SIDE__SIDE_DOCUMENT, 257, wide, sizeof wide);
	ck_ok(publish_waiting(), &err);
#undef publish_waiting
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("recall");
	TCase *t = tcase_create("recall");

	tcase_add_checked_fixture(t, catalog_setup, catalog_teardown);
	tcase_add_test(t, recall_is_the_share_that_a_brute_force_counts);
	tcase_add_test(t, lists_are_settled_at_the_fewest_that_find_nearly_all);
	tcase_add_test(t, with_few_queries_documents_are_searched_for_among_the_others);
	tcase_add_test(t, rows_that_were_sent_again_are_neither_found_nor_missed);
	tcase_add_test(t, equal_scores_are_as_good_as_each_other);
	tcase_add_test(t, an_index_that_looks_at_everything_has_recall_1_of_what_there_is);
	tcase_add_test(t, what_cannot_be_measured_is_not_told);
	tcase_add_test(t, recall_is_kept_over_a_restart_and_with_the_image);
	tcase_add_loop_test(t, codes_of_lists_alone_keep_the_vectors_own_basis, 0, 2);
	tcase_add_loop_test(t, a_build_can_be_cancelled_in_every_phase_and_done_again, 0, 2);
#ifdef HARDMINER_FAULTS
	tcase_add_loop_test(t, every_single_step_of_a_build_may_fail, 0, 2);
#endif
	tcase_add_test(t, who_waits_for_an_answer_is_not_made_to_wait_for_a_large_index);
	suite_add_tcase(s, t);
	return s;
}
