/*
 * From a verb and a path to a row of the operation table. Paths are matched as they were sent, so
 * that an id may hold an encoded '/'; the variables are decoded afterwards.
 */
#ifndef SERVER_HTTP_ROUTE_H
#define SERVER_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/call.h"

enum { ROUTE_VARIABLES = 4 };

struct route {
	const struct operation *op;
	unsigned allowed; /* bits 1 << verb: what the path takes */
	size_t n;
	struct {
		char name[32];
		char *value; /* decoded, in the path's memory */
	} variables[ROUTE_VARIABLES];
};

/* Finds the row of `table` for path and verb; `stream` prefers a SERVER_STREAM row to its UNARY
 * twin. `path` is decoded in place and must outlive the route. `allowed` is set even when no row has
 * the verb: METHOD_NOT_ALLOWED. Else NOT_FOUND/NO_SUCH_ROUTE, or INVALID_ARGUMENT/BAD_PATH. */
enum code route_find(const struct operation *table, size_t n, char *path, enum verb verb,
	bool stream, struct route *out, struct error *e);

/* "GET, HEAD, OPTIONS" */
void route_allow(unsigned allowed, char *out, size_t size);

/* Decodes %XX in place, in a query string '+' too. False for a lone '%', and for %00, which would
 * end the string where the client did not. */
bool percent_decode(char *s, bool plus_is_space);

#endif
