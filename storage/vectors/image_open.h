/* Makes an image from a published generation's files. */
#ifndef STORAGE_VECTORS_IMAGE_OPEN_H
#define STORAGE_VECTORS_IMAGE_OPEN_H

#include "storage/progress.h"
#include "storage/stop.h"
#include "storage/vectors/image.h"
#include "storage/vectors/keyed_hash.h"

struct image_files {
	const char *documents;
	const char *queries; /* NULL: none were uploaded */
	const char *lsa;     /* its encoder's model; NULL: none */
	const char *cache;   /* of a built index, of lists or of codes; NULL: none */
	struct hash_key key; /* of the cache of an index */
	/* Of the documents, made while they were uploaded; image_open takes it, also when it fails.
	 * Rows were hashed with it and are not read again. NULL: every row is verified and encoded
	 * now. */
	struct codes_builder *codes;
};

/* What the generation's row says; the files must say the same. */
struct image_about {
	uint64_t generation;
	int64_t step;
	uint32_t dimension;
	Pb__Similarity similarity;
	const char *encoder, *index;
	const Pb__Recall *recall; /* NULL: not measured, or nothing to measure */
};

/* Whether an index string is our own exact engine. All others are approximate. */
bool image_index_is_exact(const char *index);

/* Whether an index string can be used at all: INVALID_ARGUMENT/BAD_INDEX at "index". */
enum code image_index_check(
	const char *index, uint32_t dimension, Pb__Similarity similarity, struct error *e);

/* Maps and verifies, builds the index or takes it from its cache. One reference, the caller's.
 * DATA_LOSS/CORRUPT_FILE for files that are damaged or of another generation,
 * FAILED_PRECONDITION/INDEX_NOT_BUILDABLE when these vectors cannot fill that index. `progress` may
 * be NULL. */
enum code image_open(const struct image_files *files, const struct image_about *about,
	const struct progress *progress, struct image **out, struct error *e);

/* Writes the cache of an image whose codes are only in memory, for the next start; image_open has
 * written that of any other index. CANCELLED when it was given up. */
enum code image_keep(const struct image *g, const char *cache, struct stop *stop, struct error *e);

#endif
