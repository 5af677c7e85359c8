/*
 * The catalog's insides.
 *
 * Locks: `catalog.lock` guards the table of entries, their `users` and the lines of what is to be
 * written; `entry.lock` guards all else in an entry. Neither is held while anything is read, built or
 * written, and they are never held together. What is being made is marked by a flag and waited for on
 * `entry.changed`.
 */
#ifndef STORAGE_CATALOG_PRIVATE_H
#define STORAGE_CATALOG_PRIVATE_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "storage/catalog.h"
#include "storage/vectors/image_open.h"
#include "storage/vectors/stage.h"

enum { ENTRY_BUCKETS = 256 };
enum { KEPT_CODES, KEPT_TEXTS, N_KEPT }; /* what is kept, what a start needs more first */

struct catalog {
	struct database *db;
	char dir[PATH_MAX];
	size_t keep;
	void (*told)(
		const char *event, const char *collection, uint64_t generation, const char *why);
	struct hash_key key; /* of index caches */
	struct crew crew;    /* lent; send is NULL when none is */
	int64_t newest;	     /* the last collection that was there at the start */
	pthread_mutex_t lock;
	struct entry *bucket[ENTRY_BUCKETS];
	bool keeping; /* someone writes codes or texts, and after that those in the lines */
	struct keeping *to_keep[N_KEPT];
	_Atomic uint64_t closing_at; /* by clock_ns; 0: not yet */
};

/* A generation in memory; the catalog's own reference. */
struct loaded {
	struct image *image;
	struct loaded *next;
};

/* An open generation that takes vectors. While it is published it takes none. */
struct staging {
	uint64_t generation;
	unsigned users;
	bool publishing;
	struct stage *stage; /* NULL: not opened yet */
	struct staging *next;
};

/* One collection, by its id. */
struct entry {
	int64_t collection;
	unsigned users;
	bool deleted; /* freed by its last user */
	struct entry *next;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct corpus *corpus;
	bool indexing[2];	/* someone builds the corpus, from the one before; or at once */
	atomic_uint waiting[2]; /* for what is built so; read without the lock too */
	bool given_up[2];	/* the last build of it: whoever is next goes on to its end */
	bool loading;		/* someone opens an image */
	bool opening;		/* someone opens a stage */
	bool keeping_text;	/* someone writes the index of texts, or is sent for */
	uint64_t unkept;	/* documents indexed that are not in what was written of it last */
	struct loaded *loaded;
	struct staging *staging;
};

/* catalog_entry.c */
enum code entry_use(struct catalog *c, int64_t collection, struct entry **out, struct error *e);
/* One more user of what is used. */
void entry_share(struct catalog *c, struct entry *entry);
void entry_done(struct catalog *c, struct entry *entry);
/* No new user finds it; what it holds goes with its last one. */
void entry_delete(struct catalog *c, int64_t collection);
void entries_free(struct catalog *c);
/* Waits for a change; CANCELLED when the flag (may be NULL) turns true. The lock is held. */
enum code entry_wait(struct entry *entry, atomic_bool *cancelled, struct error *e);
/* Whether its collection was deleted. */
bool entry_is_deleted(struct catalog *c, const struct entry *entry);
/* The corpus, at least at the row's revision. One thread builds it for all who want it: it goes on after
 * its own request was cancelled while others wait; and when it was given up once, so that those who come
 * again with a deadline that is shorter than the building find it in the end, unless the collection is
 * deleted. */
enum code entry_corpus(struct catalog *c, struct entry *entry, const struct collection *row,
	atomic_bool *cancelled, struct corpus **out, struct error *e);
/* The same with an index that was built at once, of which an encoder has the same bytes each time. */
enum code entry_corpus_at_once(struct catalog *c, struct entry *entry, const struct collection *row,
	atomic_bool *cancelled, struct corpus **out, struct error *e);
/* Whichever corpus is there, or NULL. */
struct corpus *entry_any_corpus(struct entry *entry);
/* The image of a published generation. ABORTED/GENERATION_SUPERSEDED when it is the one that the row
 * says is served, and is not. */
enum code entry_image(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, atomic_bool *cancelled, struct image **out, struct error *e);
/* The one in memory, or NULL: there is none, or the collection was deleted. */
struct image *entry_loaded(struct catalog *c, struct entry *entry, uint64_t generation);
/* Opens it from the files; `queries`: it has query vectors. With a sealed stage, from that, which
 * gives its codes away; else from the published files. */
enum code open_image(struct catalog *c, const struct collection *row, const Pb__Generation *g,
	bool queries, struct stage *sealed, const struct progress *progress, struct image **out,
	struct error *e);
/* Adds an image, or takes one away that was added. */
enum code entry_add_image(struct entry *entry, struct image *image, struct error *e);
void entry_drop_image(struct entry *entry, uint64_t generation);
/* Lets go of every image but this one; readers that hold one keep it. */
void entry_serve(struct entry *entry, uint64_t generation);

/* catalog_staging.c: the right to append to an open generation, shared, or to publish it, alone.
 * FAILED_PRECONDITION/GENERATION_NOT_OPEN. */
enum code staging_use(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, struct arena *arena, Pb__Generation *about, struct staging **out,
	struct error *e);
void staging_done(struct entry *entry, struct staging *s);
enum code staging_close(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, struct arena *arena, Pb__Generation *about, struct staging **out,
	struct error *e);
/* The end of a publication: it takes vectors again, or it is gone. */
void staging_reopen(struct entry *entry, struct staging *s);
void staging_forget(struct entry *entry, struct staging *s);

/* catalog_publish.c: publishes what is staged; with a model for texts when there is a file of one.
 */
enum code publish(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, bool waiting, const struct progress *progress, struct arena *arena,
	Pb__Generation *out, uint64_t *documents_without_vector, struct error *e);

/* catalog_keep.c: writes the codes of a generation in memory, if nothing else has them, on an idle
 * thread of the crew, or here. For whoever uses the collection's entry. */
void keep_codes(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, const struct crew *crew);

/* Has a crew that was lent write the index of texts, if enough of it is not on disk. Likewise. */
void keep_text(struct catalog *c, struct entry *entry, const struct collection *row);

/* What a generation's row says, as its files and its image say it. */
struct vectors_about about_vectors(const Pb__Generation *g);
struct image_about about_image(const Pb__Generation *g);

#endif
