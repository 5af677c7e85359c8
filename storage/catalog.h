/*
 * Everything searchable, hot: for each collection its corpus and its published generations. A
 * request takes a view, which pins both until it is released; publishing swaps one pointer under
 * the readers. Also the way vectors come in: staged, made durable, published.
 */
#ifndef STORAGE_CATALOG_H
#define STORAGE_CATALOG_H

#include "storage/corpus.h"
#include "storage/progress.h"
#include "storage/rows/collections.h"
#include "storage/vectors/image.h"

struct catalog;

struct catalog_options {
	size_t keep; /* published generations kept on disk, 2 or more */
	/* May be NULL. Told on any thread what nobody waits for and somebody should know, for the log, of
	 * a generation's codes or index: "made" when there was no file of them, as after a process that
	 * was killed before it wrote one; "made_anew" when there was and it could not be believed; of
	 * texts "indexed" and "indexed_anew", likewise; and "not_kept" when one or the other could not be
	 * written. Of texts the generation is 0. */
	void (*told)(
		const char *event, const char *collection, uint64_t generation, const char *why);
};

/* Maps and verifies every serving generation; `db` outlives the catalog. */
enum code catalog_open(struct database *db, const char *dir, const struct catalog_options *options,
	struct catalog **out, struct error *e);
/* Lends a crew that writes indexes of texts, before there are requests; without one none is written, and each
 * start indexes texts again. */
void catalog_lend(struct catalog *c, const struct crew *crew);
/* The daemon stops, and will wait for the crew: an index of texts that is not written after so many seconds
 * is given up, since a start can do without. */
void catalog_closing(struct catalog *c, unsigned seconds);
/* What a crew was sent to keep is done by then: its pool has stopped. */
struct catalog *catalog_close(struct catalog *c);

struct view {
	struct collection collection; /* the row, at the moment of the view */
	struct corpus *corpus;	      /* at least as new as every acknowledged write */
	struct image *image;	      /* NULL when none was asked for */
};

enum image_need { IMAGE_NONE, IMAGE_IF_ANY, IMAGE_NEEDED };

/* Pins a collection's corpus, and the generation asked for (0: the serving one). With IMAGE_NEEDED
 * and none published: FAILED_PRECONDITION/NO_GENERATION, saying what to do. A corpus that is behind
 * is rebuilt first, by the first who asks; the others wait. Workers only. */
enum code catalog_view(struct catalog *c, const char *collection, uint64_t generation,
	enum image_need need, atomic_bool *cancelled, struct view *out, struct error *e);
void view_release(struct view *v);

/* Refuses what catalog_view would refuse, at once: nothing is pinned, built or waited for. */
enum code catalog_check(struct catalog *c, const char *collection, uint64_t generation,
	enum image_need need, struct error *e);

/* Deletes a collection with its files. Readers that hold a view finish first with what they have. */
enum code catalog_delete(struct catalog *c, const char *collection, struct error *e);

/* Appends rows to an open generation; on disk when it returns. Ids must be known documents or
 * queries: NOT_FOUND at ids[i]. Values must be finite, the dimension right, and for cosine no row
 * zero: INVALID_ARGUMENT at vectors[i][j] (or data[i][j]). Whole or not at all. `cancelled`, which may
 * be NULL, is heeded while the ids of new documents are looked up, which may take as long as a corpus:
 * CANCELLED. */
enum code catalog_upsert_vectors(struct catalog *c, const Pb__UpsertVectorsRequest *req,
	atomic_bool *cancelled, uint64_t *upserted, struct error *e);

/* Begins a generation: checks the index string, then storage/rows/generations.h. */
enum code catalog_begin(struct catalog *c, const Pb__BeginGenerationRequest *req,
	struct arena *arena, Pb__Generation *out, struct error *e);
/* Builds the image aside, measures its recall, makes it durable, swaps it in. With `waiting`, for
 * somebody who waits for the answer: FAILED_PRECONDITION/NEEDS_BACKGROUND at "background" when it
 * is to have another index than `exact` over more than LIMIT_INDEX_NUMBERS numbers. */
enum code catalog_publish(struct catalog *c, const char *collection, uint64_t generation,
	bool waiting, const struct progress *progress, struct arena *arena, Pb__Generation *out,
	uint64_t *documents_without_vector, struct error *e);
/* Encodes documents and queries with `lsa` into a new generation and publishes it; `out` as
 * catalog_publish. */
enum code catalog_encode(struct catalog *c, const Pb__EncodeCollectionRequest *req,
	const struct progress *progress, struct arena *arena, Pb__Generation *out, struct error *e);

#endif
