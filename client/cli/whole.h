#ifndef CLIENT_CLI_WHOLE_H
#define CLIENT_CLI_WHOLE_H

#include "proto/buf.h"
#include "proto/error.h"

/* A file, or standard input for "-", as one text of at most LIMIT_BODY_BYTES. `out` is always the
 * caller's to buf_free. */
enum code read_whole(const char *path, struct buf *out, struct error *e);

#endif
