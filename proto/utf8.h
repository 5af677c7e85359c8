/* Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef PROTO_UTF8_H
#define PROTO_UTF8_H

#include <stddef.h>

/* Bytes at the start of `s` that are well-formed; `len` when all of it is. */
size_t utf8_span(const char *s, size_t len);
/* The longest well-formed cut of a valid text to at most `max` bytes: never half a character. */
size_t utf8_cut(const char *s, size_t len, size_t max);

#endif
