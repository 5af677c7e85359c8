#include "server/page.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/limits.h"

enum { DEFAULT_PAGE_SIZE = 100 }; /* as the schema says */

size_t page_size(uint32_t asked)
{
	if (asked == 0)
		return DEFAULT_PAGE_SIZE;
	return asked < LIMIT_PAGE_SIZE ? asked : LIMIT_PAGE_SIZE;
}

enum code page_number(const char *token, uint64_t *out, struct error *e)
{
	char *end;

	if (!token) {
		*out = 0;
		return OK;
	}
	errno = 0;
	uint64_t n = strtoull(token, &end, 10);
	if (errno || *end || token[0] < '0' || token[0] > '9') {
		error_set(e, INVALID_ARGUMENT, "BAD_PAGE_TOKEN",
			"This is not a page token; pass next_page_token of the page before.");
		return error_field(e, "page_token");
	}
	*out = n;
	return OK;
}
