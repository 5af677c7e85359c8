/* Queries and positives as rows. Queries are numbered like documents. */
#ifndef STORAGE_ROWS_QUERIES_H
#define STORAGE_ROWS_QUERIES_H

#include "storage/rows/documents.h"

enum code queries_upsert(struct database *db, int64_t collection, Pb__Query **queries, size_t n,
	struct upsert_counts *out, struct error *e);
/* Query and document must be there: NOT_FOUND/NO_SUCH_QUERY at positives[i].query_id, or
 * NO_SUCH_DOCUMENT at .document_id. A pair that is there gets the new grade. */
enum code positives_upsert(struct database *db, int64_t collection, Pb__Positive **positives,
	size_t n, struct upsert_counts *out, struct error *e);

struct positive_row {
	uint32_t document; /* number */
	uint32_t grade;
};

struct query_row {
	uint32_t number;
	const char *id, *text, *group;	/* text and group may be NULL */
	struct positive_row *positives; /* by document id */
	size_t n_positives;
};

/* Loads queries by id with their positives, into the arena. A query that is not there leaves
 * out[i].id NULL. */
enum code queries_load(sqlite3 *reader, int64_t collection, const char *const *ids, size_t n,
	struct arena *arena, struct query_row *out, struct error *e);

/* Pages through the queries by rising number from `first`: up to n rows, with positives. */
enum code queries_page(sqlite3 *reader, int64_t collection, uint32_t first, size_t n,
	struct arena *arena, struct query_row *out, size_t *found, struct error *e);

#endif
