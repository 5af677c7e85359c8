/*
 * Codes that came with uploads are in memory alone when their generation is published. They are
 * written soon after, so that a start finds them however this process ends. No request waits for that: an
 * idle thread does it, without a place among those that compute, for it is the disk that takes the
 * time. A generation that is not served any more takes its codes along at once, written or not.
 *
 * The index of a collection's texts is written in the same way: when it was made of all of them, and again
 * when a KEPT_SHAREth of the documents was indexed since, so that small uploads do not each write a large
 * file. A start indexes what the file does not have: no more than that, if the daemon was stopped or left
 * alone for long enough to write. A file of an older state is of use, so what has begun is not given up for
 * what is newer, but for a deletion; and after one that failed it is tried again when as much has come.
 */
#include "storage/catalog_private.h"

#include <stdlib.h>

#include "proto/fault.h"
#include "storage/catalog_files.h"

enum { KEPT_SHARE = 8 };

struct keeping {
	struct job job;
	void (*keep)(struct keeping *k); /* leaves the entry in the end */
	struct catalog *catalog;
	struct entry *entry;
	struct collection row;
	uint64_t generation; /* whose codes; 0: the index of texts */
	struct crew crew;    /* whose thread it is */
};

/* What is to be written is what readers have. */
struct wanted {
	const struct keeping *k;
	struct image *image;
};

static bool nobody_has_it(void *arg)
{
	const struct wanted *w = arg;
	struct image *now = entry_loaded(w->k->catalog, w->k->entry, w->k->generation);
	bool same = now == w->image;

	image_release(now);
	return !same;
}

static void tell_not_kept(const struct catalog *c, const struct collection *row,
	uint64_t generation, const struct error *e)
{
	if (c->told)
		c->told("not_kept", row->name, generation, e->text);
}

static void write_codes(const struct keeping *k)
{
	struct path cache = generation_path(k->catalog, k->row.id, k->generation, FILE_CACHE);
	struct wanted wanted = {k, entry_loaded(k->catalog, k->entry, k->generation)};
	struct stop stop = {.given_up = nobody_has_it, .arg = &wanted};
	struct error e;

	if (!wanted.image)
		return;
	/* Without its files there is nothing to be told: the collection was deleted under us. */
	if (image_keep(wanted.image, cache.text, &stop, &e) && !stop_now(&stop))
		tell_not_kept(k->catalog, &k->row, k->generation, &e);
	image_release(wanted.image);
}

/* One at a time writes for a collection, and what came meanwhile after that: a disk that hangs keeps one
 * thread. Of several that came the last is served. */
static void keep(struct keeping *k)
{
	struct entry *entry = k->entry;

	pthread_mutex_lock(&entry->lock);
	entry->to_keep = k->generation;
	while (!entry->keeping && entry->to_keep) {
		k->generation = entry->to_keep;
		entry->to_keep = 0;
		entry->keeping = true;
		pthread_mutex_unlock(&entry->lock);
		write_codes(k);
		pthread_mutex_lock(&entry->lock);
		entry->keeping = false;
	}
	pthread_mutex_unlock(&entry->lock);
	entry_done(k->catalog, entry);
}

static void run(struct job *job)
{
	struct keeping *k = (struct keeping *)job;

	k->crew.leave(k->crew.arg);
	k->keep(k);
	k->crew.back(k->crew.arg, AT_ONCE);
	free(k);
}

static enum code send(const struct keeping *from, struct error *e)
{
	struct keeping *k = FAULT() ? NULL : malloc(sizeof *k);

	if (!k)
		return error_memory(e);
	*k = *from;
	k->crew.send(k->crew.arg, &k->job);
	return OK;
}

void keep_codes(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, const struct crew *crew)
{
	struct keeping k = {.job.run = run,
		.keep = keep,
		.catalog = c,
		.entry = entry,
		.row = *row,
		.generation = generation};
	struct error e;

	entry_share(c, entry);
	if (!crew) {
		keep(&k);
		return;
	}
	k.crew = *crew;
	if (send(&k, &e)) {
		tell_not_kept(c, row, generation, &e);
		entry_done(c, entry);
	}
}

static bool is_deleted(void *arg)
{
	const struct keeping *k = arg;

	return entry_is_deleted(k->catalog, k->entry);
}

/* Whoever had its row before a collection was deleted may have come to it after that, as to a new one: it is
 * looked up here. One that is deleted from here on takes along what comes after its files were removed. */
static void write_text(struct keeping *k, const struct corpus *corpus)
{
	struct path file = text_path(k->catalog, k->row.id);
	struct stop stop = {.given_up = is_deleted, .arg = k};
	struct collection now = {.id = k->row.id};
	struct error e;

	enum code rc = collection_get(k->catalog->db, k->row.name, &now, &e);
	if (rc == NOT_FOUND || now.id != k->row.id)
		return;
	if (!rc)
		rc = files_make(k->catalog, k->row.id, &e);
	if (!rc)
		rc = corpus_keep(corpus, file.text, &stop, &e);
	if (stop_now(&stop))
		files_remove(k->catalog, k->row.id);
	else if (rc)
		tell_not_kept(k->catalog, &k->row, 0, &e);
}

/* The lock is held. */
static bool is_worth_writing(const struct entry *entry)
{
	return entry->unkept && entry->unkept >= entry->corpus->n / KEPT_SHARE;
}

/* One thread for a collection; what comes meanwhile it looks at after that. */
static void keep_latest_text(struct keeping *k)
{
	struct entry *entry = k->entry;

	pthread_mutex_lock(&entry->lock);
	while (is_worth_writing(entry)) {
		struct corpus *corpus = corpus_acquire(entry->corpus);
		entry->unkept = 0;
		pthread_mutex_unlock(&entry->lock);
		write_text(k, corpus);
		corpus_release(corpus);
		pthread_mutex_lock(&entry->lock);
	}
	entry->keeping_text = false;
	pthread_mutex_unlock(&entry->lock);
	entry_done(k->catalog, entry);
}

/* Whether this thread is to send for somebody. */
static bool claim_text(struct entry *entry)
{
	pthread_mutex_lock(&entry->lock);
	bool mine = !entry->keeping_text && is_worth_writing(entry);
	entry->keeping_text = entry->keeping_text || mine;
	pthread_mutex_unlock(&entry->lock);
	return mine;
}

void keep_text(struct catalog *c, struct entry *entry, const struct collection *row)
{
	struct keeping k = {.job.run = run,
		.keep = keep_latest_text,
		.catalog = c,
		.entry = entry,
		.row = *row,
		.crew = c->crew};
	struct error e;

	if (!c->crew.send || !claim_text(entry))
		return;
	entry_share(c, entry);
	if (!send(&k, &e))
		return;
	tell_not_kept(c, row, 0, &e);
	pthread_mutex_lock(&entry->lock);
	entry->keeping_text = false;
	pthread_mutex_unlock(&entry->lock);
	entry_done(c, entry);
}
