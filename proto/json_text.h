/*
 * The text side of json_read.c: one cursor over the bytes, moving forward only. It knows JSON's
 * grammar (RFC 8259) and nothing of messages. Errors carry the byte offset; the caller adds paths.
 */
#ifndef PROTO_JSON_TEXT_H
#define PROTO_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/arena.h"
#include "proto/error.h"

/* A number as long as this is a mistake or an attack; no double needs more than 800. */
enum { JSON_NUMBER_BYTES = 1024 };

struct json_text {
	const char *begin, *at, *end;
	struct arena *arena;
	struct error *e;
};

/* A string between its quotes as it stands in the text, checked; or a number. */
struct json_token {
	const char *s;
	size_t len;
	bool escaped; /* a string with backslashes: json_decode it */
};

/* A cursor at the start of `len` bytes; `text` may be NULL when there are none. */
struct json_text json_text(const char *text, size_t len, struct arena *arena, struct error *e);
enum code json_malformed(struct json_text *in, const char *at, const char *what);
/* Skips white space; the byte that follows, or 0 at the end. */
char json_peek(struct json_text *in);
/* Consumes `c`, white space before it too; malformed when something else is there. */
enum code json_expect(struct json_text *in, char c, const char *what);
/* Whether the word `true`, `false` or `null` is next; consumes it if so. */
bool json_word(struct json_text *in, const char *word);
/* What json_peek's byte begins, for people: "an object"; NULL when no JSON value begins so. */
const char *json_found(char c);

enum code json_string(struct json_text *in, struct json_token *out);
enum code json_number(struct json_text *in, struct json_token *out);
/* Length of the JSON number that `s` begins with; 0 when it does not. */
size_t json_number_length(const char *s, const char *end);
/* The string's characters, NUL-terminated in the arena; may hold NUL itself. */
enum code json_decode(
	struct json_text *in, const struct json_token *string, char **out, size_t *len);

/* How deep the brackets of a text nest, whether or not it is valid JSON. */
size_t json_nesting(const char *text, size_t len);

#endif
