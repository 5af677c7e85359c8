/*
 * A text as the code points that it is compared by: compatibility decomposed (NFKD), case folded,
 * default-ignorable characters (soft hyphens, joiners) dropped, marks in canonical order. Two
 * texts fold alike exactly when their NFKC_Casefold forms are equal, but a decomposed text needs
 * neither memory nor a look ahead: one code point follows another.
 */
#ifndef STORAGE_TEXT_FOLD_H
#define STORAGE_TEXT_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FOLD_END = -1,
	FOLD_INVALID = 0x200000, /* plus the byte that is no UTF-8 */
	FOLD_RUN = 128		 /* marks beyond this many in a row keep their order */
};

struct fold {
	const unsigned char *at;
	unsigned next, n; /* of queue */
	int32_t queue[FOLD_RUN];
};

/* `text` is NUL-terminated, outlives the fold, and may be NULL: nothing. */
void fold_init(struct fold *f, const char *text);
/* The next code point, FOLD_INVALID plus a byte, or FOLD_END, then for ever. */
int32_t fold_next(struct fold *f);

#endif
