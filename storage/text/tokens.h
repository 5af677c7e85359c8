/*
 * The words of a text. A token is a maximal run of letters, digits and combining marks (Unicode
 * categories L, N, M) of the folded text, in NFKC, stemmed when asked for. Everything else, an
 * apostrophe or a byte that is no UTF-8, separates. A run longer than TOKEN_BYTES is cut into
 * pieces between code points.
 *
 * One thread at a time: a Snowball stemmer keeps its state in itself.
 */
#ifndef STORAGE_TEXT_TOKENS_H
#define STORAGE_TEXT_TOKENS_H

#include "proto/error.h"
#include "storage/text/fold.h"

enum { TOKEN_BYTES = 255 };

struct sb_stemmer;

struct tokens {
	struct fold fold;
	struct sb_stemmer *stemmer; /* NULL: none */
	bool failed;		    /* sticks: memory ran out in the stemmer, tokens are missing */
	int32_t ahead;		    /* began the next token, or FOLD_END */
	int32_t points[TOKEN_BYTES];
	char bytes[TOKEN_BYTES + 1];
};

/* `stemmer` is Snowball's name of a language, or NULL. INVALID_ARGUMENT/UNKNOWN_STEMMER at
 * "stemmer". */
enum code tokens_open(struct tokens *t, const char *stemmer, struct error *e);
void tokens_close(struct tokens *t);
/* Starts on a text, which must outlive the reading; NULL has no tokens. */
void tokens_start(struct tokens *t, const char *text);
/* The next token, not NUL-terminated, until the next call; NULL at the end. */
const char *tokens_next(struct tokens *t, size_t *length);

#endif
