/* The door to FAISS: what a call may bring, what a training tells, and k-means. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "storage/vectors/faiss.h"
#include "tests/runner.h"
#include "tests/storage/vectors/sample.h"

static struct error err;

enum { N = 3000, D = 16, K = 20, QUERIES = 40 };

static struct faiss_index *built(const char *factory, const struct sample *s)
{
	struct faiss_index *index;

	ck_ok(faiss_new(factory, s->dimension, FAISS_SQUARED_L2, &index, &err), &err);
	if (faiss_wants_training(index))
		ck_ok(faiss_train(index, s->n, s->values, NULL, NULL, &err), &err);
	ck_ok(faiss_add(index, s->n, s->values, NULL, &err), &err);
	ck_assert_uint_eq(faiss_rows(index), s->n);
	return index;
}

static void search(const struct faiss_index *index, const float *query,
	const struct faiss_parameters *how, int64_t *rows)
{
	struct error e;
	float scores[K];

	ck_ok(faiss_search(index, 1, query, K, how, scores, rows, NULL, &e), &e);
}

START_TEST(an_index_says_what_a_call_may_bring)
{
	static const struct {
		const char *index;
		uint32_t nprobe, ef_search, lists;
	} rows[] = {{"Flat", 0, 0, 0}, {"SQ8", 0, 0, 0}, {"HNSW8", 0, 256, 0},
		{"IVF16,Flat", 4, 0, 16}, {"IVF17,Flat", 5, 0, 17}, {"IVF25,PQ4x4", 5, 0, 25},
		{"IVF64_HNSW8,Flat", 8, 256, 64}, {"PCA8,IVF9,SQ8", 3, 0, 9},
		{"PCA8,HNSW8", 0, 256, 0}, {"IVF16,Flat,RFlat", 0, 0, 0}, {"PQ4x4fs", 0, 0, 0},
		{"IVF16,PQ4x4fs", 0, 0, 0}};
	struct sample s = sample_random(N, D, 1, 10);
	int64_t got[K], brought[K];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct faiss_index *index = built(rows[i].index, &s);
		struct faiss_parameters is = faiss_settled(index);
		ck_assert_msg(is.nprobe == rows[i].nprobe && is.ef_search == rows[i].ef_search &&
				      is.lists == rows[i].lists,
			"%s: nprobe %u, ef_search %u, lists %u", rows[i].index, is.nprobe,
			is.ef_search, is.lists);
		/* To bring what is settled changes nothing. */
		search(index, s.values, NULL, got);
		search(index, s.values, &is, brought);
		ck_assert_mem_eq(got, brought, sizeof got);
		faiss_free(index);
	}
	sample_free(&s);
}
END_TEST

/* The K nearest by brute force: are these rows them? */
static size_t right(const struct sample *s, const float *query, const int64_t *rows)
{
	size_t n = 0;

	for (int i = 0; i < K; i++) {
		double mine = 0;
		uint32_t nearer = 0;
		for (int j = 0; j < D && rows[i] >= 0; j++)
			mine += pow((double)query[j] - s->values[rows[i] * D + j], 2);
		for (uint32_t r = 0; r < s->n; r++) {
			double other = 0;
			for (int j = 0; j < D; j++)
				other += pow((double)query[j] - s->values[(size_t)r * D + j], 2);
			nearer += other < mine;
		}
		n += rows[i] >= 0 && nearer < K;
	}
	return n;
}

START_TEST(more_lists_find_more_and_all_lists_find_everything)
{
	struct sample s = sample_random(1000, D, 1, 10), q = sample_random(10, D, 2, 10);
	struct faiss_index *index = built("IVF16,Flat", &s);
	size_t by_probes[3] = {0};
	int64_t rows[K];

	for (uint32_t i = 0; i < q.n; i++)
		for (int p = 0; p < 3; p++) {
			struct faiss_parameters how = {.nprobe = (uint32_t[]){1, 4, 16}[p]};
			search(index, q.values + (size_t)i * D, &how, rows);
			by_probes[p] += right(&s, q.values + (size_t)i * D, rows);
		}
	ck_assert_uint_lt(by_probes[0], by_probes[1]);
	ck_assert_uint_lt(by_probes[1], by_probes[2]);
	ck_assert_uint_eq(by_probes[2], (size_t)q.n * K);
	faiss_free(index);
	sample_free(&s);
	sample_free(&q);
}
END_TEST

/* Callers that bring different parameters, at once, on one index. */
struct caller {
	pthread_t thread;
	const struct faiss_index *index;
	const struct sample *queries;
	struct faiss_parameters how;
	int64_t alone[QUERIES][K];
};

static void *call_again(void *arg)
{
	struct caller *c = arg;
	int64_t rows[K];

	for (int round = 0; round < 20; round++)
		for (uint32_t i = 0; i < QUERIES; i++) {
			search(c->index, c->queries->values + (size_t)i * D, &c->how, rows);
			ck_assert_mem_eq(rows, c->alone[i], sizeof rows);
		}
	return NULL;
}

static void check_callers(const char *factory, const struct faiss_parameters *hows, size_t n)
{
	struct sample s = sample_random(N, D, 1, 10), q = sample_random(QUERIES, D, 2, 10);
	struct faiss_index *index = built(factory, &s);
	struct caller *callers = calloc(n, sizeof *callers);

	for (size_t t = 0; t < n; t++) {
		callers[t].index = index;
		callers[t].queries = &q;
		callers[t].how = hows[t];
		for (uint32_t i = 0; i < QUERIES; i++)
			search(index, q.values + (size_t)i * D, &hows[t], callers[t].alone[i]);
	}
	ck_assert_mem_ne(callers[0].alone, callers[1].alone, sizeof callers[0].alone);
	for (size_t t = 0; t < n; t++)
		ck_assert_int_eq(
			pthread_create(&callers[t].thread, NULL, call_again, &callers[t]), 0);
	for (size_t t = 0; t < n; t++)
		pthread_join(callers[t].thread, NULL);
	free(callers);
	faiss_free(index);
	sample_free(&s);
	sample_free(&q);
}

START_TEST(searches_that_bring_different_parameters_do_not_meet)
{
	static const struct faiss_parameters probes[] = {{.nprobe = 1}, {.nprobe = 3}, {0}},
					     queues[] = {
						     {.ef_search = 20}, {.ef_search = 400}, {0}};

	check_callers("IVF32,Flat", probes, 3);
	check_callers("HNSW4", queues, 3);
}
END_TEST

struct told {
	uint64_t done, total, calls;
	bool stop;
};

static void hear(void *arg, uint64_t done, uint64_t total)
{
	struct told *t = arg;

	ck_assert_uint_le(done, total);
	ck_assert(!t->calls || (total == t->total && done >= t->done));
	t->done = done;
	t->total = total;
	t->calls++;
}

START_TEST(a_training_tells_how_far_it_is)
{
	static const char *const indexes[] = {"IVF16,Flat", "IVF16,PQ4x4", "PQ4x4",
		"PCA8,IVF16,SQ8", "OPQ4,IVF16,PQ4x4", "IVF16_HNSW8,Flat", "IVF16,PQ4x4fs",
		"IVF16,Flat,RFlat"};
	struct sample s = sample_random(N, D, 1, 10);

	for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++) {
		struct told told = {0};
		struct faiss_watch watch = {hear, &told};
		struct faiss_index *index;
		ck_ok(faiss_new(indexes[i], D, FAISS_INNER_PRODUCT, &index, &err), &err);
		ck_ok(faiss_train(index, s.n, s.values, NULL, &watch, &err), &err);
		ck_assert_msg(told.calls > 5 && told.done == told.total && told.total > N,
			"%s: %llu calls, %llu of %llu", indexes[i], (unsigned long long)told.calls,
			(unsigned long long)told.done, (unsigned long long)told.total);
		faiss_free(index);
	}
	sample_free(&s);
}
END_TEST

static bool stop_once_heard(void *arg)
{
	struct told *t = arg;

	return t->stop && t->calls > 3;
}

START_TEST(a_training_stops_when_told)
{
	struct sample s = sample_random(N, D, 1, 10);
	struct told told = {.stop = true};
	struct faiss_watch watch = {hear, &told};
	struct faiss_stop stop = {stop_once_heard, &told};
	struct faiss_index *index;

	ck_ok(faiss_new("IVF64,Flat", D, FAISS_SQUARED_L2, &index, &err), &err);
	ck_refused(faiss_train(index, s.n, s.values, &stop, &watch, &err), &err, CANCELLED,
		"CANCELLED");
	ck_assert_uint_lt(told.done, told.total);
	told = (struct told){0};
	ck_ok(faiss_train(index, s.n, s.values, &stop, &watch, &err), &err);
	faiss_free(index);
	sample_free(&s);
}
END_TEST

START_TEST(the_same_rows_make_the_same_index)
{
	static const char *const indexes[] = {"IVF16,Flat", "HNSW8", "OPQ4,IVF16,PQ4x4"};
	struct sample s = sample_random(N, D, 1, 10);

	for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++) {
		unsigned char *once, *again;
		size_t n, m;
		struct faiss_index *index = built(indexes[i], &s);
		ck_ok(faiss_pack(index, &once, &n, &err), &err);
		faiss_free(index);
		index = built(indexes[i], &s);
		ck_ok(faiss_pack(index, &again, &m, &err), &err);
		faiss_free(index);
		ck_assert_uint_eq(n, m);
		ck_assert_msg(!memcmp(once, again, n), "%s differs", indexes[i]);
		free(once);
		free(again);
	}
	sample_free(&s);
}
END_TEST

START_TEST(what_takes_all_rows_at_once_says_so)
{
	struct sample s = sample_random(N, D, 1, 10);
	struct faiss_index *index;

	index = built("NSG8", &s);
	ck_assert(faiss_wants_all(index));
	ck_assert_int_ne(faiss_add(index, 1, s.values, NULL, &err), OK);
	faiss_free(index);
	index = built("HNSW8", &s);
	ck_assert(!faiss_wants_all(index));
	faiss_free(index);
	sample_free(&s);
}
END_TEST

/* Groups far apart, each of points around its middle that cancel out: the means are the middles. */
enum { GROUPS = 7, ARMS = 2 * D };

static struct sample groups(struct sample *middles)
{
	struct sample s = sample_make(GROUPS * ARMS, D);

	*middles = sample_random(GROUPS, D, 3, 4);
	for (uint32_t i = 0; i < s.n; i++) {
		float *row = s.values + (size_t)i * D;
		uint32_t arm = i / GROUPS;
		memcpy(row, middles->values + (size_t)(i % GROUPS) * D, D * sizeof *row);
		row[arm / 2] += arm % 2 ? 0x1p-7f : -0x1p-7f;
	}
	return s;
}

static double distance(const float *a, const float *b)
{
	double sum = 0;

	for (int j = 0; j < D; j++)
		sum += ((double)a[j] - b[j]) * ((double)a[j] - b[j]);
	return sum;
}

/* K-means of a sample, the nearest found by brute force. */
struct means {
	struct faiss_kmeans how;
	const struct sample *s;
	float *centroids;
	uint64_t learned, assigned;
	uint64_t fails_at; /* after so many assignments; 0: never */
	bool silent;	   /* failing it says nothing */
};

static void read_row(void *arg, uint32_t row, float *out)
{
	const struct means *m = arg;

	memcpy(out, m->s->values + (size_t)row * D, D * sizeof *out);
}

static enum code learn(void *arg, const float *centroids, struct error *e)
{
	struct means *m = arg;

	(void)e;
	memcpy(m->centroids, centroids, m->how.lists * D * sizeof *centroids);
	m->learned++;
	return OK;
}

static double likeness(const struct means *m, const float *a, const float *b)
{
	double dot = 0;

	for (int j = 0; j < D; j++)
		dot += (double)a[j] * b[j];
	return m->how.spherical ? dot : -distance(a, b);
}

static int64_t nearest_of(const struct means *m, const float *row)
{
	int64_t nearest = 0;

	for (int64_t c = 1; c < m->how.lists; c++)
		if (likeness(m, row, m->centroids + c * D) >
			likeness(m, row, m->centroids + nearest * D))
			nearest = c;
	return nearest;
}

static enum code assign(void *arg, size_t n, const float *rows, int64_t *nearest, struct error *e)
{
	struct means *m = arg;

	/* They come in order. */
	ck_assert_mem_eq(rows, m->s->values + m->assigned % m->s->n * D, n * D * sizeof *rows);
	for (size_t i = 0; i < n; i++)
		nearest[i] = nearest_of(m, rows + i * D);
	m->assigned += n;
	if (m->fails_at && m->assigned >= m->fails_at && m->silent)
		return DATA_LOSS;
	if (m->fails_at && m->assigned >= m->fails_at)
		return error_set(e, DATA_LOSS, "ROTTEN", "It is rotten.");
	return OK;
}

static struct means means_of(const struct sample *s, uint32_t lists, uint32_t iterations)
{
	struct faiss_kmeans how = {.dimension = D,
		.lists = lists,
		.iterations = iterations,
		.seed = 1,
		.read = read_row,
		.learn = learn,
		.assign = assign};

	return (struct means){.how = how, .s = s, .centroids = malloc(lists * D * sizeof(float))};
}

static enum code find_means(struct means *m, uint32_t n, float *out, const struct faiss_stop *stop)
{
	m->how.arg = m;
	return faiss_kmeans(&m->how, n, out, stop, &err);
}

START_TEST(kmeans_finds_the_middles_of_groups_far_apart)
{
	struct sample middles, s = groups(&middles);
	struct means m = means_of(&s, GROUPS, 25);
	float centroids[GROUPS * D];
	bool found = false;

	/* Lloyd's iterations may end in a worse optimum, by where they start. */
	for (; !found && m.how.seed < 40; m.how.seed++) {
		ck_ok(find_means(&m, s.n, centroids, NULL), &err);
		found = true;
		for (int g = 0; g < GROUPS; g++) {
			double nearest = INFINITY;
			for (int c = 0; c < GROUPS; c++)
				nearest = fmin(nearest, distance(middles.values + (size_t)g * D,
								centroids + (size_t)c * D));
			found &= nearest < 1e-10;
		}
	}
	ck_assert(found);
	free(m.centroids);
	sample_free(&s);
	sample_free(&middles);
}
END_TEST

/* Where Lloyd's iterations come to rest, each centroid is the mean of the rows nearest to it. */
START_TEST(kmeans_ends_where_each_centroid_is_the_mean_of_its_rows)
{
	enum { LISTS = 20 };
	struct sample s = sample_random(1000, D, 8, 10);
	struct means m = means_of(&s, LISTS, 200);
	float centroids[LISTS * D];
	double means[LISTS][D] = {{0}}, count[LISTS] = {0};

	ck_ok(find_means(&m, s.n, centroids, NULL), &err);
	free(m.centroids);
	for (uint32_t i = 0; i < s.n; i++) {
		const float *row = s.values + (size_t)i * D;
		int nearest = 0;
		for (int c = 1; c < LISTS; c++)
			if (distance(row, centroids + (size_t)c * D) <
				distance(row, centroids + (size_t)nearest * D))
				nearest = c;
		count[nearest]++;
		for (int j = 0; j < D; j++)
			means[nearest][j] += row[j];
	}
	for (int c = 0; c < LISTS; c++)
		for (int j = 0; j < D; j++)
			ck_assert_double_eq_tol(centroids[c * D + j], means[c][j] / count[c], 1e-5);
	sample_free(&s);
}
END_TEST

START_TEST(kmeans_is_the_same_again_and_differs_by_seed)
{
	struct sample s = sample_random(N, D, 8, 10);
	struct means m = means_of(&s, 30, 5);
	float one[30 * D], two[30 * D];

	m.how.spherical = true;
	ck_ok(find_means(&m, s.n, one, NULL), &err);
	ck_assert_uint_eq(m.assigned, (uint64_t)N * 5);
	ck_assert_uint_eq(m.learned, 6); /* where it begins, and after each */
	ck_assert_mem_eq(m.centroids, one, sizeof one);
	ck_ok(find_means(&m, s.n, two, NULL), &err);
	ck_assert_mem_eq(one, two, sizeof one);
	for (int c = 0; c < 30; c++) {
		double length = 0;
		for (int j = 0; j < D; j++)
			length += (double)one[c * D + j] * one[c * D + j];
		ck_assert_double_eq_tol(length, 1, 1e-5);
	}
	m.how.seed = 2;
	ck_ok(find_means(&m, s.n, two, NULL), &err);
	ck_assert_mem_ne(one, two, sizeof one);
	free(m.centroids);
	sample_free(&s);
}
END_TEST

static bool stop_after_two(void *arg)
{
	const struct means *m = arg;

	return m->learned > 2;
}

START_TEST(kmeans_refuses_too_few_rows_and_stops_when_told)
{
	struct sample s = sample_random(N, D, 8, 10);
	struct means m = means_of(&s, 30, 50);
	float centroids[30 * D];
	struct faiss_stop stop = {stop_after_two, &m};

	ck_refused(find_means(&m, 29, centroids, NULL), &err, FAILED_PRECONDITION,
		"INDEX_NOT_BUILDABLE");
	ck_ok(find_means(&m, 30, centroids, NULL), &err);
	ck_assert_mem_eq(centroids, s.values, sizeof centroids); /* each row its own */
	m.learned = m.assigned = 0;
	ck_refused(find_means(&m, s.n, centroids, &stop), &err, CANCELLED, "CANCELLED");
	ck_assert_uint_lt(m.assigned, 50 * (uint64_t)s.n);
	m.assigned = 0;
	m.fails_at = 2 * (uint64_t)s.n;
	ck_refused(find_means(&m, s.n, centroids, NULL), &err, DATA_LOSS, "ROTTEN");
	ck_assert_uint_eq(m.assigned, m.fails_at);
	m.assigned = 0;
	m.silent = true;
	ck_refused(find_means(&m, s.n, centroids, NULL), &err, FAILED_PRECONDITION,
		"INDEX_NOT_BUILDABLE");
	free(m.centroids);
	sample_free(&s);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("faiss");
	TCase *t = tcase_create("faiss");

	tcase_add_test(t, an_index_says_what_a_call_may_bring);
	tcase_add_test(t, more_lists_find_more_and_all_lists_find_everything);
	tcase_add_test(t, searches_that_bring_different_parameters_do_not_meet);
	tcase_add_test(t, a_training_tells_how_far_it_is);
	tcase_add_test(t, a_training_stops_when_told);
	tcase_add_test(t, the_same_rows_make_the_same_index);
	tcase_add_test(t, what_takes_all_rows_at_once_says_so);
	tcase_add_test(t, kmeans_finds_the_middles_of_groups_far_apart);
	tcase_add_test(t, kmeans_ends_where_each_centroid_is_the_mean_of_its_rows);
	tcase_add_test(t, kmeans_is_the_same_again_and_differs_by_seed);
	tcase_add_test(t, kmeans_refuses_too_few_rows_and_stops_when_told);
	suite_add_tcase(s, t);
	return s;
}
