#include "storage/catalog_files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/fault.h"
#include "storage/durable.h"
#include "storage/rows/generations.h"

static struct path root_path(const struct catalog *c)
{
	struct path p;

	snprintf(p.text, sizeof p.text, "%.*s/collections", PATH_MAX - 128, c->dir);
	return p;
}

static struct path collection_path(const struct catalog *c, int64_t collection)
{
	struct path p;

	snprintf(p.text, sizeof p.text, "%.*s/collections/%" PRId64, PATH_MAX - 128, c->dir,
		collection);
	return p;
}

struct path generation_path(
	const struct catalog *c, int64_t collection, uint64_t generation, const char *kind)
{
	struct path p;

	snprintf(p.text, sizeof p.text, "%.*s/collections/%" PRId64 "/generation-%" PRIu64 ".%s",
		PATH_MAX - 128, c->dir, collection, generation, kind);
	return p;
}

struct path text_path(const struct catalog *c, int64_t collection)
{
	struct path p;

	snprintf(p.text, sizeof p.text, "%.*s/collections/%" PRId64 "/" FILE_TEXT, PATH_MAX - 128,
		c->dir, collection);
	return p;
}

bool path_exists(const struct path *p)
{
	return access(p->text, F_OK) == 0;
}

static enum code make(const struct path *p, struct error *e)
{
	static const char deed[] = "make a directory for vectors";

	if (path_exists(p))
		return OK;
	if (FAULT() ? (errno = ENOSPC, -1) : mkdir(p->text, 0700) && errno != EEXIST)
		return error_errno(e, errno, deed);
	return durable_directory(p->text, deed, e);
}

enum code files_make_root(const struct catalog *c, struct error *e)
{
	struct path root = root_path(c);

	return make(&root, e);
}

enum code files_make(const struct catalog *c, int64_t collection, struct error *e)
{
	struct path p = collection_path(c, collection);

	return make(&p, e);
}

void files_drop(const struct catalog *c, int64_t collection, uint64_t generation, const char *kind)
{
	struct path p = generation_path(c, collection, generation, kind);

	unlink(p.text);
}

void files_drop_stage(const struct catalog *c, int64_t collection, uint64_t generation)
{
	files_drop(c, collection, generation, FILE_STAGE);
	files_drop(c, collection, generation, FILE_DOCUMENT_ROWS);
	files_drop(c, collection, generation, FILE_QUERY_ROWS);
}

static enum code promote(const struct catalog *c, int64_t collection, uint64_t generation,
	const char *from, const char *to, struct error *e)
{
	struct path rows = generation_path(c, collection, generation, from);
	struct path vectors = generation_path(c, collection, generation, to);

	return durable_rename(rows.text, vectors.text, "put a vector file in its place", e);
}

enum code files_promote(const struct catalog *c, int64_t collection, uint64_t generation,
	bool queries, struct error *e)
{
	if (queries && promote(c, collection, generation, FILE_QUERY_ROWS, FILE_QUERIES, e))
		return e->code;
	return promote(c, collection, generation, FILE_DOCUMENT_ROWS, FILE_DOCUMENTS, e);
}

/* Rows that are there are the newer ones. */
static void demote(const struct catalog *c, int64_t collection, uint64_t generation,
	const char *from, const char *to)
{
	struct path vectors = generation_path(c, collection, generation, from);
	struct path rows = generation_path(c, collection, generation, to);

	if (path_exists(&rows))
		unlink(vectors.text);
	else
		rename(vectors.text, rows.text);
}

void files_demote(const struct catalog *c, int64_t collection, uint64_t generation)
{
	demote(c, collection, generation, FILE_DOCUMENTS, FILE_DOCUMENT_ROWS);
	demote(c, collection, generation, FILE_QUERIES, FILE_QUERY_ROWS);
}

/* Calls visit(arg, name) for all in a directory but the two dots; a missing one is empty. */
static enum code each_name(const struct path *dir,
	enum code (*visit)(void *arg, const char *name, struct error *e), void *arg,
	struct error *e)
{
	DIR *d = opendir(dir->text);
	enum code rc = OK;

	if (!d)
		return errno == ENOENT ? OK : error_errno(e, errno, "list a directory of vectors");
	for (struct dirent *entry; !rc && (entry = readdir(d));)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			rc = visit(arg, entry->d_name, e);
	closedir(d);
	return rc;
}

static void unlink_in(const struct path *dir, const char *name)
{
	char path[PATH_MAX + 256];

	snprintf(path, sizeof path, "%s/%s", dir->text, name);
	unlink(path);
}

static enum code unlink_any(void *arg, const char *name, struct error *e)
{
	(void)e;
	unlink_in(arg, name);
	return OK;
}

void files_remove(const struct catalog *c, int64_t collection)
{
	struct path p = collection_path(c, collection);
	struct error ignored;

	each_name(&p, unlink_any, &p, &ignored);
	rmdir(p.text);
}

struct sweeping {
	struct catalog *c;
	const struct collection *row;
	bool at_start;
	struct path dir;
};

static bool is_stage(const char *kind)
{
	return !strcmp(kind, FILE_STAGE) || !strcmp(kind, FILE_DOCUMENT_ROWS) ||
	       !strcmp(kind, FILE_QUERY_ROWS);
}

/* Whether a file of a generation in this state is to be kept. */
static bool worth_keeping(Pb__GenerationState state, const char *kind, bool at_start)
{
	switch (state) {
	case PB__GENERATION_STATE__GENERATION_STATE_RETIRED:
		return false;
	case PB__GENERATION_STATE__GENERATION_STATE_OPEN:
		return !at_start || is_stage(kind);
	default:
		return !at_start || (!is_stage(kind) && !strstr(kind, ".tmp"));
	}
}

/* What unfinished work on an open generation left under other names than its own. */
static void tidy_open(struct sweeping *s, uint64_t generation, const char *kind)
{
	files_demote(s->c, s->row->id, generation);
	/* An encoding that was under way is begun anew: its rows are of no use to anybody. */
	if (!strcmp(kind, FILE_LSA))
		files_drop_stage(s->c, s->row->id, generation);
}

static enum code sweep_file(void *arg, const char *name, struct error *e)
{
	struct sweeping *s = arg;
	Pb__Generation g;
	struct arena arena;
	uint64_t generation;
	char kind[32];

	if (s->at_start && !strcmp(name, FILE_TEXT ".tmp"))
		unlink_in(&s->dir, name);
	if (sscanf(name, "generation-%" SCNu64 ".%31s", &generation, kind) != 2)
		return OK; /* of no generation */
	arena_init(&arena, 1 << 20);
	enum code rc = generation_get(s->c->db, s->row, generation, &arena, &g, e);
	if (!rc && s->at_start && g.state == PB__GENERATION_STATE__GENERATION_STATE_OPEN)
		tidy_open(s, generation, kind);
	if (rc == NOT_FOUND || (!rc && !worth_keeping(g.state, kind, s->at_start))) {
		unlink_in(&s->dir, name);
		rc = OK;
	}
	arena_free(&arena);
	return rc;
}

enum code files_sweep(
	struct catalog *c, const struct collection *row, bool at_start, struct error *e)
{
	struct sweeping s = {c, row, at_start, collection_path(c, row->id)};

	return each_name(&s.dir, sweep_file, &s, e);
}

static bool is_over(struct catalog *c, const struct collection *row, uint64_t generation)
{
	Pb__Generation g;
	struct arena arena;
	struct error e;

	arena_init(&arena, 1 << 20);
	enum code rc = generation_get(c->db, row, generation, &arena, &g, &e);
	bool over = rc == NOT_FOUND ||
		    (!rc && g.state == PB__GENERATION_STATE__GENERATION_STATE_RETIRED);
	arena_free(&arena);
	return over;
}

void files_drop_late(
	struct catalog *c, const struct collection *row, uint64_t generation, const char *kind)
{
	struct path dir = collection_path(c, row->id);

	if (!is_over(c, row, generation))
		return;
	files_drop(c, row->id, generation, kind);
	rmdir(dir.text); /* of a collection that is gone; else it is not empty */
}

struct known {
	struct catalog *c;
	int64_t *id;
	size_t n, cap;
};

static enum code know(void *arg, const struct collection *row, struct error *e)
{
	struct known *k = arg;

	if (k->n == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 64;
		int64_t *more = FAULT() ? NULL : realloc(k->id, cap * sizeof *more);
		if (!more)
			return error_memory(e);
		k->id = more;
		k->cap = cap;
	}
	k->id[k->n++] = row->id;
	return OK;
}

static enum code remove_unknown(void *arg, const char *name, struct error *e)
{
	struct known *k = arg;
	char *end;
	int64_t id = strtoll(name, &end, 10);

	(void)e;
	for (size_t i = 0; i < k->n; i++)
		if (k->id[i] == id)
			return OK;
	if (end != name && !*end)
		files_remove(k->c, id);
	return OK;
}

enum code files_sweep_orphans(struct catalog *c, struct error *e)
{
	struct known k = {.c = c};
	struct path root = root_path(c);
	enum code rc = collections_each(c->db, know, &k, e);

	if (!rc)
		rc = each_name(&root, remove_unknown, &k, e);
	free(k.id);
	return rc;
}
