/*
 * The documents of a collection in memory, at one revision: ids, groups, contents and the BM25
 * index. Immutable and counted; indexed by document number.
 */
#ifndef STORAGE_CORPUS_H
#define STORAGE_CORPUS_H

#include <stdatomic.h>

#include "storage/hit.h"
#include "storage/rows/documents.h"
#include "storage/stop.h"
#include "storage/text/bm25.h"

enum { NO_DOCUMENT = UINT32_MAX };

struct corpus {
	atomic_int references;
	int64_t collection;
	uint64_t documents_revision;
	uint32_t n;
	const char **id;	 /* n */
	uint32_t *order;	 /* n: place of the document's id among all ids in byte order */
	uint32_t *group;	 /* n: 0 none, else a number standing for the group's name */
	struct content *content; /* n */
	struct bm25 *bm25;
	uint32_t indexed;      /* documents whose words were read for it: others' were known */
	const char *made_anew; /* why these are all, though an index may have been kept; or NULL */
	/* private: storage, lookups */
	struct corpus_private *private;
};

/* What a corpus need not be made of all texts for; what is not set is not used. */
struct corpus_from {
	const struct corpus *before; /* an earlier one of the collection */
	const char *kept; /* without one: a file of corpus_keep, which need not be there */
	bool at_once;	  /* its index must be one that was built at once (bm25_at_once) */
};

/* Reads the collection, all of it at one moment, and indexes it, with one reference for the caller.
 * About a second for 100,000 documents of 100 words; call it on a worker. With `from`, which may be NULL:
 *
 *   - before: only what was replaced or came since is read, and the index shares what stayed the same.
 *   - kept: rows are read without their texts, and those of documents that say something else than they
 *     did when the file was written, or came since.
 *
 * The answers are those of a corpus built at once of all texts. documents_revision is what the
 * collection's row said before: what is read is as new, or newer, and then read again by a successor.
 * `stop`, which may be NULL, is asked all along, every few milliseconds: CANCELLED/CANCELLED when it says
 * so. */
enum code corpus_build(struct database *db, int64_t collection, uint64_t documents_revision,
	const struct corpus_from *from, struct stop *stop, struct corpus **out, struct error *e);
/* Writes the index for a later start: as a whole or not at all; given up, it is CANCELLED. */
enum code corpus_keep(const struct corpus *c, const char *path, struct stop *stop, struct error *e);
struct corpus *corpus_acquire(struct corpus *c);
struct corpus *corpus_release(struct corpus *c); /* NULL is fine; always returns NULL */

uint32_t corpus_find(const struct corpus *c, const char *id);	  /* or NO_DOCUMENT */
uint32_t corpus_group(const struct corpus *c, const char *group); /* 0: no document has it */
/* Documents with this content hash (either kind), each once, rising: numbers into out, at most max;
 * returns how many there are in all. {0, 0} is nobody's. */
size_t corpus_same_content(const struct corpus *c, struct hash128 hash, uint32_t *out, size_t max);

#endif
