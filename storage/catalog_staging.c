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

static enum code not_open(uint64_t generation, const char *why, struct error *e)
{
	error_set(e, FAILED_PRECONDITION, "GENERATION_NOT_OPEN",
		"Generation %llu takes no vectors: it is %s. Begin a new one.",
		(unsigned long long)generation, why);
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

static enum code check_open(struct catalog *c, const struct collection *row, uint64_t generation,
	struct arena *arena, Pb__Generation *about, struct error *e)
{
	if (generation_get(c->db, row, generation, arena, about, e))
		return e->code;
	if (about->state == PB__GENERATION_STATE__GENERATION_STATE_OPEN)
		return OK;
	return not_open(generation, "published", e);
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

void staging_done(struct entry *entry, struct staging *s)
{
	pthread_mutex_lock(&entry->lock);
	s->users--;
	pthread_cond_broadcast(&entry->changed);
	forget_if_idle(entry, s);
	pthread_mutex_unlock(&entry->lock);
}

enum code staging_use(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, struct arena *arena, Pb__Generation *about, struct staging **out,
	struct error *e)
{
	enum code rc = OK;

	pthread_mutex_lock(&entry->lock);
	struct staging *s = find_or_add(entry, generation);
	if (!s)
		rc = error_memory(e);
	else if (s->publishing)
		rc = not_open(generation, "being published", e);
	else
		s->users++;
	pthread_mutex_unlock(&entry->lock);
	if (rc)
		return rc;
	rc = check_open(c, row, generation, arena, about, e);
	if (!rc)
		rc = need_stage(c, entry, row, about, s, e);
	if (rc) {
		staging_done(entry, s);
		return rc;
	}
	*out = s;
	return OK;
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

enum code staging_close(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, struct arena *arena, Pb__Generation *about, struct staging **out,
	struct error *e)
{
	enum code rc = OK;

	pthread_mutex_lock(&entry->lock);
	struct staging *s = find_or_add(entry, generation);
	if (!s)
		rc = error_memory(e);
	else if (s->publishing)
		rc = not_open(generation, "being published", e);
	else
		s->publishing = true;
	while (!rc && s->users)
		pthread_cond_wait(&entry->changed, &entry->lock);
	pthread_mutex_unlock(&entry->lock);
	if (rc)
		return rc;
	rc = check_open(c, row, generation, arena, about, e);
	if (!rc)
		rc = need_stage(c, entry, row, about, s, e);
	if (rc) {
		staging_reopen(entry, s);
		return rc;
	}
	*out = s;
	return OK;
}
