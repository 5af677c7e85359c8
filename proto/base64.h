/* RFC 4648 base64, standard alphabet, with padding. */
#ifndef PROTO_BASE64_H
#define PROTO_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/buf.h"

/* The most bytes that `len` characters can decode to. */
size_t base64_room(size_t len);
/* Into `to`, which has base64_room(len) bytes. False for anything but the one canonical encoding:
 * bad length, foreign characters, missing padding, or stray bits before it. */
bool base64_decode(const char *s, size_t len, uint8_t *to, size_t *out_len);
void base64_encode(const uint8_t *bytes, size_t len, struct buf *to);

#endif
