/* JSON for people: two blanks a level, numbers and strings exactly as they were. */
#ifndef CLIENT_CLI_PRETTY_H
#define CLIENT_CLI_PRETTY_H

#include "proto/buf.h"

/* `text` is valid JSON on one line. Lists of numbers and strings stay on one line each. */
void pretty_json(const char *text, size_t len, struct buf *to);

#endif
