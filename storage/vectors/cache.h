/*
 * A built index on disk, so that a restart need not build it again. It is only a cache: believed
 * when a keyed hash proves that this daemon wrote it for these very vectors and this index string,
 * else as good as absent.
 */
#ifndef STORAGE_VECTORS_CACHE_H
#define STORAGE_VECTORS_CACHE_H

#include "storage/vectors/faiss.h"
#include "storage/vectors/keyed_hash.h"

/* The data directory's own key, made on first use by the kernel's random numbers, mode 0600. */
enum code cache_key(const char *path, struct hash_key *out, struct error *e);

struct cache {
	const char *path;
	struct hash_key key;
	uint64_t fingerprint; /* of the vector file */
	const char *index;    /* factory string */
};

enum code cache_save(const struct cache *c, const struct faiss_index *index, struct error *e);
/* NULL when there is none to be believed. */
struct faiss_index *cache_load(const struct cache *c);

#endif
