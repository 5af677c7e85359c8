#include "storage/catalog_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/catalog_files.h"
#include "storage/rows/generations.h"
#include "storage/vectors/cache.h"

/* Opens what a collection serves. One that is damaged does not keep the others from serving: the
 * requests that need it are told. */
static enum code start_collection(void *arg, const struct collection *row, struct error *e)
{
	struct catalog *c = arg;
	struct entry *entry;
	struct image *image;

	c->newest = row->id > c->newest ? row->id : c->newest;
	if (files_sweep(c, row, true, e))
		return e->code;
	if (!row->generation)
		return OK;
	if (entry_use(c, row->id, &entry, e))
		return e->code;
	enum code rc = entry_image(c, entry, row, row->generation, NULL, &image, e);
	if (!rc && image->made_anew)
		keep_codes(c, entry, row, row->generation, NULL);
	if (!rc)
		image_release(image);
	entry_done(c, entry);
	return rc == DATA_LOSS ? OK : rc;
}

static enum code start(struct catalog *c, struct error *e)
{
	char key[PATH_MAX + 16];

	snprintf(key, sizeof key, "%s/cache.key", c->dir);
	if (files_make_root(c, e) || cache_key(key, &c->key, e) || files_sweep_orphans(c, e))
		return e->code;
	return collections_each(c->db, start_collection, c, e);
}

enum code catalog_open(struct database *db, const char *dir, const struct catalog_options *options,
	struct catalog **out, struct error *e)
{
	struct catalog *c = FAULT() ? NULL : calloc(1, sizeof *c);

	if (!c)
		return error_memory(e);
	pthread_mutex_init(&c->lock, NULL);
	c->db = db;
	c->keep = options->keep < 2 ? 2 : options->keep;
	c->told = options->told;
	snprintf(c->dir, sizeof c->dir, "%s", dir);
	if (start(c, e)) {
		catalog_close(c);
		return e->code;
	}
	*out = c;
	return OK;
}

void catalog_lend(struct catalog *c, const struct crew *crew)
{
	c->crew = *crew;
}

struct catalog *catalog_close(struct catalog *c)
{
	if (!c)
		return NULL;
	entries_free(c);
	pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}

static enum code none_published(const char *collection, struct error *e)
{
	return error_set(e, FAILED_PRECONDITION, "NO_GENERATION",
		"Collection \"%s\" has no published generation. Begin one, upload vectors and "
		"publish it, or encode the collection with \"lsa\".",
		collection);
}

/* A generation asked for by number must be published and still be on disk. */
static enum code check_published(
	struct catalog *c, const struct collection *row, uint64_t generation, struct error *e)
{
	struct arena arena;
	Pb__Generation g;

	arena_init(&arena, 1 << 20);
	enum code rc = generation_get(c->db, row, generation, &arena, &g, e);
	Pb__GenerationState state = rc ? PB__GENERATION_STATE__GENERATION_STATE_OPEN : g.state;
	arena_free(&arena);
	if (rc || state == PB__GENERATION_STATE__GENERATION_STATE_PUBLISHED)
		return rc;
	bool retired = state == PB__GENERATION_STATE__GENERATION_STATE_RETIRED;
	error_set(e, FAILED_PRECONDITION,
		retired ? "GENERATION_RETIRED" : "GENERATION_NOT_PUBLISHED",
		retired ? "Generation %llu is no longer kept; ask for a newer one."
			: "Generation %llu is not published yet.",
		(unsigned long long)generation);
	return error_field(e, "generation");
}

/* The row to answer by, and the generation, 0 for none. A generation asked for by number is looked
 * up before the row is read, so that the corpus of the row's revision knows all its documents. */
static enum code resolve(struct catalog *c, const char *collection, uint64_t asked,
	enum image_need need, struct collection *row, uint64_t *generation, struct error *e)
{
	if (collection_get(c->db, collection, row, e))
		return e->code;
	if (need == IMAGE_NONE) {
		*generation = 0;
		return OK;
	}
	if (asked) {
		*generation = asked;
		if (check_published(c, row, asked, e))
			return e->code;
		return collection_get(c->db, collection, row, e);
	}
	*generation = row->generation;
	if (!row->generation && need == IMAGE_NEEDED)
		return none_published(collection, e);
	return OK;
}

static void check_fits(const struct view *v)
{
	/* Vectors are taken for known documents only, and the corpus was read after them. */
	assert(!v->image || !v->image->rows || image_last_document(v->image) < v->corpus->n);
	(void)v;
}

static enum code fill(struct catalog *c, struct entry *entry, uint64_t generation,
	atomic_bool *cancelled, struct view *v, struct error *e)
{
	if (generation &&
		entry_image(c, entry, &v->collection, generation, cancelled, &v->image, e))
		return e->code;
	if (entry_corpus(c, entry, &v->collection, cancelled, &v->corpus, e)) {
		v->image = image_release(v->image);
		return e->code;
	}
	check_fits(v);
	return OK;
}

enum code catalog_view(struct catalog *c, const char *collection, uint64_t generation,
	enum image_need need, atomic_bool *cancelled, struct view *out, struct error *e)
{
	struct view v = {0};
	struct entry *entry;
	uint64_t number, before = 0;

	for (;;) {
		if (resolve(c, collection, generation, need, &v.collection, &number, e) ||
			entry_use(c, v.collection.id, &entry, e))
			return e->code;
		enum code rc = fill(c, entry, number, cancelled, &v, e);
		entry_done(c, entry);
		if (!rc)
			break;
		/* What was served may have been superseded under our feet, or retired: look whether it
		 * was. */
		if (rc != ABORTED && (rc != DATA_LOSS || number == before))
			return rc;
		if (rc == DATA_LOSS)
			before = number;
	}
	*out = v;
	return OK;
}

enum code catalog_check(struct catalog *c, const char *collection, uint64_t generation,
	enum image_need need, struct error *e)
{
	struct collection row;
	uint64_t number;

	return resolve(c, collection, generation, need, &row, &number, e);
}

void view_release(struct view *v)
{
	v->corpus = corpus_release(v->corpus);
	v->image = image_release(v->image);
}

enum code catalog_delete(struct catalog *c, const char *collection, struct error *e)
{
	int64_t id;

	if (collection_delete(c->db, collection, &id, e))
		return e->code;
	entry_delete(c, id);
	files_remove(c, id);
	return OK;
}
