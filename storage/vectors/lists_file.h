/*
 * The lists of a generation on disk, so that a start need not train and fill them again. A cache like
 * that of an index (cache.h): believed when a keyed hash proves it ours, for these very vectors and
 * this index string.
 */
#ifndef STORAGE_VECTORS_LISTS_FILE_H
#define STORAGE_VECTORS_LISTS_FILE_H

#include "storage/exact/lists.h"
#include "storage/vectors/cache.h"

enum code lists_save(const struct cache *c, const struct lists *l, struct error *e);
/* Lists of `of`, which are rows of these. NULL when there are none to be believed, or no memory. */
struct lists *lists_load(const struct cache *c, const struct vectors *of);

#endif
