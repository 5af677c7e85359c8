/*
 * Codes that came with uploads are in memory alone when their generation is published. They are
 * written soon after, so that a start finds them however this process ends. No request waits for that: an
 * idle thread does it, without a place among those that compute, for it is the disk that takes the
 * time. A generation that is not served any more takes its codes along at once, written or not.
 *
 * One thread is at it for the whole catalog, and what others are sent with stands in a line for it: a
 * disk that hangs keeps one thread, however many collections are published meanwhile.
 */
#include "storage/catalog_private.h"

#include <stdlib.h>

#include "proto/fault.h"
#include "storage/catalog_files.h"

struct keeping {
	struct job job;
	struct keeping *next; /* in the line */
	struct catalog *catalog;
	struct entry *entry;
	struct collection row;
	uint64_t generation;
	struct crew crew; /* whose thread it is */
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
	files_drop_late(k->catalog, &k->row, k->generation, FILE_CACHE);
	image_release(wanted.image);
}

static void keep(struct keeping *k)
{
	write_codes(k);
	entry_done(k->catalog, k->entry);
	free(k);
}

/* The first in the line; with none there nobody is at it any more. */
static struct keeping *next_in_line(struct catalog *c)
{
	pthread_mutex_lock(&c->lock);
	struct keeping *k = c->to_keep;
	if (k)
		c->to_keep = k->next;
	else
		c->keeping = false;
	pthread_mutex_unlock(&c->lock);
	return k;
}

/* Whether nobody was at it: then the caller is. Else whoever is frees k in the end. */
static bool line_up(struct catalog *c, struct keeping *k)
{
	pthread_mutex_lock(&c->lock);
	struct keeping **at = &c->to_keep;
	while (*at)
		at = &(*at)->next;
	*at = k;
	bool first = !c->keeping;
	c->keeping = true;
	pthread_mutex_unlock(&c->lock);
	return first;
}

static void keep_all(struct catalog *c)
{
	struct keeping *k;

	while ((k = next_in_line(c)))
		keep(k);
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

static struct keeping *keeping_new(
	struct catalog *c, struct entry *entry, const struct collection *row, uint64_t generation)
{
	struct keeping *k = FAULT() ? NULL : calloc(1, sizeof *k);

	if (!k)
		return NULL;
	k->job.run = run;
	k->catalog = c;
	k->entry = entry;
	k->row = *row;
	k->generation = generation;
	entry_share(c, entry);
	return k;
}

void keep_codes(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, const struct crew *crew)
{
	struct keeping *k = keeping_new(c, entry, row, generation);
	struct error e;

	if (!k) {
		error_memory(&e);
		tell_not_kept(c, row, generation, &e);
	} else if (crew) {
		k->crew = *crew;
		crew->send(crew->arg, &k->job);
	} else if (line_up(c, k)) {
		keep_all(c);
	}
}
