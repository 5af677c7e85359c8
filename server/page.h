/* Page sizes and tokens: a token is the key of the last item shown. */
#ifndef SERVER_PAGE_H
#define SERVER_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/arena.h"
#include "proto/error.h"

/* Between 1 and LIMIT_PAGE_SIZE: asking for more is no error, there is a next page. 0 is what a
 * client says that has no wish, and means the default. */
size_t page_size(uint32_t asked);
/* A token that is a number; absent is 0. INVALID_ARGUMENT/BAD_PAGE_TOKEN at "page_token". */
enum code page_number(const char *token, uint64_t *out, struct error *e);

#endif
