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
 *
 * One thread is at it for the whole catalog, and what others are sent with stands in two lines for it,
 * codes before texts, of which a start needs less: a disk that hangs keeps one thread, however many
 * collections are published meanwhile. Of texts that have changed again when they are written the next
 * turn is at the end of their line. A daemon that stops waits for codes as long as they take, and for texts
 * as long as it says (catalog_closing).
 */
#include "storage/catalog_private.h"

#include <stdlib.h>

#include "proto/fault.h"
#include "storage/catalog_files.h"
#include "storage/clock.h"

enum { KEPT_SHARE = 8 };

struct keeping {
	struct job job;
	struct keeping *next;		 /* in the line */
	bool (*keep)(struct keeping *k); /* whether it is to be done again */
	struct catalog *catalog;
	struct entry *entry;
	struct collection row;
	uint64_t generation; /* whose codes; 0: the index of texts */
	struct crew crew;    /* whose thread it is */
};

void catalog_closing(struct catalog *c, unsigned seconds)
{
	atomic_store(&c->closing_at, clock_ns() + seconds * 1000000000ull);
}

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

static bool keep_uploaded(struct keeping *k)
{
	struct path cache = generation_path(k->catalog, k->row.id, k->generation, FILE_CACHE);
	struct wanted wanted = {k, entry_loaded(k->catalog, k->entry, k->generation)};
	struct stop stop = {.given_up = nobody_has_it, .arg = &wanted};
	struct error e;

	if (!wanted.image)
		return false;
	/* Without its files there is nothing to be told: the collection was deleted under us. */
	if (image_keep(wanted.image, cache.text, &stop, &e) && !stop_now(&stop))
		tell_not_kept(k->catalog, &k->row, k->generation, &e);
	files_drop_late(k->catalog, &k->row, k->generation, FILE_CACHE);
	image_release(wanted.image);
	return false;
}

/* The first of the first line that has one; with none there nobody is at it any more. */
static struct keeping *next_in_line(struct catalog *c)
{
	pthread_mutex_lock(&c->lock);
	struct keeping **line =
		c->to_keep[KEPT_CODES] ? &c->to_keep[KEPT_CODES] : &c->to_keep[KEPT_TEXTS];
	struct keeping *k = *line;
	if (k)
		*line = k->next;
	else
		c->keeping = false;
	pthread_mutex_unlock(&c->lock);
	return k;
}

/* Whether nobody was at it: then the caller is. Else whoever is frees k in the end. */
static bool line_up(struct catalog *c, struct keeping *k)
{
	pthread_mutex_lock(&c->lock);
	struct keeping **at = &c->to_keep[k->generation ? KEPT_CODES : KEPT_TEXTS];
	while (*at)
		at = &(*at)->next;
	*at = k;
	k->next = NULL;
	bool first = !c->keeping;
	c->keeping = true;
	pthread_mutex_unlock(&c->lock);
	return first;
}

static void keep_all(struct catalog *c)
{
	struct keeping *k;

	while ((k = next_in_line(c))) {
		if (k->keep(k)) {
			line_up(c, k);
			continue;
		}
		entry_done(c, k->entry);
		free(k);
	}
}

static void run(struct job *job)
{
	struct keeping *k = (struct keeping *)job;
	struct catalog *c = k->catalog;
	struct crew crew = k->crew;

	if (!line_up(c, k))
		return;
	crew.leave(crew.arg);
	keep_all(c);
	crew.back(crew.arg, AT_ONCE);
}

static struct keeping *keeping_new(struct catalog *c, struct entry *entry,
	const struct collection *row, bool (*keep)(struct keeping *k))
{
	struct keeping *k = FAULT() ? NULL : calloc(1, sizeof *k);

	if (!k)
		return NULL;
	k->job.run = run;
	k->catalog = c;
	k->entry = entry;
	k->row = *row;
	k->keep = keep;
	entry_share(c, entry);
	return k;
}

static void send(struct keeping *k, const struct crew *crew)
{
	k->crew = *crew;
	crew->send(crew->arg, &k->job);
}

void keep_codes(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, const struct crew *crew)
{
	struct keeping *k = keeping_new(c, entry, row, keep_uploaded);
	struct error e;

	if (!k) {
		error_memory(&e);
		tell_not_kept(c, row, generation, &e);
		return;
	}
	k->generation = generation;
	if (crew)
		send(k, crew);
	else if (line_up(c, k))
		keep_all(c);
}

static bool closes(const struct catalog *c)
{
	uint64_t at = atomic_load_explicit(&c->closing_at, memory_order_relaxed);

	return at && clock_ns() >= at;
}

static bool is_not_wanted(void *arg)
{
	const struct keeping *k = arg;

	return closes(k->catalog) || entry_is_deleted(k->catalog, k->entry);
}

/* Whoever had its row before a collection was deleted may have come to it after that, as to a new one: it is
 * looked up here. One that is deleted from here on takes along what comes after its files were removed. */
static void write_text(struct keeping *k, const struct corpus *corpus)
{
	struct path file = text_path(k->catalog, k->row.id);
	struct stop stop = {.given_up = is_not_wanted, .arg = k};
	struct collection now = {.id = k->row.id};
	struct error e;

	enum code rc = collection_get(k->catalog->db, k->row.name, &now, &e);
	if (rc == NOT_FOUND || now.id != k->row.id)
		return;
	if (!rc)
		rc = files_make(k->catalog, k->row.id, &e);
	if (!rc)
		rc = corpus_keep(corpus, file.text, &stop, &e);
	if (entry_is_deleted(k->catalog, k->entry))
		files_remove(k->catalog, k->row.id);
	else if (rc && !stop.stopped)
		tell_not_kept(k->catalog, &k->row, 0, &e);
}

/* The lock is held. */
static bool is_worth_writing(const struct entry *entry)
{
	return entry->unkept && entry->unkept >= entry->corpus->n / KEPT_SHARE;
}

/* Nobody else is sent for the collection meanwhile, and with what comes meanwhile it goes on. */
static bool keep_text_once(struct keeping *k)
{
	struct entry *entry = k->entry;

	pthread_mutex_lock(&entry->lock);
	struct corpus *corpus = corpus_acquire(entry->corpus);
	entry->unkept = 0;
	pthread_mutex_unlock(&entry->lock);
	if (!closes(k->catalog))
		write_text(k, corpus);
	corpus_release(corpus);
	pthread_mutex_lock(&entry->lock);
	bool again = is_worth_writing(entry) && !closes(k->catalog);
	entry->keeping_text = again;
	pthread_mutex_unlock(&entry->lock);
	return again;
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

static void give_text_up(struct catalog *c, struct entry *entry, const struct collection *row)
{
	struct error e;

	error_memory(&e);
	tell_not_kept(c, row, 0, &e);
	pthread_mutex_lock(&entry->lock);
	entry->keeping_text = false;
	pthread_mutex_unlock(&entry->lock);
}

void keep_text(struct catalog *c, struct entry *entry, const struct collection *row)
{
	if (!c->crew.send || !claim_text(entry))
		return;
	struct keeping *k = keeping_new(c, entry, row, keep_text_once);
	if (k)
		send(k, &c->crew);
	else
		give_text_up(c, entry, row);
}
