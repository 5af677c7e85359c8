/* What the upserts of documents, queries and positives have in common. */
#ifndef STORAGE_ROWS_UPSERT_H
#define STORAGE_ROWS_UPSERT_H

#include "storage/rows/documents.h"

/* Checks, on the caller's thread. Fields are named relative to the element: "id". */

/* INVALID_ARGUMENT/LIMIT_EXCEEDED at `list` past LIMIT_ITEMS. */
enum code upsert_check_count(size_t n, const char *list, struct error *e);
/* INVALID_ARGUMENT: MISSING_FIELD when absent or empty, TOO_LONG past LIMIT_ID_BYTES. */
enum code upsert_check_id(const char *id, const char *field, struct error *e);
/* An absent or short enough string. INVALID_ARGUMENT/TOO_LONG past `limit` bytes. */
enum code upsert_check_size(const char *text, size_t limit, const char *field, struct error *e);

/* What makes an element of a request the one it is. */
struct upsert_name {
	const char *id, *other; /* other: NULL, or the second half of a pair */
	size_t index;
};
/* INVALID_ARGUMENT/DUPLICATE_ID at list[i] and `field` (NULL: none), i the later of two elements of
 * the same name. Sorts `names`. */
enum code upsert_check_twice(
	struct upsert_name *names, size_t n, const char *list, const char *field, struct error *e);

/* The collection's counters, read and written in the transaction of the upsert, on the writer. */
struct upsert {
	int64_t collection;
	uint64_t documents, queries, positives, revision, documents_revision;
	struct upsert_counts counts;
};

/* NOT_FOUND/NO_SUCH_COLLECTION at "collection" when it is gone by now. */
enum code upsert_begin(sqlite3 *db, int64_t collection, struct upsert *out, struct error *e);
/* Writes the counters back; raises the revision if anything was created or updated. */
enum code upsert_end(sqlite3 *db, struct upsert *u, bool documents_changed, struct error *e);

/* A group's name as it is stored: an empty one would make a group of all that have none. */
static inline const char *group_of(const char *group)
{
	return group && group[0] ? group : NULL;
}

/* Both absent, or the same. */
bool upsert_same(const char *a, const char *b);

#endif
