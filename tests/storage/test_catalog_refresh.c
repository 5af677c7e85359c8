/*
 * A second generation of 200,000 vectors is uploaded and published while readers search the first; of
 * 50,000 where every access is watched.
 *
 * No pause: whenever publishing comes to a step that could fail it waits until every reader has begun a
 * search and ended it; a step that readers have to wait for would end the test's time. Each answer is that
 * of one of both generations, which a loop over all vectors tells beforehand, exactly: the numbers are
 * short.
 *
 * No more memory than the codes of both, d + 16 bytes a vector, and an allowance: a copy of the second
 * one's codes would be twice that, and its vectors six times.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/fault.h"
#include "tests/bench/bench.h"
#include "tests/storage/catalog_fixture.h"
#include "tests/storage/vectors/sample.h"

#ifdef __SANITIZE_THREAD__
enum { N = 50000, MEMORY_IS_OURS = 0 /* most is what the watching takes */ };
#else
enum { N = 200000, MEMORY_IS_OURS = 1 };
#endif
enum { D = 64, BATCH = 5000, QUERIES = 3, K = 10, READERS = 2, BITS = 10 };
enum {
	CODES = N * (D + 16),
	ALLOWANCE = 12 << 20 /* less than CODES; the first 2^14 vectors take a third for a while */
};

static struct sample vectors[2]; /* of each generation */
static float queries[QUERIES][D];
static uint32_t want[2][QUERIES][K];
static _Atomic uint64_t generation[2]; /* readers learn of the second while it is begun */

static double score_of(int which, uint32_t document, const float *query)
{
	const float *row = vectors[which].values + (size_t)document * D;
	double sum = 0;

	for (int j = 0; j < D; j++)
		sum += (double)row[j] * query[j];
	return sum;
}

/* The documents of the highest scores, the highest first; of equal ones the first document. */
static void search_by_hand(int which, const float *query, uint32_t *best)
{
	double score[K + 1];
	int n = 0;

	for (uint32_t i = 0; i < N; i++) {
		double s = score_of(which, i, query);
		int at = n;
		for (; at > 0 && score[at - 1] < s; at--) {
			if (at == K)
				continue;
			score[at] = score[at - 1];
			best[at] = best[at - 1];
		}
		if (at == K)
			continue;
		score[at] = s;
		best[at] = i;
		n += n < K;
	}
}

static void draw(void)
{
	uint64_t seed = 7;

	for (int q = 0; q < QUERIES; q++)
		for (int j = 0; j < D; j++)
			queries[q][j] = sample_value(&seed, BITS);
	for (int which = 0; which < 2; which++) {
		vectors[which] = sample_random(N, D, 11 + (uint64_t)which, BITS);
		for (int q = 0; q < QUERIES; q++)
			search_by_hand(which, queries[q], want[which][q]);
	}
}

static uint64_t begin_wide(void)
{
	Pb__BeginGenerationRequest req = PB__BEGIN_GENERATION_REQUEST__INIT;
	Pb__Generation g;

	req.collection = (char *)"demo";
	req.encoder = (char *)"test";
	req.has_dimension = req.has_similarity = 1;
	req.dimension = D;
	req.similarity = PB__SIMILARITY__SIMILARITY_DOT;
	ck_ok(catalog_begin(catalog, &req, &arena, &g, &err), &err);
	return g.generation;
}

static void upload_batch(int which, uint32_t first)
{
	static char id[BATCH][16], *ids[BATCH];
	Pb__UpsertVectorsRequest req = PB__UPSERT_VECTORS_REQUEST__INIT;
	uint64_t upserted;

	for (uint32_t i = 0; i < BATCH; i++) {
		snprintf(id[i], sizeof id[i], "d%u", first + i);
		ids[i] = id[i];
	}
	req.collection = (char *)"demo";
	req.has_generation = req.has_of = req.has_data = 1;
	req.generation = generation[which];
	req.ids = (void *)ids;
	req.n_ids = BATCH;
	req.data = (ProtobufCBinaryData){
		BATCH * D * sizeof(float), (uint8_t *)(vectors[which].values + (size_t)first * D)};
	ck_ok(catalog_upsert_vectors(catalog, &req, NULL, &upserted, &err), &err);
}

static void upload_all(int which)
{
	generation[which] = begin_wide();
	for (uint32_t first = 0; first < N; first += BATCH)
		upload_batch(which, first);
}

static struct {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	unsigned answers[READERS]; /* of each */
	unsigned from[2];	   /* of each generation */
	unsigned wrong;
	bool done;
} readers = {.lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER};

/* Which generation gives this answer, so far as the view says; 2: none. */
static int answer_one(int q)
{
	struct hit hits[K];
	struct exact_query query = {.vector = queries[q], .k = K, .floor = -INFINITY, .out = hits};
	struct shared_request request = {.queries = &query, .n = 1};
	struct error e;
	struct view v;

	if (catalog_view(catalog, "demo", 0, IMAGE_NEEDED, NULL, &v, &e))
		return 2;
	int which = v.image->generation == generation[1];
	request.order = v.corpus->order;
	bool right = !image_search(v.image, &request, &e) && query.found == K;
	for (int i = 0; right && i < K; i++)
		right = hits[i].document == want[which][q][i];
	view_release(&v);
	return right ? which : 2;
}

static void *read_on(void *arg)
{
	unsigned *mine = arg;
	int newest = 0;
	bool done = false;

	for (int q = 0; !done; q = (q + 1) % QUERIES) {
		int which = answer_one(q);
		pthread_mutex_lock(&readers.lock);
		if (which == 2 || which < newest)
			readers.wrong++;
		else
			readers.from[newest = which]++;
		++*mine;
		done = readers.done;
		pthread_cond_broadcast(&readers.answered);
		pthread_mutex_unlock(&readers.lock);
	}
	return NULL;
}

/* Of two answers from now on the second one was begun after now. */
static void wait_for_readers(void *steps)
{
	unsigned until[READERS];

	++*(unsigned *)steps;
	pthread_mutex_lock(&readers.lock);
	for (int r = 0; r < READERS; r++)
		until[r] = readers.answers[r] + 2;
	for (int r = 0; r < READERS; r++)
		while (readers.answers[r] < until[r])
			pthread_cond_wait(&readers.answered, &readers.lock);
	pthread_mutex_unlock(&readers.lock);
}

static void start_readers(pthread_t *threads)
{
	for (int r = 0; r < READERS; r++)
		pthread_create(&threads[r], NULL, read_on, &readers.answers[r]);
}

static void stop_readers(const pthread_t *threads)
{
	pthread_mutex_lock(&readers.lock);
	readers.done = true;
	pthread_mutex_unlock(&readers.lock);
	for (int r = 0; r < READERS; r++)
		pthread_join(threads[r], NULL);
}

static void put_batch(uint32_t first)
{
	Pb__Document *documents[BATCH];

	for (uint32_t i = 0; i < BATCH; i++)
		documents[i] =
			document(arena_printf(&arena, "d%u", first + i), NULL, "a text", NULL);
	put_documents(fixture_collection("demo").id, documents, BATCH);
}

static void setup(void)
{
	catalog_setup();
	draw();
	for (uint32_t first = 0; first < N; first += BATCH)
		put_batch(first);
	upload_all(0);
	ck_ok(publish_generation("demo", generation[0], &err), &err);
}

static void teardown(void)
{
	for (int which = 0; which < 2; which++)
		sample_free(&vectors[which]);
	catalog_teardown();
}

START_TEST(readers_go_on_at_every_step_of_publishing)
{
	pthread_t threads[READERS];
	unsigned steps = 0;

	start_readers(threads);
	upload_all(1);
	ck_assert_uint_eq(readers.from[1], 0);
	fault_watch(wait_for_readers, &steps);
	ck_ok(publish_generation("demo", generation[1], &err), &err);
	fault_watch(NULL, NULL);
	stop_readers(threads);
	ck_assert_uint_gt(steps, 40);
	ck_assert_uint_eq(readers.wrong, 0);
	ck_assert_uint_gt(readers.from[0], 0);
	ck_assert_uint_gt(readers.from[1], 0);
}
END_TEST

/* A sanitizer that keeps what was freed would be counted as if it were ours. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=0:thread_local_quarantine_size_kb=0:"
	       "allocator_release_to_os_interval_ms=0";
}

static struct {
	atomic_bool done;
	size_t most;
} sampling;

static void *sample_memory(void *arg)
{
	while (!atomic_load(&sampling.done)) {
		size_t now = private_bytes(getpid());
		sampling.most = now > sampling.most ? now : sampling.most;
	}
	return arg;
}

START_TEST(memory_holds_the_codes_of_both_and_no_vectors)
{
	pthread_t threads[READERS], sampler;
	unsigned steps = 0;

	start_readers(threads);
	wait_for_readers(&steps); /* with all that they allocate */
	size_t before = private_bytes(getpid());
	pthread_create(&sampler, NULL, sample_memory, NULL);
	upload_all(1);
	ck_ok(publish_generation("demo", generation[1], &err), &err);
	atomic_store(&sampling.done, true);
	pthread_join(sampler, NULL);
	stop_readers(threads);
	ck_assert_uint_gt(sampling.most, before + CODES / 2); /* or nothing was seen */
	ck_assert_uint_le(sampling.most, before + CODES + ALLOWANCE);
	ck_assert_uint_le(private_bytes(getpid()), before + ALLOWANCE);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("catalog refresh");
	TCase *t = tcase_create("catalog refresh");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 200);
	if (MEMORY_IS_OURS)
		tcase_add_test(t, memory_holds_the_codes_of_both_and_no_vectors);
	tcase_add_test(t, readers_go_on_at_every_step_of_publishing);
	suite_add_tcase(s, t);
	return s;
}
