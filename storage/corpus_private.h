/* What a corpus looks up: made by corpus.c, read by corpus_find.c. */
#ifndef STORAGE_CORPUS_PRIVATE_H
#define STORAGE_CORPUS_PRIVATE_H

#include "storage/corpus.h"
#include "storage/text/terms.h"

struct corpus_private {
	struct terms ids;    /* with their NUL, so that the pool's bytes are C strings */
	struct terms groups; /* 0 stands for group 1 */
	/* Documents by rising hash, then number: all that say something; those whose text without
	 * its title says something else. */
	uint32_t *by_whole, *by_text;
	uint32_t n_whole, n_text;
};

static inline int compare_hashes(struct hash128 a, struct hash128 b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return (a.low > b.low) - (a.low < b.low);
}

#endif
