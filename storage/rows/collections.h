/* Collections as rows. Names are checked here; every call may block on the disk. */
#ifndef STORAGE_ROWS_COLLECTIONS_H
#define STORAGE_ROWS_COLLECTIONS_H

#include <stdint.h>

#include "proto/arena.h"
#include "storage/rows/database.h"

struct collection {
	int64_t id; /* never reused */
	char name[64];
	int64_t created_at_ms;
	uint64_t documents, queries, positives;
	uint64_t generation;	     /* serving; 0: none */
	uint64_t revision;	     /* of documents, queries and positives */
	uint64_t documents_revision; /* of what a corpus holds of documents (corpus.h) alone */
};

/* INVALID_ARGUMENT/INVALID_NAME at "collection" unless ^[a-z0-9][a-z0-9_-]{0,62}$; NULL is absent. */
enum code collection_name_check(const char *name, struct error *e);
/* ALREADY_EXISTS/COLLECTION_EXISTS. */
enum code collection_create(
	struct database *db, const char *name, struct collection *out, struct error *e);
/* NOT_FOUND/NO_SUCH_COLLECTION at "collection". */
enum code collection_get(
	struct database *db, const char *name, struct collection *out, struct error *e);
/* By name, after `after` (NULL: from the first), at most `limit`. */
enum code collection_list(struct database *db, const char *after, size_t limit, struct arena *arena,
	struct collection **out, size_t *n, struct error *e);
/* Calls `each` for all there are, by name, page by page; none that is there throughout is left out.
 * An error of `each` ends it. */
enum code collections_each(struct database *db,
	enum code (*each)(void *arg, const struct collection *row, struct error *e), void *arg,
	struct error *e);
/* Rows of everything in it go too; files are the caller's. */
enum code collection_delete(struct database *db, const char *name, int64_t *id, struct error *e);

#endif
