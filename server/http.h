/*
 * The HTTP way in: REST for every operation of the table, and the fixed pages. libmicrohttpd runs on
 * the loop; everything here is called on the loop's thread.
 */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include "server/address.h"
#include "server/daemon.h"

struct http;

/* Serves on `listen`, HOST:PORT; port 0 picks a free one, and `bound` gets the address with the port
 * in it. NULL on failure. */
struct http *http_start(
	struct daemon *d, const char *listen, char bound[static ADDRESS_TEXT], struct error *e);

/* A request is being read, worked on or answered. */
bool http_busy(const struct http *h);

/* Cuts off what is left and closes; every call must have ended. The loop must run once more. NULL
 * is fine. */
void http_stop(struct http *h);

#endif
