#include "storage/rows/upsert.h"

#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"
#include "storage/rows/statement.h"

enum code upsert_check_count(size_t n, const char *list, struct error *e)
{
	if (n <= LIMIT_ITEMS)
		return OK;
	error_set(e, INVALID_ARGUMENT, "LIMIT_EXCEEDED",
		"The request holds %zu %s and the limit is %d; send it in parts.", n, list,
		LIMIT_ITEMS);
	return error_field(e, "%s", list);
}

enum code upsert_check_id(const char *id, const char *field, struct error *e)
{
	if (id && id[0])
		return upsert_check_size(id, LIMIT_ID_BYTES, field, e);
	error_set(
		e, INVALID_ARGUMENT, "MISSING_FIELD", "%s must be given and not be empty.", field);
	return error_field(e, "%s", field);
}

enum code upsert_check_size(const char *text, size_t limit, const char *field, struct error *e)
{
	if (!text || strnlen(text, limit + 1) <= limit)
		return OK;
	error_set(e, INVALID_ARGUMENT, "TOO_LONG", "%s is %zu bytes long and the limit is %zu.",
		field, strlen(text), limit);
	return error_field(e, "%s", field);
}

static int compare_names(const struct upsert_name *a, const struct upsert_name *b)
{
	int by_id = strcmp(a->id, b->id);

	return by_id || !a->other ? by_id : strcmp(a->other, b->other);
}

/* Same names in the order of the request, so that the later one is told of the earlier. */
static int compare(const void *left, const void *right)
{
	const struct upsert_name *a = left, *b = right;
	int by_name = compare_names(a, b);

	return by_name ? by_name : (a->index > b->index) - (a->index < b->index);
}

enum code upsert_check_twice(
	struct upsert_name *names, size_t n, const char *list, const char *field, struct error *e)
{
	qsort(names, n, sizeof *names, compare);
	for (size_t i = 1; i < n; i++) {
		if (compare_names(&names[i - 1], &names[i]))
			continue;
		error_set(e, INVALID_ARGUMENT, "DUPLICATE_ID",
			"The request holds the same %s twice, at %s[%zu] and %s[%zu]; keep one.",
			field ? field : "pair", list, names[i - 1].index, list, names[i].index);
		if (field)
			return error_field(e, "%s[%zu].%s", list, names[i].index, field);
		return error_field(e, "%s[%zu]", list, names[i].index);
	}
	return OK;
}

enum code upsert_begin(sqlite3 *db, int64_t collection, struct upsert *out, struct error *e)
{
	sqlite3_stmt *s = database_statement(db,
		"SELECT documents, queries, positives, revision, documents_revision "
		"FROM collections WHERE id = ?1",
		e);
	bool row;

	if (!s)
		return e->code;
	statement_int(s, 1, collection);
	if (statement_step(s, &row, e))
		return e->code;
	if (!row) {
		error_set(e, NOT_FOUND, "NO_SUCH_COLLECTION",
			"The collection was deleted while the request was under way.");
		return error_field(e, "collection");
	}
	*out = (struct upsert){
		.collection = collection,
		.documents = (uint64_t)sqlite3_column_int64(s, 0),
		.queries = (uint64_t)sqlite3_column_int64(s, 1),
		.positives = (uint64_t)sqlite3_column_int64(s, 2),
		.revision = (uint64_t)sqlite3_column_int64(s, 3),
		.documents_revision = (uint64_t)sqlite3_column_int64(s, 4),
	};
	sqlite3_reset(s);
	return OK;
}

enum code upsert_end(sqlite3 *db, struct upsert *u, bool documents_changed, struct error *e)
{
	u->counts.revision = u->revision;
	if (!u->counts.created && !u->counts.updated)
		return OK;
	u->counts.revision = ++u->revision;
	u->documents_revision += documents_changed;
	sqlite3_stmt *s = database_statement(db,
		"UPDATE collections SET documents = ?2, queries = ?3, positives = ?4, "
		"revision = ?5, documents_revision = ?6 WHERE id = ?1",
		e);
	if (!s)
		return e->code;
	statement_int(s, 1, u->collection);
	statement_int(s, 2, (int64_t)u->documents);
	statement_int(s, 3, (int64_t)u->queries);
	statement_int(s, 4, (int64_t)u->positives);
	statement_int(s, 5, (int64_t)u->revision);
	statement_int(s, 6, (int64_t)u->documents_revision);
	return statement_run(s, e);
}

bool upsert_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}
