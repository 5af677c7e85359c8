#include "tests/storage/rows/fixture.h"

#include <string.h>

const char *dir;
struct database *db;
struct arena arena;
struct error err;

void fixture_setup(void)
{
	dir = temporary_make();
	arena_init(&arena, 256 << 20);
	ck_ok(database_open(dir, &db, &err), &err);
}

void fixture_teardown(void)
{
	db = database_close(db);
	arena_free(&arena);
	temporary_remove();
}

void fixture_reopen(void)
{
	db = database_close(db);
	ck_ok(database_open(dir, &db, &err), &err);
}

struct collection fixture_collection(const char *name)
{
	struct collection c;

	ck_ok(collection_get(db, name, &c, &err), &err);
	return c;
}

int64_t fixture_number(const char *sql)
{
	sqlite3 *reader;
	sqlite3_stmt *s;

	ck_ok(database_read(db, &reader, &err), &err);
	ck_assert_msg(!sqlite3_prepare_v2(reader, sql, -1, &s, NULL), "%s", sqlite3_errmsg(reader));
	ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
	int64_t number = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	database_read_done(db, reader);
	return number;
}

Pb__Document *document(const char *id, const char *title, const char *text, const char *group)
{
	Pb__Document *d = arena_alloc(&arena, sizeof *d);

	pb__document__init(d);
	d->id = id;
	d->title = title;
	d->text = text;
	d->group = group;
	return d;
}

Pb__Query *query(const char *id, const char *text)
{
	Pb__Query *q = arena_alloc(&arena, sizeof *q);

	pb__query__init(q);
	q->id = id;
	q->text = text;
	return q;
}

Pb__Positive *positive(const char *query_id, const char *document_id, uint32_t grade)
{
	Pb__Positive *p = arena_alloc(&arena, sizeof *p);

	pb__positive__init(p);
	p->query_id = query_id;
	p->document_id = document_id;
	p->grade = grade;
	return p;
}

struct upsert_counts put_documents(int64_t collection, Pb__Document **documents, size_t n)
{
	struct upsert_counts counts;

	ck_ok(documents_upsert(db, collection, documents, n, &counts, &err), &err);
	return counts;
}

struct upsert_counts put_queries(int64_t collection, Pb__Query **queries, size_t n)
{
	struct upsert_counts counts;

	ck_ok(queries_upsert(db, collection, queries, n, &counts, &err), &err);
	return counts;
}

struct upsert_counts put_positives(int64_t collection, Pb__Positive **positives, size_t n)
{
	struct upsert_counts counts;

	ck_ok(positives_upsert(db, collection, positives, n, &counts, &err), &err);
	return counts;
}

const char *xs(size_t n)
{
	char *s = arena_alloc(&arena, n + 1);

	memset(s, 'x', n);
	return s;
}
