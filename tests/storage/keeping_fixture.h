/* Generations of "demo" whose codes are kept when the test says so. */
#ifndef TESTS_STORAGE_KEEPING_FIXTURE_H
#define TESTS_STORAGE_KEEPING_FIXTURE_H

#include "storage/catalog_files.h"
#include "tests/storage/catalog_fixture.h"
#include "tests/storage/hand.h"

enum { DOCUMENTS_EACH = 40 };

/* Where a generation's codes, or its index, belong. */
struct path codes_path(uint64_t generation);
/* How many files there are by this ending. */
size_t files(const char *ending);

/* A generation with a vector of each document, open or published. */
uint64_t uploaded(void);
uint64_t published_by(struct hand *h);
/* The collection anew, with its documents. */
void begin_afresh(void);
/* Restarts; how many generations were made of their rows. */
unsigned restart(void);

#endif
