#include "storage/rows/documents.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "proto/limits.h"
#include "storage/rows/keys.h"
#include "storage/rows/statement.h"
#include "storage/rows/upsert.h"

enum { CONTENT_BYTES = 32 };

/* One upsert between the caller's thread, which checks and hashes, and the writer's. */
struct upload {
	int64_t collection;
	Pb__Document **documents;
	unsigned char (*content)[CONTENT_BYTES];
	size_t n;
	bool changed; /* what a corpus holds: who is there, in which group, and what they say */
	struct upsert upsert;
};

static enum code check_one(const Pb__Document *d, struct error *e)
{
	if (upsert_check_id(d->id, "id", e) ||
		upsert_check_size(d->group, LIMIT_ID_BYTES, "group", e) ||
		upsert_check_size(d->title, LIMIT_TEXT_BYTES, "title", e) ||
		upsert_check_size(d->text, LIMIT_TEXT_BYTES, "text", e))
		return e->code;
	return upsert_check_size(d->metadata, LIMIT_TEXT_BYTES, "metadata", e);
}

static enum code check_all(Pb__Document **documents, size_t n, struct error *e)
{
	if (upsert_check_count(n, "documents", e))
		return e->code;
	for (size_t i = 0; i < n; i++)
		if (check_one(documents[i], e))
			return error_within(e, "documents[%zu]", i);
	struct upsert_name *names = FAULT() ? NULL : malloc((n + 1) * sizeof *names);
	if (!names)
		return error_memory(e);
	for (size_t i = 0; i < n; i++)
		names[i] = (struct upsert_name){.id = documents[i]->id, .index = i};
	enum code rc = upsert_check_twice(names, n, "documents", "id", e);
	free(names);
	return rc;
}

static void content_pack(struct content c, unsigned char out[static CONTENT_BYTES])
{
	uint64_t words[] = {htole64(c.whole.low), htole64(c.whole.high), htole64(c.text.low),
		htole64(c.text.high)};

	memcpy(out, words, sizeof words);
}

static struct content content_unpack(const unsigned char in[static CONTENT_BYTES])
{
	uint64_t words[4];

	memcpy(words, in, sizeof words);
	return (struct content){
		.whole = {le64toh(words[0]), le64toh(words[1])},
		.text = {le64toh(words[2]), le64toh(words[3])},
	};
}

static enum code store(sqlite3 *db, const char *sql, int64_t key, const struct upload *u, size_t i,
	struct error *e)
{
	const Pb__Document *d = u->documents[i];
	sqlite3_stmt *s = database_statement(db, sql, e);

	if (!s)
		return e->code;
	statement_int(s, 1, key);
	statement_text(s, 2, group_of(d->group));
	statement_blob(s, 3, u->content[i], CONTENT_BYTES);
	statement_text(s, 4, d->title);
	statement_text(s, 5, d->text);
	statement_text(s, 6, d->metadata);
	if (sqlite3_bind_parameter_count(s) > 6) {
		statement_int(s, 7, u->collection);
		statement_text(s, 8, d->id);
	}
	return statement_run(s, e);
}

static enum code insert(sqlite3 *db, struct upload *u, size_t i, struct error *e)
{
	if (u->upsert.documents >= ROW_NUMBERS_END)
		return error_set(e, RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED",
			"The collection is full: it holds %llu documents.",
			(unsigned long long)u->upsert.documents);
	if (store(db,
		    "INSERT INTO documents (key, group_name, content, title, text, metadata, "
		    "collection, id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		    row_key(u->collection, u->upsert.documents), u, i, e))
		return e->code;
	u->changed = true;
	u->upsert.documents++;
	u->upsert.counts.created++;
	return OK;
}

static enum code note_change(sqlite3 *db, int64_t key, struct upload *u, struct error *e)
{
	sqlite3_stmt *s = database_statement(
		db, "INSERT OR REPLACE INTO document_changes (key, revision) VALUES (?1, ?2)", e);

	if (!s)
		return e->code;
	u->changed = true;
	statement_int(s, 1, key);
	statement_int(s, 2, (int64_t)u->upsert.documents_revision + 1); /* see upsert_end */
	return statement_run(s, e);
}

/* `alike`: no corpus needs to know. */
static enum code replace(
	sqlite3 *db, int64_t key, bool alike, struct upload *u, size_t i, struct error *e)
{
	if (store(db,
		    "UPDATE documents SET group_name = ?2, content = ?3, title = ?4, text = ?5, "
		    "metadata = ?6 WHERE key = ?1",
		    key, u, i, e))
		return e->code;
	return alike ? OK : note_change(db, key, u, e);
}

static bool same_content(sqlite3_stmt *s, const unsigned char *content)
{
	const void *was = sqlite3_column_blob(s, 5);

	return was && sqlite3_column_bytes(s, 5) == CONTENT_BYTES &&
	       !memcmp(was, content, CONTENT_BYTES);
}

static bool unchanged(sqlite3_stmt *s, const Pb__Document *d)
{
	return upsert_same(statement_column(s, 1), group_of(d->group)) &&
	       upsert_same(statement_column(s, 2), d->title) &&
	       upsert_same(statement_column(s, 3), d->text) &&
	       upsert_same(statement_column(s, 4), d->metadata);
}

static enum code put(sqlite3 *db, struct upload *u, size_t i, struct error *e)
{
	const Pb__Document *d = u->documents[i];
	sqlite3_stmt *s = database_statement(db,
		"SELECT key, group_name, title, text, metadata, content FROM documents "
		"WHERE collection = ?1 AND id = ?2",
		e);
	bool there;

	if (!s)
		return e->code;
	statement_int(s, 1, u->collection);
	statement_text(s, 2, d->id);
	if (statement_step(s, &there, e))
		return e->code;
	if (!there)
		return insert(db, u, i, e);
	int64_t key = sqlite3_column_int64(s, 0);
	bool same = unchanged(s, d);
	bool alike = upsert_same(statement_column(s, 1), group_of(d->group)) &&
		     same_content(s, u->content[i]);
	sqlite3_reset(s);
	u->upsert.counts.unchanged += same;
	u->upsert.counts.updated += !same;
	return same ? OK : replace(db, key, alike, u, i, e);
}

static enum code put_all(sqlite3 *db, void *arg, struct error *e)
{
	struct upload *u = arg;

	if (upsert_begin(db, u->collection, &u->upsert, e))
		return e->code;
	for (size_t i = 0; i < u->n; i++)
		if (put(db, u, i, e))
			return e->code;
	return upsert_end(db, &u->upsert, u->changed, e);
}

enum code documents_upsert(struct database *db, int64_t collection, Pb__Document **documents,
	size_t n, struct upsert_counts *out, struct error *e)
{
	struct upload u = {.collection = collection, .documents = documents, .n = n};

	if (check_all(documents, n, e))
		return e->code;
	u.content = FAULT() ? NULL : malloc((n + 1) * sizeof *u.content);
	if (!u.content)
		return error_memory(e);
	for (size_t i = 0; i < n; i++)
		content_pack(content_of(documents[i]->title, documents[i]->text), u.content[i]);
	enum code rc = database_write(db, put_all, &u, e);
	free(u.content);
	if (!rc)
		*out = u.upsert.counts;
	return rc;
}

static enum code read_document(
	sqlite3_stmt *s, struct arena *arena, Pb__Document *out, struct error *e)
{
	const char **to[] = {&out->id, &out->group, &out->title, &out->text, &out->metadata};

	for (int i = 0; i < 5; i++)
		if (statement_copy(s, i, arena, to[i], e))
			return e->code;
	return OK;
}

static enum code get(sqlite3 *reader, int64_t collection, const char *id, struct arena *arena,
	Pb__Document *out, struct error *e)
{
	sqlite3_stmt *s = database_statement(reader,
		"SELECT id, group_name, title, text, metadata FROM documents "
		"WHERE collection = ?1 AND id = ?2",
		e);
	bool there;

	if (!s)
		return e->code;
	statement_int(s, 1, collection);
	statement_text(s, 2, id);
	if (statement_step(s, &there, e))
		return e->code;
	if (there)
		return read_document(s, arena, out, e);
	error_set(e, NOT_FOUND, "NO_SUCH_DOCUMENT", "The collection has no document \"%s\".", id);
	return error_field(e, "id");
}

enum code document_get(struct database *db, int64_t collection, const char *id, struct arena *arena,
	Pb__Document *out, struct error *e)
{
	Pb__Document row = PB__DOCUMENT__INIT;
	sqlite3 *reader;

	if (upsert_check_id(id, "id", e) || database_read(db, &reader, e))
		return e->code;
	enum code rc = get(reader, collection, id, arena, &row, e);
	database_read_done(db, reader);
	if (!rc)
		*out = row;
	return rc;
}

static enum code visit_row(
	sqlite3_stmt *s, bool with_text, document_visit visit, void *arg, struct error *e)
{
	const void *content = sqlite3_column_blob(s, 3);
	struct document_row row = {
		.number = row_number(sqlite3_column_int64(s, 0)),
		.id = statement_column(s, 1),
		.group = statement_column(s, 2),
	};

	if (!row.id || sqlite3_column_bytes(s, 3) != CONTENT_BYTES)
		return error_set(e, DATA_LOSS, "DATABASE_DAMAGED",
			"The row of document number %u is damaged; restore the database from a "
			"backup.",
			row.number);
	row.content = content_unpack(content);
	if (with_text) {
		row.title = statement_column(s, 4);
		row.text = statement_column(s, 5);
	}
	return visit(arg, &row, e);
}

#define EACH(columns) \
	"SELECT key, id, group_name, content" columns " FROM documents " \
	"WHERE key >= ?1 AND key < ?2 ORDER BY key"

static enum code visit_all(
	sqlite3_stmt *s, bool with_text, document_visit visit, void *arg, struct error *e)
{
	enum code rc = OK;
	bool row;

	while (!rc && !(rc = statement_step(s, &row, e)) && row)
		rc = visit_row(s, with_text, visit, arg, e);
	sqlite3_reset(s);
	return rc;
}

enum code documents_each(sqlite3 *reader, int64_t collection, uint32_t first, bool with_text,
	document_visit visit, void *arg, struct error *e)
{
	sqlite3_stmt *s =
		database_statement(reader, with_text ? EACH(", title, text") : EACH(""), e);

	if (!s)
		return e->code;
	statement_int(s, 1, row_key(collection, first));
	statement_int(s, 2, row_key(collection + 1, 0));
	return visit_all(s, with_text, visit, arg, e);
}

/* A cross join: the changes are gone through, not the documents. */
enum code documents_replaced(sqlite3 *reader, int64_t collection, uint32_t end, uint64_t since,
	document_visit visit, void *arg, struct error *e)
{
	sqlite3_stmt *s = database_statement(reader,
		"SELECT d.key, d.id, d.group_name, d.content, d.title, d.text "
		"FROM document_changes AS c CROSS JOIN documents AS d ON d.key = c.key "
		"WHERE c.key >> 32 = ?1 AND c.revision > ?2 AND c.key < ?3 ORDER BY c.key",
		e);

	if (!s)
		return e->code;
	statement_int(s, 1, collection);
	statement_int(s, 2, (int64_t)since);
	statement_int(s, 3, row_key(collection, end));
	return visit_all(s, true, visit, arg, e);
}

enum code documents_some(sqlite3 *reader, int64_t collection, const uint32_t *numbers, size_t n,
	document_visit visit, void *arg, struct error *e)
{
	sqlite3_stmt *s = database_statement(reader,
		"SELECT key, id, group_name, content, title, text FROM documents WHERE key = ?1",
		e);

	if (!s)
		return e->code;
	for (size_t i = 0; i < n; i++) {
		statement_int(s, 1, row_key(collection, numbers[i]));
		if (visit_all(s, true, visit, arg, e))
			return e->code;
	}
	return OK;
}

static const char *join(struct arena *arena, const char *title, const char *text)
{
	if (!title || !title[0])
		return arena_strdup(arena, text ? text : "");
	if (!text || !text[0])
		return arena_strdup(arena, title);
	return arena_printf(arena, "%s %s", title, text);
}

static enum code text_of(sqlite3_stmt *s, int64_t collection, uint32_t number, struct arena *arena,
	const char **out, struct error *e)
{
	bool there;

	statement_int(s, 1, row_key(collection, number));
	if (statement_step(s, &there, e))
		return e->code;
	if (!there)
		return error_set(e, NOT_FOUND, "NO_SUCH_COLLECTION",
			"The collection was deleted while the request was under way.");
	const char *text = join(arena, statement_column(s, 0), statement_column(s, 1));
	sqlite3_reset(s);
	if (!text)
		return error_memory(e);
	*out = text;
	return OK;
}

enum code documents_texts(sqlite3 *reader, int64_t collection, const uint32_t *numbers, size_t n,
	struct arena *arena, const char **out, struct error *e)
{
	sqlite3_stmt *s =
		database_statement(reader, "SELECT title, text FROM documents WHERE key = ?1", e);

	if (!s)
		return e->code;
	for (size_t i = 0; i < n; i++)
		if (text_of(s, collection, numbers[i], arena, &out[i], e))
			return e->code;
	return OK;
}
