/* An index in a file, for tests, and samples to write. */
#ifndef TESTS_STORAGE_TEXT_BM25_WRITTEN_H
#define TESTS_STORAGE_TEXT_BM25_WRITTEN_H

#include "storage/text/bm25_file.h"
#include "tests/storage/text/bm25_history.h"

extern char written[]; /* the file */

void written_setup(void); /* as a checked fixture, with temporary_remove */
/* What documents say, as numbers of ours. Freed by free(). */
struct hash128 *written_said(uint32_t n);
enum code written_save(struct bm25 *index, const char *to, struct stop *stop, struct error *e);
bool written_load(double k1, double b, const char *stemmer, struct bm25_kept *out);
/* Whether the file is loaded with the default options. */
bool written_believed(void);
unsigned char *written_bytes(const char *from, size_t *n); /* freed by free() */
void written_put(const unsigned char *bytes, size_t n);

/* Documents of which some say one word 400 times, and their index, built at once. */
struct text written_sample(uint64_t seed, uint32_t n);
/* An index in several parts, of which the first has lost some. */
struct text written_worn(struct history *h);

#endif
