#include "tests/storage/catalog_fixture.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/rows/generations.h"

struct catalog *catalog;

atomic_uint told_made, told_made_anew, told_indexed, told_indexed_anew, told_not_kept;

static void count(const char *event, const char *collection, uint64_t generation, const char *why)
{
	bool anew = !strcmp(event, "indexed_anew"), indexed = anew || !strcmp(event, "indexed");

	ck_assert_str_ne(collection, "");
	ck_assert_str_ne(why, "");
	if (strcmp(event, "not_kept"))
		ck_assert(generation ? !indexed : indexed);
	if (!strcmp(event, "made"))
		atomic_fetch_add(&told_made, 1);
	else if (!strcmp(event, "made_anew"))
		atomic_fetch_add(&told_made_anew, 1);
	else if (indexed)
		atomic_fetch_add(anew ? &told_indexed_anew : &told_indexed, 1);
	else if (!strcmp(event, "not_kept"))
		atomic_fetch_add(&told_not_kept, 1);
	else
		ck_abort_msg("There is no event \"%s\".", event);
}

static void open_catalog(void)
{
	static const struct catalog_options options = {2, count};

	ck_ok(catalog_open(db, dir, &options, &catalog, &err), &err);
}

void collection_make(const char *name)
{
	struct collection row;

	ck_ok(collection_create(db, name, &row, &err), &err);
}

void catalog_setup(void)
{
	fixture_setup();
	open_catalog();
	collection_make("demo");
}

void catalog_teardown(void)
{
	catalog = catalog_close(catalog);
	fixture_teardown();
}

void catalog_reopen(void)
{
	catalog = catalog_close(catalog);
	fixture_reopen();
	open_catalog();
}

void put(const char *collection, uint32_t n_documents, uint32_t n_queries)
{
	static const char *const words[] = {"cat", "dog", "bird", "fish", "horse", "cow", "ant"};
	Pb__Document **documents = arena_array(&arena, n_documents + 1, sizeof *documents);
	Pb__Query **queries = arena_array(&arena, n_queries + 1, sizeof *queries);
	struct collection row;

	ck_ok(collection_get(db, collection, &row, &err), &err);
	for (uint32_t i = 0; i < n_documents; i++)
		documents[i] = document(arena_printf(&arena, "d%u", i), NULL,
			arena_printf(&arena, "%s %s %s", words[i % 7], words[i / 7 % 7],
				words[i / 3 % 7]),
			NULL);
	for (uint32_t i = 0; i < n_queries; i++)
		queries[i] = query(arena_printf(&arena, "q%u", i), words[i % 7]);
	if (n_documents)
		put_documents(row.id, documents, n_documents);
	if (n_queries)
		put_queries(row.id, queries, n_queries);
}

uint64_t begin(const char *collection, const char *index)
{
	Pb__BeginGenerationRequest req = PB__BEGIN_GENERATION_REQUEST__INIT;
	Pb__Generation g;

	req.collection = (char *)collection;
	req.encoder = "test";
	req.has_dimension = 1;
	req.dimension = DIMENSION;
	req.index = (char *)index;
	ck_ok(catalog_begin(catalog, &req, &arena, &g, &err), &err);
	return g.generation;
}

void vector_of(uint64_t generation, Pb__Side side, uint32_t number, float *out)
{
	for (int i = 0; i < DIMENSION; i++)
		out[i] = (float)((number + 1) * (uint32_t)(i + 2) * 7919 % 101) + 1;
	out[0] += (float)generation;
	out[1] += (float)side;
}

enum code upload(const char *collection, uint64_t generation, Pb__Side side, uint32_t first,
	uint32_t n, struct error *e)
{
	Pb__UpsertVectorsRequest req = PB__UPSERT_VECTORS_REQUEST__INIT;
	char id[64][16], *ids[64];
	float rows[64][DIMENSION];
	uint64_t upserted;

	ck_assert_uint_le(n, 64);
	for (uint32_t i = 0; i < n; i++) {
		snprintf(id[i], sizeof id[i], "%c%u", side ? 'q' : 'd', first + i);
		ids[i] = id[i];
		vector_of(generation, side, first + i, rows[i]);
	}
	req.collection = (char *)collection;
	req.has_generation = req.has_of = req.has_data = 1;
	req.generation = generation;
	req.of = side;
	req.ids = (void *)ids;
	req.n_ids = n;
	req.data = (ProtobufCBinaryData){n * sizeof rows[0], (uint8_t *)rows};
	enum code rc = catalog_upsert_vectors(catalog, &req, NULL, &upserted, e);
	if (!rc)
		ck_assert_uint_eq(upserted, n);
	return rc;
}

enum code publish_generation(const char *collection, uint64_t generation, struct error *e)
{
	return publish_by(collection, generation, NULL, e);
}

enum code publish_by(
	const char *collection, uint64_t generation, const struct crew *crew, struct error *e)
{
	struct progress progress = {.crew = crew};
	struct arena own; /* callers may be on several threads */
	Pb__Generation g;
	uint64_t without;

	arena_init(&own, 1 << 20);
	enum code rc = catalog_publish(
		catalog, collection, generation, false, &progress, &own, &g, &without, e);
	if (!rc) {
		ck_assert_uint_eq(g.generation, generation);
		ck_assert_int_eq(g.state, PB__GENERATION_STATE__GENERATION_STATE_PUBLISHED);
	}
	arena_free(&own);
	return rc;
}

void check_vectors(const struct view *v, uint64_t generation, uint32_t n)
{
	float want[DIMENSION], got[DIMENSION];

	ck_assert_ptr_nonnull(v->image);
	ck_assert_uint_eq(v->image->generation, generation);
	ck_assert_uint_eq(v->image->rows, n);
	for (uint32_t i = 0; i < n; i++) {
		vector_of(generation, PB__SIDE__SIDE_DOCUMENT, i, want);
		ck_assert(image_document_vector(v->image, i, got));
		ck_assert_mem_eq(got, want, sizeof want);
		ck_assert(fabs(image_score(v->image, want, i) - 1) < 1e-12);
	}
}

void check_serves(const char *collection, uint64_t generation, uint32_t n)
{
	struct view v;

	ck_ok(catalog_view(catalog, collection, 0, IMAGE_NEEDED, NULL, &v, &err), &err);
	check_vectors(&v, generation, n);
	ck_assert_uint_ge(v.corpus->n, n);
	view_release(&v);
}

size_t files_ending(int64_t collection, const char *ending)
{
	char path[PATH_MAX];
	size_t n = 0;

	snprintf(path, sizeof path, "%s/collections/%" PRId64, dir, collection);
	DIR *d = opendir(path);
	for (struct dirent *entry; d && (entry = readdir(d));) {
		size_t len = strlen(entry->d_name), tail = strlen(ending);
		n += entry->d_name[0] != '.' && len >= tail &&
		     !strcmp(entry->d_name + len - tail, ending);
	}
	if (d)
		closedir(d);
	return n;
}
