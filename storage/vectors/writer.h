/*
 * A vector file in the making: rows are appended once, where they will be read from, and the file
 * is a vector file when it is sealed. Until then its header is zeros and nobody takes it for one.
 *
 * Appending costs a write. Hashing the rows and encoding them is done behind it, in the
 * order of the file, by whoever has time ("learning"). So sealing costs what the numbers cost: four
 * bytes a row, whatever the dimension.
 *
 * Appending and cutting are one thread's at a time, learning is one thread's at a time; one may
 * append while another learns. Nothing here is synced but what is sealed: see stage.c.
 */
#ifndef STORAGE_VECTORS_WRITER_H
#define STORAGE_VECTORS_WRITER_H

#include "storage/vectors/file.h"

struct writer;

/* Makes the file, or empties it; with `existing`, opens it with all its rows yet to be adopted:
 * NOT_FOUND/NO_SUCH_FILE when it is gone. */
enum code writer_open(const char *path, const struct vectors_about *about, bool existing,
	struct writer **out, struct error *e);
struct writer *writer_close(struct writer *w); /* NULL is fine; returns NULL. The file stays. */

uint32_t writer_count(const struct writer *w);
/* How many rows are learnt. */
uint32_t writer_learnt(const struct writer *w);

/* Rows in the file's dtype, numbers[i] the document or query of the i-th; a number that came before
 * takes the place of what it was. After a failure nothing of it counts. */
enum code writer_append(
	struct writer *w, const uint32_t *numbers, const void *rows, uint32_t n, struct error *e);
/* The next n rows of an existing file become its own if they hash to `hash` (XXH3 of them all);
 * OUT_OF_RANGE when they do not. */
enum code writer_adopt(
	struct writer *w, const uint32_t *numbers, uint32_t n, uint64_t hash, struct error *e);
/* Back to the first `count` rows; what lies behind them is cut off. */
enum code writer_cut(struct writer *w, uint32_t count, struct error *e);
/* If rows were learnt beyond `count`, everything learnt is dropped, to be learnt again. */
void writer_forget(struct writer *w, uint32_t count);
enum code writer_sync(struct writer *w, struct error *e);

/* Learns rows up to `count`, which must have been appended. What a failure leaves unlearnt can be
 * learnt again. `progress` may be NULL. */
enum code writer_learn(
	struct writer *w, uint32_t count, const struct progress *progress, struct error *e);
/* The same for the next n rows that are not learnt, from memory. */
enum code writer_learn_these(struct writer *w, const void *rows, uint32_t n, struct error *e);

/* Learns what is left, marks dead rows, writes numbers, sums and header, and syncs. `live` is how
 * many rows count. Sealing again is fine; so is appending: that breaks the seal. */
enum code writer_seal(
	struct writer *w, const struct progress *progress, uint32_t *live, struct error *e);
/* Of a sealed file of documents: its rows as codes, to be freed by the caller. NULL for
 * queries. */
struct codes_builder *writer_take_codes(struct writer *w);

#endif
