/*
 * Who may write to an open generation.
 *
 * Uploads share it, a publication has it alone. The order matters: a place in `users` (or the flag
 * `publishing`) is taken first, the row is read after. So an upload that saw the row open is known
 * to any publication, which waits for it; and an upload that comes after a publication sees that
 * the row is no longer open. No row is acknowledged that the published file does not hold.
 */
#include "storage/catalog_private.h"

#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/catalog_files.h"
#include "storage/rows/generations.h"

static enum code busy(uint64_t generation, struct error *e)
{
	error_set(e, FAILED_PRECONDITION, "GENERATION_NOT_OPEN",
		"Generation %llu is being published; begin another one.",
		(unsigned long long)generation);
	return error_field(e, "generation");
}

static struct staging **find(struct entry *entry, uint64_t generation)
{
	struct staging **at = &entry->staging;

	while (*at && (*at)->generation != generation)
		at = &(*at)->next;
	return at;
}

static struct staging *find_or_add(struct entry *entry, uint64_t generation)
{
	struct staging **at = find(entry, generation);

	if (!*at) {
		*at = FAULT() ? NULL : calloc(1, sizeof **at);
		if (*at)
			(*at)->generation = generation;
	}
	return *at;
}

/* Frees it when nobody needs it and it holds nothing. The lock is held. */
static void forget_if_idle(struct entry *entry, struct staging *s)
{
	if (s->users || s->publishing || s->stage)
		return;
	*find(entry, s->generation) = s->next;
	free(s);
}

static enum code open_stage(struct catalog *c, const struct collection *row,
	const Pb__Generation *g, struct stage **out, struct error *e)
{
	struct path log = generation_path(c, row->id, g->generation, FILE_STAGE);
	struct path documents = generation_path(c, row->id, g->generation, FILE_DOCUMENT_ROWS);
	struct path queries = generation_path(c, row->id, g->generation, FILE_QUERY_ROWS);
	struct stage_paths paths = {log.text, {documents.text, queries.text}};
	struct vectors_about about = about_vectors(g);

	if (files_make(c, row->id, e))
		return e->code;
	return stage_open(&paths, &about, out, e);
}

/* Opens the log once, whoever comes first; the others wait. */
static enum code need_stage(struct catalog *c, struct entry *entry, const struct collection *row,
	const Pb__Generation *g, struct staging *s, struct error *e)
{
	struct stage *stage = NULL;
	enum code rc = OK;

	pthread_mutex_lock(&entry->lock);
	while (!s->stage && entry->opening)
		pthread_cond_wait(&entry->changed, &entry->lock);
	bool mine = !s->stage;
	entry->opening = entry->opening || mine;
	pthread_mutex_unlock(&entry->lock);
	if (!mine)
		return OK;
	rc = open_stage(c, row, g, &stage, e);
	pthread_mutex_lock(&entry->lock);
	s->stage = stage;
	entry->opening = false;
	pthread_cond_broadcast(&entry->changed);
	pthread_mutex_unlock(&entry->lock);
	return rc;
}

/* A place in it, shared or `alone`: that waits until nobody else has one. */
static enum code enter(
	struct entry *entry, uint64_t generation, bool alone, struct staging **out, struct error *e)
{
	enum code rc = OK;

	pthread_mutex_lock(&entry->lock);
	struct staging *s = find_or_add(entry, generation);
	if (!s)
		rc = error_memory(e);
	else if (s->publishing)
		rc = busy(generation, e);
	else if (alone)
		s->publishing = true;
	else
		s->users++;
	while (!rc && alone && s->users)
		pthread_cond_wait(&entry->changed, &entry->lock);
	pthread_mutex_unlock(&entry->lock);
	*out = s;
	return rc;
}

/* Reads the row, now that the place is taken, and sees that the log is open. */
static enum code settle(struct catalog *c, struct entry *entry, const struct collection *row,
	struct arena *arena, Pb__Generation *about, struct staging *s, struct error *e)
{
	if (generation_get(c->db, row, s->generation, arena, about, e) ||
		generation_check_open(s->generation, about->state, e))
		return e->code;
	return need_stage(c, entry, row, about, s, e);
}

void staging_done(struct entry *entry, struct staging *s)
{
	pthread_mutex_lock(&entry->lock);
	s->users--;
	pthread_cond_broadcast(&entry->changed);
	forget_if_idle(entry, s);
	pthread_mutex_unlock(&entry->lock);
}

void staging_reopen(struct entry *entry, struct staging *s)
{
	pthread_mutex_lock(&entry->lock);
	s->publishing = false;
	pthread_cond_broadcast(&entry->changed);
	forget_if_idle(entry, s);
	pthread_mutex_unlock(&entry->lock);
}

void staging_forget(struct entry *entry, struct staging *s)
{
	pthread_mutex_lock(&entry->lock);
	struct stage *stage = s->stage;
	s->stage = NULL;
	pthread_mutex_unlock(&entry->lock);
	stage_close(stage);
	staging_reopen(entry, s);
}

enum code staging_use(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, struct arena *arena, Pb__Generation *about, struct staging **out,
	struct error *e)
{
	if (enter(entry, generation, false, out, e))
		return e->code;
	if (settle(c, entry, row, arena, about, *out, e)) {
		staging_done(entry, *out);
		return e->code;
	}
	return OK;
}

enum code staging_close(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, struct arena *arena, Pb__Generation *about, struct staging **out,
	struct error *e)
{
	if (enter(entry, generation, true, out, e))
		return e->code;
	if (settle(c, entry, row, arena, about, *out, e)) {
		staging_reopen(entry, *out);
		return e->code;
	}
	return OK;
}
