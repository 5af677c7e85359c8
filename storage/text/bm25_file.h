/*
 * A BM25 index on disk, so that a start need not make it of the texts again. Only a cache: believed when
 * its hash is right, whatever it is made of may be an index, and this program would make the same of
 * the same texts; else as good as absent.
 *
 * Of which documents it is, it says by what each of them says. So it can be of no other state than the
 * reader finds: whatever a crash, a backup or a deletion has left, what says something else is seen.
 */
#ifndef STORAGE_TEXT_BM25_FILE_H
#define STORAGE_TEXT_BM25_FILE_H

#include "storage/text/bm25.h"
#include "storage/text/content.h"

/* Of documents 0, 1, 2 ... up to some number, each of them. */
struct bm25_kept {
	struct bm25 *index;
	struct hash128 *said; /* a document: its content's `whole` (content.h) */
	uint32_t n;
};

/* As a whole or not at all; given up, it is CANCELLED. */
enum code bm25_save(
	const struct bm25_kept *k, const char *path, struct stop *stop, struct error *e);
/* An index of these options, without an order: for bm25_builder_after alone. False when there is none to
 * be believed, memory ran out, or when stopped. Read and verified, not mapped: as codes are, and as
 * parts come and go with their memory. */
bool bm25_load(const char *path, const struct bm25_options *options, struct stop *stop,
	struct bm25_kept *out);
void bm25_kept_free(struct bm25_kept *k); /* what bm25_load made */

#endif
