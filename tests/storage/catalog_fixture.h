/* A database with a catalog over it, and short ways to get vectors into it. */
#ifndef TESTS_STORAGE_CATALOG_FIXTURE_H
#define TESTS_STORAGE_CATALOG_FIXTURE_H

#include <stdatomic.h>

#include "storage/catalog.h"
#include "storage/crew.h"
#include "tests/storage/rows/fixture.h"

enum { DIMENSION = 4 };

extern struct catalog *catalog;
/* How often the catalog told of each, in this process. */
extern atomic_uint told_made, told_made_anew, told_indexed, told_indexed_anew, told_not_kept;

void catalog_setup(void); /* as a checked fixture, with collection "demo" */
void catalog_teardown(void);
void catalog_reopen(void); /* as a restart would */

void collection_make(const char *name);
/* n documents d0 .. and queries q0 .., with texts. */
void put(const char *collection, uint32_t n_documents, uint32_t n_queries);

uint64_t begin(const char *collection, const char *index);
/* What vector a document or query has in a generation: depends on all three. */
void vector_of(uint64_t generation, Pb__Side side, uint32_t number, float *out);
/* Uploads rows first .. first + n - 1 of a side. */
enum code upload(const char *collection, uint64_t generation, Pb__Side side, uint32_t first,
	uint32_t n, struct error *e);
/* With `crew`, which may be NULL: it is sent to keep the codes. */
enum code publish_by(
	const char *collection, uint64_t generation, const struct crew *crew, struct error *e);
enum code publish_generation(const char *collection, uint64_t generation, struct error *e);
/* A view's image holds exactly documents 0 .. n-1 with the vectors of its generation. */
void check_vectors(const struct view *v, uint64_t generation, uint32_t n);
/* The same of what is served now. */
void check_serves(const char *collection, uint64_t generation, uint32_t n);

/* How many files there are of a collection by this ending; "" counts all. */
size_t files_ending(int64_t collection, const char *ending);

#endif
