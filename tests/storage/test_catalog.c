#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "storage/rows/generations.h"
#include "storage/text/lsa.h"
#include "tests/storage/catalog_fixture.h"

static struct view view;

static int64_t id_of(const char *collection)
{
	struct collection row;

	ck_ok(collection_get(db, collection, &row, &err), &err);
	return row.id;
}

static struct view see(uint64_t generation)
{
	struct view v;

	ck_ok(catalog_view(catalog, "demo", generation, IMAGE_NEEDED, NULL, &v, &err), &err);
	return v;
}

static uint64_t published(uint32_t n)
{
	uint64_t g = begin("demo", "exact");

	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 0, n, &err), &err);
	ck_ok(publish_generation("demo", g, &err), &err);
	return g;
}

START_TEST(before_anything_is_published_a_view_says_what_to_do)
{
	put("demo", 3, 0);
	ck_refused(catalog_view(catalog, "demo", 0, IMAGE_NEEDED, NULL, &view, &err), &err,
		FAILED_PRECONDITION, "NO_GENERATION");
	ck_ok(catalog_view(catalog, "demo", 0, IMAGE_IF_ANY, NULL, &view, &err), &err);
	ck_assert_ptr_null(view.image);
	ck_assert_uint_eq(view.corpus->n, 3);
	view_release(&view);
	ck_refused_at(catalog_view(catalog, "nobody", 0, IMAGE_NONE, NULL, &view, &err), NOT_FOUND,
		"NO_SUCH_COLLECTION", "collection");
	ck_refused_at(catalog_view(catalog, "demo", 7, IMAGE_NEEDED, NULL, &view, &err), NOT_FOUND,
		"NO_SUCH_GENERATION", "generation");
	uint64_t g = begin("demo", "exact");
	ck_refused_at(catalog_view(catalog, "demo", g, IMAGE_NEEDED, NULL, &view, &err),
		FAILED_PRECONDITION, "GENERATION_NOT_PUBLISHED", "generation");
}
END_TEST

START_TEST(what_is_uploaded_and_published_is_served_now_and_after_a_restart)
{
	float want[DIMENSION], got[DIMENSION];
	Pb__Generation about;
	uint64_t without;

	put("demo", 12, 4);
	uint64_t g = begin("demo", "exact");
	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 5, 5, &err), &err);
	ck_ok(upload("demo", g, PB__SIDE__SIDE_QUERY, 1, 3, &err), &err);
	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 0, 7, &err), &err);
	ck_ok(catalog_publish(catalog, "demo", g, false, NULL, &arena, &about, &without, &err),
		&err);
	ck_assert_uint_eq(without, 2);
	ck_assert_uint_eq(about.document_vectors, 10);
	ck_assert_uint_eq(about.query_vectors, 3);
	ck_assert(about.serving);
	ck_assert_uint_eq(files_ending(id_of("demo"), "stage"), 0);
	for (int restarted = 0; restarted < 2; restarted++) {
		check_serves("demo", g, 10);
		view = see(0);
		ck_assert(!image_query_vector(view.image, 0, got));
		ck_assert(image_query_vector(view.image, 3, got));
		vector_of(g, PB__SIDE__SIDE_QUERY, 3, want);
		ck_assert_mem_eq(got, want, sizeof want);
		view_release(&view);
		catalog_reopen();
	}
}
END_TEST

START_TEST(uploads_that_are_wrong_name_the_field_and_leave_nothing)
{
	Pb__UpsertVectorsRequest req = PB__UPSERT_VECTORS_REQUEST__INIT;
	char *ids[] = {"d0", "d1", "d0"};
	float rows[3][DIMENSION] = {{1}, {1}, {1}};
	uint64_t upserted;

	put("demo", 3, 1);
	uint64_t g = begin("demo", "exact");
	req.collection = "demo";
	req.ids = (void *)ids;
	req.n_ids = 3;
	req.has_data = 1;
	req.data = (ProtobufCBinaryData){sizeof rows, (uint8_t *)rows};
#define upsert() catalog_upsert_vectors(catalog, &req, NULL, &upserted, &err)
	ck_refused_at(upsert(), INVALID_ARGUMENT, "MISSING_FIELD", "generation");
	req.has_generation = 1;
	req.generation = g + 1;
	ck_refused_at(upsert(), NOT_FOUND, "NO_SUCH_GENERATION", "generation");
	req.generation = g;
	ck_refused_at(upsert(), INVALID_ARGUMENT, "DUPLICATE_ID", "ids[2]");
	ids[2] = "d9";
	ck_refused_at(upsert(), NOT_FOUND, "NO_SUCH_DOCUMENT", "ids[2]");
	ids[2] = "d2";
	req.of = PB__SIDE__SIDE_QUERY;
	ck_refused_at(upsert(), NOT_FOUND, "NO_SUCH_QUERY", "ids[0]");
	req.of = PB__SIDE__SIDE_DOCUMENT;
	rows[1][0] = 0;
	ck_refused_at(upsert(), INVALID_ARGUMENT, "ZERO_VECTOR", "data[1]");
	req.n_ids = 0;
	ck_refused_at(upsert(), INVALID_ARGUMENT, "MISSING_FIELD", "ids");
	ck_refused_at(publish_generation("demo", g, &err), FAILED_PRECONDITION, "NO_VECTORS",
		"generation");
	rows[1][0] = 1;
	req.n_ids = 3;
	ck_ok(upsert(), &err);
	ck_ok(publish_generation("demo", g, &err), &err);
	ck_refused_at(upsert(), FAILED_PRECONDITION, "GENERATION_NOT_OPEN", "generation");
	ck_refused_at(publish_generation("demo", g, &err), FAILED_PRECONDITION,
		"GENERATION_NOT_OPEN", "generation");
#undef upsert
}
END_TEST

START_TEST(an_index_string_is_checked_when_a_generation_begins)
{
	Pb__BeginGenerationRequest req = PB__BEGIN_GENERATION_REQUEST__INIT;
	Pb__Generation g;

	req.collection = "demo";
	req.encoder = "test";
	req.has_dimension = 1;
	req.dimension = DIMENSION;
	req.index = "IVF,Nonsense";
	ck_refused_at(catalog_begin(catalog, &req, &arena, &g, &err), INVALID_ARGUMENT, "BAD_INDEX",
		"index");
	req.dimension = 0;
	ck_refused_at(catalog_begin(catalog, &req, &arena, &g, &err), INVALID_ARGUMENT,
		"OUT_OF_RANGE", "dimension");
}
END_TEST

START_TEST(the_corpus_follows_the_documents_and_views_keep_theirs)
{
	struct view before, same, after;

	put("demo", 3, 0);
	ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NONE, NULL, &before, &err), &err);
	put("demo", 0, 5); /* queries do not concern it */
	ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NONE, NULL, &same, &err), &err);
	ck_assert_ptr_eq(before.corpus, same.corpus);
	put("demo", 8, 0);
	ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NONE, NULL, &after, &err), &err);
	ck_assert_uint_eq(after.corpus->n, 8);
	ck_assert_uint_eq(before.corpus->n, 3);
	ck_assert_str_eq(before.corpus->id[2], "d2");
	view_release(&before);
	view_release(&same);
	view_release(&after);
}
END_TEST

START_TEST(vectors_of_documents_that_just_came_are_taken)
{
	put("demo", 3, 0);
	uint64_t g = begin("demo", "exact");
	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 0, 3, &err), &err);
	put("demo", 6, 0);
	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 3, 3, &err), &err);
	ck_ok(publish_generation("demo", g, &err), &err);
	check_serves("demo", g, 6);
}
END_TEST

START_TEST(generations_are_pinned_by_number_and_retired_in_turn)
{
	put("demo", 5, 0);
	uint64_t first = published(5);
	struct view pinned = see(first);
	uint64_t second = published(5);
	check_serves("demo", second, 5);
	view = see(first); /* opened on demand */
	check_vectors(&view, first, 5);
	view_release(&view);
	uint64_t third = published(5);
	check_serves("demo", third, 5);
	ck_refused_at(catalog_view(catalog, "demo", first, IMAGE_NEEDED, NULL, &view, &err),
		FAILED_PRECONDITION, "GENERATION_RETIRED", "generation");
	check_vectors(&pinned, first, 5); /* a reader finishes with what it has */
	view_release(&pinned);
	ck_assert_uint_eq(files_ending(id_of("demo"), "document.vec"), 2);
	catalog_reopen();
	check_serves("demo", third, 5);
	view = see(second);
	check_vectors(&view, second, 5);
	view_release(&view);
}
END_TEST

START_TEST(an_open_generation_outlives_a_restart)
{
	put("demo", 9, 0);
	uint64_t first = published(2), g = begin("demo", "exact");
	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 0, 5, &err), &err);
	catalog_reopen();
	check_serves("demo", first, 2);
	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 5, 4, &err), &err);
	ck_ok(publish_generation("demo", g, &err), &err);
	check_serves("demo", g, 9);
}
END_TEST

static void touch(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/collections/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

START_TEST(a_start_removes_what_unfinished_work_left)
{
	char path[PATH_MAX];
	struct stat st;

	put("demo", 3, 0);
	uint64_t first = published(3), open = begin("demo", "exact");
	ck_assert_uint_eq(first, 1);
	ck_assert_uint_eq(open, 2);
	ck_ok(upload("demo", open, PB__SIDE__SIDE_DOCUMENT, 0, 3, &err), &err);
	ck_assert_int_eq(id_of("demo"), 1);
	touch("1/generation-1.stage");
	touch("1/generation-1.query.vec.tmp");
	touch("1/generation-2.document.vec");
	touch("1/generation-2.stage.tmp");
	touch("1/generation-9.document.vec");
	snprintf(path, sizeof path, "%s/collections/77", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	touch("77/generation-1.document.vec");
	catalog_reopen();
	ck_assert_int_ne(stat(path, &st), 0);
	ck_assert_uint_eq(files_ending(1, ""), 5); /* 1's vectors and codes, 2's log and rows */
	check_serves("demo", first, 3);
	ck_ok(publish_generation("demo", open, &err), &err);
	check_serves("demo", open, 3);
}
END_TEST

START_TEST(a_deleted_collection_is_gone_but_for_its_readers)
{
	put("demo", 5, 0);
	int64_t id = id_of("demo");
	uint64_t g = published(5);
	struct view before = see(0);
	ck_ok(catalog_delete(catalog, "demo", &err), &err);
	ck_assert_uint_eq(files_ending(id, ""), 0);
	ck_refused_at(catalog_view(catalog, "demo", 0, IMAGE_NONE, NULL, &view, &err), NOT_FOUND,
		"NO_SUCH_COLLECTION", "collection");
	ck_refused_at(catalog_delete(catalog, "demo", &err), NOT_FOUND, "NO_SUCH_COLLECTION",
		"collection");
	check_vectors(&before, g, 5);
	ck_assert_str_eq(before.corpus->id[4], "d4");
	view_release(&before);
	collection_make("demo");
	put("demo", 2, 0);
	g = published(2);
	check_serves("demo", g, 2);
}
END_TEST

START_TEST(a_damaged_file_is_told_to_those_who_need_it_alone)
{
	char path[PATH_MAX];

	put("demo", 5, 0);
	published(5);
	collection_make("other");
	put("other", 2, 0);
	uint64_t g = begin("other", "exact");
	ck_ok(upload("other", g, PB__SIDE__SIDE_DOCUMENT, 0, 2, &err), &err);
	ck_ok(publish_generation("other", g, &err), &err);
	snprintf(path, sizeof path, "%s/collections/%" PRId64 "/generation-1.document.vec", dir,
		id_of("demo"));
	flip_byte(path, 4096 + 10);
	catalog_reopen();
	check_serves("other", g, 2);
	ck_refused(catalog_view(catalog, "demo", 0, IMAGE_NEEDED, NULL, &view, &err), &err,
		DATA_LOSS, "CORRUPT_FILE");
	ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NONE, NULL, &view, &err), &err);
	view_release(&view);
	check_serves("demo", published(5), 5); /* and can be put right */
}
END_TEST

/* One byte of the codes changed and their hash made right again: a start that made them anew would
 * not be led astray, so this one used them. */
static void shift_slack(const char *name)
{
	struct {
		uint64_t hash;
		unsigned char rest[64];
		uint64_t blocks_hash;
	} header;
	float slack = -INFINITY;
	unsigned char bytes[1 << 16];
	int fd = open(name, O_RDWR);

	ck_assert_int_eq(pread(fd, &header, sizeof header, 0), sizeof header);
	ssize_t n = pread(fd, bytes, sizeof bytes, sizeof header);
	ck_assert(n > 0 && n < (ssize_t)sizeof bytes);
	memcpy(bytes + 32 * sizeof(float), &slack, sizeof slack); /* there is no row 0 */
	header.blocks_hash = XXH3_64bits(bytes, (size_t)n);
	header.hash = XXH3_64bits(header.rest, sizeof header - sizeof header.hash);
	ck_assert_int_eq(pwrite(fd, &header, sizeof header, 0), sizeof header);
	ck_assert_int_eq(pwrite(fd, bytes, (size_t)n, sizeof header), n);
	close(fd);
}

/* The document nearest to a document's own vector. */
static uint32_t nearest(uint64_t generation, uint32_t document)
{
	float vector[DIMENSION];
	struct hit hit;
	struct exact_query query = {.vector = vector, .k = 1, .floor = -INFINITY, .out = &hit};
	struct view v = see(generation);
	struct shared_request request = {.queries = &query, .n = 1, .order = v.corpus->order};

	vector_of(generation, PB__SIDE__SIDE_DOCUMENT, document, vector);
	ck_ok(image_search(v.image, &request, &err), &err);
	ck_assert_uint_eq(query.found, 1);
	view_release(&v);
	return hit.document;
}

START_TEST(codes_are_kept_over_a_restart)
{
	char name[PATH_MAX];

	put("demo", 5, 0);
	uint64_t g = published(5);
	catalog_reopen();
	ck_assert_uint_eq(files_ending(id_of("demo"), "index"), 1);
	check_serves("demo", g, 5);
	snprintf(name, sizeof name, "%s/collections/%lld/generation-%llu.index", dir,
		(long long)id_of("demo"), (unsigned long long)g);
	shift_slack(name);
	catalog_reopen();
	ck_assert_uint_eq(nearest(g, 1), 1);
	ck_assert_uint_ne(nearest(g, 0), 0);
}
END_TEST

START_TEST(factory_indexes_are_kept_built_over_a_restart)
{
	put("demo", 60, 0);
	uint64_t g = begin("demo", "HNSW8");
	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 0, 60, &err), &err);
	ck_ok(publish_generation("demo", g, &err), &err);
	ck_assert_uint_eq(files_ending(id_of("demo"), "index"), 1);
	catalog_reopen();
	check_serves("demo", g, 60);
}
END_TEST

static Pb__EncodeCollectionRequest encode_request(void)
{
	Pb__EncodeCollectionRequest req = PB__ENCODE_COLLECTION_REQUEST__INIT;

	req.collection = "demo";
	req.has_dimension = 1;
	req.dimension = 3;
	req.step = 9;
	return req;
}

START_TEST(texts_are_encoded_into_a_generation_that_encodes_texts)
{
	Pb__EncodeCollectionRequest req = encode_request();
	float stored[3], again[3];
	Pb__Generation g;

	put("demo", 40, 6);
	put_documents(id_of("demo"), DOCUMENTS(document("empty", NULL, "", NULL)));
	put_queries(id_of("demo"), QUERIES(query("strange", "zebra")));
	ck_ok(catalog_encode(catalog, &req, NULL, &arena, &g, &err), &err);
	ck_assert_str_eq(g.encoder, "lsa");
	ck_assert_int_eq(g.step, 9);
	ck_assert_uint_eq(g.document_vectors, 40);
	ck_assert_uint_eq(g.query_vectors, 6);
	for (int restarted = 0; restarted < 2; restarted++) {
		view = see(0);
		ck_assert_ptr_nonnull(view.image->lsa);
		ck_assert(!image_document_vector(view.image, 40, stored));
		ck_assert(image_query_vector(view.image, 1, stored));
		ck_ok(lsa_encode_text(view.image->lsa, "dog", again, &err), &err);
		ck_assert_mem_eq(stored, again, sizeof stored);
		view_release(&view);
		catalog_reopen();
	}
}
END_TEST

/* Looks at the corpus, so that what comes next is an update of it. */
static void look_at_corpus(void)
{
	ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NONE, NULL, &view, &err), &err);
	view_release(&view);
}

START_TEST(the_same_texts_are_encoded_alike_however_they_came)
{
	Pb__EncodeCollectionRequest req = encode_request();
	float vectors[2][40][3];
	Pb__Generation g;

	put_documents(id_of("demo"), DOCUMENTS(document("d0", NULL, "cow ant fish", NULL)));
	look_at_corpus();
	put("demo", 30, 0);
	look_at_corpus();
	put("demo", 40, 0);
	look_at_corpus();
	for (int restarted = 0; restarted < 2; restarted++) {
		ck_ok(catalog_encode(catalog, &req, NULL, &arena, &g, &err), &err);
		view = see(g.generation);
		for (uint32_t d = 0; d < 40; d++)
			ck_assert(image_document_vector(view.image, d, vectors[restarted][d]));
		view_release(&view);
		catalog_reopen();
	}
	ck_assert_mem_eq(vectors[0], vectors[1], sizeof vectors[0]);
}
END_TEST

START_TEST(encoding_refuses_what_it_cannot_do)
{
	Pb__EncodeCollectionRequest req = encode_request();
	atomic_bool cancelled = true;
	struct progress progress = {.cancelled = &cancelled};
	Pb__Generation g;

	put("demo", 40, 0);
#define encode(p) catalog_encode(catalog, &req, p, &arena, &g, &err)
	req.encoder = "bert";
	ck_refused_at(encode(NULL), INVALID_ARGUMENT, "UNKNOWN_ENCODER", "encoder");
	req.encoder = "lsa";
	req.index = "nonsense";
	ck_refused_at(encode(NULL), INVALID_ARGUMENT, "BAD_INDEX", "index");
	req.index = "exact";
	req.dimension = 0;
	ck_refused_at(encode(NULL), INVALID_ARGUMENT, "OUT_OF_RANGE", "dimension");
	req.dimension = 5000;
	ck_assert_int_eq(encode(NULL), INVALID_ARGUMENT);
	ck_assert_str_eq(err.field, "dimension");
	req.dimension = 3;
	ck_refused(encode(&progress), &err, CANCELLED, "CANCELLED");
	ck_assert_uint_eq(files_ending(id_of("demo"), ""), 0);
	cancelled = false;
	ck_ok(encode(&progress), &err);
#undef encode
}
END_TEST

START_TEST(a_small_corpus_has_no_more_dimensions_than_words_it_shares)
{
	Pb__EncodeCollectionRequest req = PB__ENCODE_COLLECTION_REQUEST__INIT;
	Pb__Generation g;

	put("demo", 40, 0);
	req.collection = "demo";
	ck_ok(catalog_encode(catalog, &req, NULL, &arena, &g, &err), &err);
	ck_assert_uint_eq(g.dimension, 7); /* the words of put() */
	req.has_dimension = 1;
	ck_refused_at(catalog_encode(catalog, &req, NULL, &arena, &g, &err), INVALID_ARGUMENT,
		"BAD_DIMENSION", "dimension");
}
END_TEST

START_TEST(a_corpus_that_shares_no_word_has_no_dimension)
{
	Pb__EncodeCollectionRequest req = PB__ENCODE_COLLECTION_REQUEST__INIT;
	Pb__Generation g;

	put_documents(id_of("demo"), DOCUMENTS(document("a", NULL, "cat", NULL)));
	req.collection = "demo";
	ck_refused_at(catalog_encode(catalog, &req, NULL, &arena, &g, &err), INVALID_ARGUMENT,
		"BAD_DIMENSION", "dimension");
	ck_assert_ptr_nonnull(strstr(err.text, "share a term"));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("catalog");
	TCase *t = tcase_create("catalog");

	tcase_add_checked_fixture(t, catalog_setup, catalog_teardown);
	tcase_add_test(t, before_anything_is_published_a_view_says_what_to_do);
	tcase_add_test(t, what_is_uploaded_and_published_is_served_now_and_after_a_restart);
	tcase_add_test(t, uploads_that_are_wrong_name_the_field_and_leave_nothing);
	tcase_add_test(t, an_index_string_is_checked_when_a_generation_begins);
	tcase_add_test(t, the_corpus_follows_the_documents_and_views_keep_theirs);
	tcase_add_test(t, vectors_of_documents_that_just_came_are_taken);
	tcase_add_test(t, generations_are_pinned_by_number_and_retired_in_turn);
	tcase_add_test(t, an_open_generation_outlives_a_restart);
	tcase_add_test(t, a_start_removes_what_unfinished_work_left);
	tcase_add_test(t, a_deleted_collection_is_gone_but_for_its_readers);
	tcase_add_test(t, a_damaged_file_is_told_to_those_who_need_it_alone);
	tcase_add_test(t, codes_are_kept_over_a_restart);
	tcase_add_test(t, factory_indexes_are_kept_built_over_a_restart);
	tcase_add_test(t, texts_are_encoded_into_a_generation_that_encodes_texts);
	tcase_add_test(t, the_same_texts_are_encoded_alike_however_they_came);
	tcase_add_test(t, encoding_refuses_what_it_cannot_do);
	tcase_add_test(t, a_small_corpus_has_no_more_dimensions_than_words_it_shares);
	tcase_add_test(t, a_corpus_that_shares_no_word_has_no_dimension);
	suite_add_tcase(s, t);
	return s;
}
