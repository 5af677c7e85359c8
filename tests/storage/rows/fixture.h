/* A database in a fresh directory, for each test, and short ways to fill it. */
#ifndef TESTS_STORAGE_ROWS_FIXTURE_H
#define TESTS_STORAGE_ROWS_FIXTURE_H

#include "storage/rows/collections.h"
#include "storage/rows/queries.h"
#include "tests/runner.h"

extern const char *dir;
extern struct database *db;
extern struct arena arena;
extern struct error err;

void fixture_setup(void); /* as a checked fixture */
void fixture_teardown(void);
void fixture_reopen(void);

struct collection fixture_collection(const char *name);
/* One number of the database, read by SQL. */
int64_t fixture_number(const char *sql);

/* Messages, in the arena. */
Pb__Document *document(const char *id, const char *title, const char *text, const char *group);
Pb__Query *query(const char *id, const char *text);
Pb__Positive *positive(const char *query_id, const char *document_id, uint32_t grade);

struct upsert_counts put_documents(int64_t collection, Pb__Document **documents, size_t n);
struct upsert_counts put_queries(int64_t collection, Pb__Query **queries, size_t n);
struct upsert_counts put_positives(int64_t collection, Pb__Positive **positives, size_t n);

#define LIST(type, ...) (type *[]){__VA_ARGS__}, sizeof((type *[]){__VA_ARGS__}) / sizeof(type *)
#define DOCUMENTS(...) LIST(Pb__Document, __VA_ARGS__)
#define QUERIES(...) LIST(Pb__Query, __VA_ARGS__)
#define POSITIVES(...) LIST(Pb__Positive, __VA_ARGS__)

/* A string of `n` times 'x', in the arena. */
const char *xs(size_t n);

#define ck_counts(c, want_created, want_updated, want_unchanged, want_revision) \
	do { \
		struct upsert_counts counted = (c); \
		ck_assert_uint_eq(counted.created, want_created); \
		ck_assert_uint_eq(counted.updated, want_updated); \
		ck_assert_uint_eq(counted.unchanged, want_unchanged); \
		ck_assert_uint_eq(counted.revision, want_revision); \
	} while (0)

/* Asserts a failure with code, reason and field. */
#define ck_refused_at(call, want_code, want_reason, want_field) \
	do { \
		ck_refused(call, &err, want_code, want_reason); \
		ck_assert_str_eq(err.field, want_field); \
	} while (0)

#endif
