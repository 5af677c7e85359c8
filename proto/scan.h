/*
 * The text side of json_read.c: one cursor over the bytes, moving forward only. It knows JSON's
 * grammar (RFC 8259) and nothing of messages. Errors carry the byte offset; the caller adds paths.
 */
#ifndef PROTO_SCAN_H
#define PROTO_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/arena.h"
#include "proto/error.h"

/* A number as long as this is a mistake or an attack; no double needs more than 800. */
enum { SCAN_NUMBER_BYTES = 1024 };

struct scan {
	const char *begin, *at, *end;
	struct arena *arena;
	struct error *e;
};

/* A string between its quotes as it stands in the text, checked; or a number. */
struct scan_token {
	const char *s;
	size_t len;
	bool escaped; /* a string with backslashes: scan_decode it */
};

/* A cursor at the start of `len` bytes; `text` may be NULL when there are none. */
struct scan scan_start(const char *text, size_t len, struct arena *arena, struct error *e);
enum code scan_malformed(struct scan *in, const char *at, const char *what);
/* Skips white space; the byte that follows, or 0 at the end. */
char scan_peek(struct scan *in);
/* Consumes `c`, white space before it too; malformed when something else is there. */
enum code scan_expect(struct scan *in, char c, const char *what);
/* Whether the word `true`, `false` or `null` is next; consumes it if so. */
bool scan_word(struct scan *in, const char *word);
/* What scan_peek's byte begins, for people: "an object"; NULL when no JSON value begins so. */
const char *scan_found(char c);

enum code scan_string(struct scan *in, struct scan_token *out);
enum code scan_number(struct scan *in, struct scan_token *out);
/* Length of the JSON number that `s` begins with; 0 when it does not. */
size_t scan_number_length(const char *s, const char *end);
/* The string's characters, NUL-terminated in the arena; may hold NUL itself. */
enum code scan_decode(struct scan *in, const struct scan_token *string, char **out, size_t *len);

/* How deep the brackets of a text nest, whether or not it is valid JSON. */
size_t scan_nesting(const char *text, size_t len);

#endif
