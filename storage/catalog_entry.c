#include "storage/catalog_private.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/catalog_files.h"
#include "storage/rows/generations.h"
#include "storage/wait.h"

enum { LOOK_AGAIN_MS = 50 };

static struct entry **find(struct catalog *c, int64_t collection)
{
	struct entry **at = &c->bucket[(uint64_t)collection % ENTRY_BUCKETS];

	while (*at && (*at)->collection != collection)
		at = &(*at)->next;
	return at;
}

static struct entry *entry_new(int64_t collection)
{
	struct entry *entry = FAULT() ? NULL : calloc(1, sizeof *entry);

	if (!entry)
		return NULL;
	entry->collection = collection;
	pthread_mutex_init(&entry->lock, NULL);
	pthread_cond_init(&entry->changed, NULL);
	return entry;
}

static void entry_free(struct entry *entry)
{
	corpus_release(entry->corpus);
	entry_serve(entry, 0);
	while (entry->staging) {
		struct staging *s = entry->staging;
		entry->staging = s->next;
		stage_close(s->stage);
		free(s);
	}
	pthread_cond_destroy(&entry->changed);
	pthread_mutex_destroy(&entry->lock);
	free(entry);
}

enum code entry_use(struct catalog *c, int64_t collection, struct entry **out, struct error *e)
{
	pthread_mutex_lock(&c->lock);
	struct entry **at = find(c, collection);
	if (!*at)
		*at = entry_new(collection);
	struct entry *entry = *at;
	if (entry)
		entry->users++;
	pthread_mutex_unlock(&c->lock);
	if (!entry)
		return error_memory(e);
	*out = entry;
	return OK;
}

void entry_share(struct catalog *c, struct entry *entry)
{
	pthread_mutex_lock(&c->lock);
	entry->users++;
	pthread_mutex_unlock(&c->lock);
}

void entry_done(struct catalog *c, struct entry *entry)
{
	pthread_mutex_lock(&c->lock);
	bool last = --entry->users == 0 && entry->deleted;
	pthread_mutex_unlock(&c->lock);
	if (last)
		entry_free(entry);
}

bool entry_is_deleted(struct catalog *c, const struct entry *entry)
{
	pthread_mutex_lock(&c->lock);
	bool deleted = entry->deleted;
	pthread_mutex_unlock(&c->lock);
	return deleted;
}

void entry_delete(struct catalog *c, int64_t collection)
{
	pthread_mutex_lock(&c->lock);
	struct entry **at = find(c, collection), *entry = *at;
	if (entry) {
		*at = entry->next;
		entry->deleted = true;
	}
	bool idle = entry && entry->users == 0;
	pthread_mutex_unlock(&c->lock);
	if (idle)
		entry_free(entry);
}

void entries_free(struct catalog *c)
{
	for (size_t i = 0; i < ENTRY_BUCKETS; i++)
		while (c->bucket[i]) {
			struct entry *entry = c->bucket[i];
			assert(entry->users == 0);
			c->bucket[i] = entry->next;
			entry_free(entry);
		}
}

enum code entry_wait(struct entry *entry, atomic_bool *cancelled, struct error *e)
{
	if (check_cancelled(cancelled, e))
		return e->code;
	wait_a_while(&entry->changed, &entry->lock, LOOK_AGAIN_MS); /* at cancellations */
	return OK;
}

struct corpus *entry_any_corpus(struct entry *entry)
{
	pthread_mutex_lock(&entry->lock);
	struct corpus *corpus = entry->corpus ? corpus_acquire(entry->corpus) : NULL;
	pthread_mutex_unlock(&entry->lock);
	return corpus;
}

static bool will_do(const struct corpus *corpus, uint64_t revision, bool at_once)
{
	return corpus && corpus->documents_revision >= revision &&
	       (!at_once || bm25_at_once(corpus->bm25));
}

/* Whether a corpus is as new as the one that is there. */
static bool is_news(const struct entry *entry, const struct corpus *corpus)
{
	return !entry->corpus || entry->corpus->documents_revision <= corpus->documents_revision;
}

/* Whoever builds a corpus: the request that it is for, and where others may wait for it. */
struct builder {
	struct catalog *catalog;
	struct entry *entry;
	bool at_once;
	atomic_bool *cancelled; /* or NULL */
	bool goes_on;		/* whatever happens to the request, while there is the collection */
};

static bool nobody_wants_it(void *arg)
{
	const struct builder *b = arg;

	return is_cancelled(b->cancelled) &&
	       !atomic_load_explicit(&b->entry->waiting[b->at_once], memory_order_relaxed) &&
	       (!b->goes_on || entry_is_deleted(b->catalog, b->entry));
}

/* Takes the corpus that is there if it will do, else marks that this thread builds one: *before is then
 * what is there, or NULL. */
static enum code claim_corpus(struct builder *b, uint64_t revision, struct corpus **out,
	struct corpus **before, struct error *e)
{
	struct entry *entry = b->entry;
	bool waits = false, at_once = b->at_once;
	enum code rc = OK;

	*out = *before = NULL;
	pthread_mutex_lock(&entry->lock);
	for (;;) {
		if (will_do(entry->corpus, revision, at_once)) {
			*out = corpus_acquire(entry->corpus);
			break;
		}
		if (!entry->indexing[at_once]) {
			entry->indexing[at_once] = true;
			b->goes_on = entry->given_up[at_once];
			*before = entry->corpus ? corpus_acquire(entry->corpus) : NULL;
			break;
		}
		if (!waits)
			atomic_fetch_add(&entry->waiting[at_once], 1);
		waits = true;
		if ((rc = entry_wait(entry, b->cancelled, e)))
			break;
	}
	if (waits)
		atomic_fetch_sub(&entry->waiting[at_once], 1);
	pthread_mutex_unlock(&entry->lock);
	return rc;
}

/* What makes a request wait that a file would have answered: that there is none yet is told where it could
 * have been written before the start. */
static void tell_indexed(const struct catalog *c, const struct collection *row,
	const struct corpus *corpus, bool file)
{
	if (!c->told || !corpus->made_anew || !corpus->n)
		return;
	if (file)
		c->told("indexed_anew", row->name, 0, corpus->made_anew);
	else if (row->id <= c->newest)
		c->told("indexed", row->name, 0, corpus->made_anew);
}

static enum code build_corpus(struct catalog *c, const struct collection *row, struct builder *b,
	const struct corpus *before, struct corpus **out, struct error *e)
{
	struct path kept = text_path(c, row->id);
	struct corpus_from from = {.before = b->at_once ? NULL : before,
		.kept = before ? NULL : kept.text,
		.at_once = b->at_once};
	struct stop stop = {.given_up = nobody_wants_it, .arg = b};
	bool file = path_exists(&kept);

	if (corpus_build(c->db, row->id, row->documents_revision, &from, &stop, out, e))
		return e->code;
	tell_indexed(c, row, *out, file);
	return OK;
}

static enum code current_corpus(struct catalog *c, struct entry *entry,
	const struct collection *row, bool at_once, atomic_bool *cancelled, struct corpus **out,
	struct error *e)
{
	struct builder builder = {c, entry, at_once, cancelled, false};
	struct corpus *corpus, *before, *drop = NULL;

	if (claim_corpus(&builder, row->documents_revision, &corpus, &before, e))
		return e->code;
	if (corpus) {
		*out = corpus;
		return OK;
	}
	enum code rc = build_corpus(c, row, &builder, before, &corpus, e);
	pthread_mutex_lock(&entry->lock);
	entry->indexing[at_once] = false;
	entry->given_up[at_once] = rc == CANCELLED;
	if (!rc && is_news(entry, corpus)) {
		drop = entry->corpus;
		entry->corpus = corpus_acquire(corpus);
		entry->unkept += corpus->indexed;
	}
	pthread_cond_broadcast(&entry->changed);
	pthread_mutex_unlock(&entry->lock);
	corpus_release(drop);
	corpus_release(before);
	if (rc)
		return rc;
	keep_text(c, entry, row);
	*out = corpus;
	return OK;
}

enum code entry_corpus(struct catalog *c, struct entry *entry, const struct collection *row,
	atomic_bool *cancelled, struct corpus **out, struct error *e)
{
	return current_corpus(c, entry, row, false, cancelled, out, e);
}

enum code entry_corpus_at_once(struct catalog *c, struct entry *entry, const struct collection *row,
	atomic_bool *cancelled, struct corpus **out, struct error *e)
{
	return current_corpus(c, entry, row, true, cancelled, out, e);
}

static struct loaded **find_loaded(struct entry *entry, uint64_t generation)
{
	struct loaded **at = &entry->loaded;

	while (*at && (*at)->image->generation != generation)
		at = &(*at)->next;
	return at;
}

struct image *entry_loaded(struct catalog *c, struct entry *entry, uint64_t generation)
{
	bool deleted = entry_is_deleted(c, entry);

	pthread_mutex_lock(&entry->lock);
	struct loaded *l = deleted ? NULL : *find_loaded(entry, generation);
	struct image *image = l ? image_acquire(l->image) : NULL;
	pthread_mutex_unlock(&entry->lock);
	return image;
}

enum code entry_add_image(struct entry *entry, struct image *image, struct error *e)
{
	struct loaded *l = FAULT() ? NULL : malloc(sizeof *l);

	if (!l)
		return error_memory(e);
	l->image = image_acquire(image);
	pthread_mutex_lock(&entry->lock);
	l->next = entry->loaded;
	entry->loaded = l;
	pthread_mutex_unlock(&entry->lock);
	return OK;
}

/* Cuts out of the list what is (or is not) of this generation; the caller frees it. */
static struct loaded *take_out(struct entry *entry, uint64_t generation, bool is)
{
	struct loaded *out = NULL;

	pthread_mutex_lock(&entry->lock);
	for (struct loaded **at = &entry->loaded; *at;) {
		struct loaded *l = *at;
		if ((l->image->generation == generation) != is) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		l->next = out;
		out = l;
	}
	pthread_mutex_unlock(&entry->lock);
	return out;
}

/* Outside of any lock: freeing an index takes a while. */
static void release_all(struct loaded *l)
{
	while (l) {
		struct loaded *next = l->next;
		image_release(l->image);
		free(l);
		l = next;
	}
}

void entry_drop_image(struct entry *entry, uint64_t generation)
{
	release_all(take_out(entry, generation, true));
}

void entry_serve(struct entry *entry, uint64_t generation)
{
	release_all(take_out(entry, generation, false));
}

enum code open_image(struct catalog *c, const struct collection *row, const Pb__Generation *g,
	bool queries, struct stage *sealed, const struct progress *progress, struct image **out,
	struct error *e)
{
	struct path document = generation_path(
		c, row->id, g->generation, sealed ? FILE_DOCUMENT_ROWS : FILE_DOCUMENTS);
	struct path query =
		generation_path(c, row->id, g->generation, sealed ? FILE_QUERY_ROWS : FILE_QUERIES);
	struct path lsa = generation_path(c, row->id, g->generation, FILE_LSA);
	struct path cache = generation_path(c, row->id, g->generation, FILE_CACHE);
	struct image_files files = {document.text, queries ? query.text : NULL,
		path_exists(&lsa) ? lsa.text : NULL, cache.text, c->key,
		sealed ? stage_take_codes(sealed) : NULL};
	struct image_about about = about_image(g);

	return image_open(&files, &about, progress, out, e);
}

/* What makes a start, or whoever asks for an older generation, wait. */
static void tell_made_anew(
	const struct catalog *c, const struct collection *row, const struct image *image, bool file)
{
	if (c->told && image->made_anew && file)
		c->told("made_anew", row->name, image->generation,
			"Its file is damaged, of other vectors, or of another version.");
	if (c->told && image->made_anew && !file)
		c->told("made", row->name, image->generation, "There was no file of it.");
}

/* What was served when the row was read, and is in memory no more, is superseded: whoever wanted what is
 * served would wait for it in vain, and keep it there beside the newer one. */
static enum code check_not_superseded(
	struct catalog *c, const struct collection *row, uint64_t generation, struct error *e)
{
	struct collection now;

	if (generation != row->generation)
		return OK;
	if (collection_get(c->db, row->name, &now, e))
		return e->code;
	if (now.generation == generation && now.id == row->id)
		return OK;
	return error_set(e, ABORTED, "GENERATION_SUPERSEDED",
		"Generation %llu of \"%s\" is not served any more.", (unsigned long long)generation,
		row->name);
}

static enum code load(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, atomic_bool *cancelled, struct image **out, struct error *e)
{
	Pb__Generation g;
	struct arena arena;
	struct image *image;
	struct progress progress = {.cancelled = cancelled};
	struct path cache = generation_path(c, row->id, generation, FILE_CACHE);
	bool file = path_exists(&cache);

	if (check_not_superseded(c, row, generation, e))
		return e->code;
	arena_init(&arena, 1 << 20);
	enum code rc = generation_get(c->db, row, generation, &arena, &g, e);
	if (!rc)
		rc = open_image(c, row, &g, g.query_vectors > 0, NULL, &progress, &image, e);
	arena_free(&arena);
	if (rc)
		return rc;
	tell_made_anew(c, row, image, file);
	if (image->made_anew)
		files_drop_late(c, row, generation, FILE_CACHE);
	if (entry_add_image(entry, image, e)) {
		image_release(image);
		return e->code;
	}
	*out = image;
	return OK;
}

/* Takes the image that is there, else marks that this thread opens one. */
static enum code claim_image(struct entry *entry, uint64_t generation, atomic_bool *cancelled,
	struct image **out, struct error *e)
{
	enum code rc = OK;

	*out = NULL;
	pthread_mutex_lock(&entry->lock);
	for (;;) {
		struct loaded *l = *find_loaded(entry, generation);
		if (l) {
			*out = image_acquire(l->image);
			break;
		}
		if (!entry->loading) {
			entry->loading = true;
			break;
		}
		if ((rc = entry_wait(entry, cancelled, e)))
			break;
	}
	pthread_mutex_unlock(&entry->lock);
	return rc;
}

enum code entry_image(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, atomic_bool *cancelled, struct image **out, struct error *e)
{
	struct image *image;

	if (claim_image(entry, generation, cancelled, &image, e))
		return e->code;
	if (image) {
		*out = image;
		return OK;
	}
	enum code rc = load(c, entry, row, generation, cancelled, out, e);
	pthread_mutex_lock(&entry->lock);
	entry->loading = false;
	pthread_cond_broadcast(&entry->changed);
	pthread_mutex_unlock(&entry->lock);
	return rc;
}
