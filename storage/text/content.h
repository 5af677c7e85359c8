/*
 * What a text says, as a hash: XXH3-128 over the folded text (storage/text/fold.h) with runs of
 * white space as one blank and none at the ends. Two documents with the same hash say the same:
 * their NFKC_Casefold forms are equal.
 */
#ifndef STORAGE_TEXT_CONTENT_H
#define STORAGE_TEXT_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash128 {
	uint64_t low, high;
};

struct content {
	struct hash128 whole; /* title, space, text */
	struct hash128 text;  /* text alone; equal to whole without a title */
};

/* Either may be NULL. Bytes that are no UTF-8 are hashed as they stand. An empty text hashes to
 * {0, 0}, which equals nothing: empty documents are no duplicates. The hashes are stored with
 * documents: the same text must hash the same for ever. */
struct content content_of(const char *title, const char *text);
bool hash128_equal(struct hash128 a, struct hash128 b); /* false when either is {0, 0} */

#endif
