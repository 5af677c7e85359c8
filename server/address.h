/* HOST:PORT: 127.0.0.1:7070, [::1]:7070, localhost:0. Port 0 lets the kernel choose. */
#ifndef SERVER_ADDRESS_H
#define SERVER_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "proto/error.h"

struct address {
	struct sockaddr_storage addr;
	socklen_t len;
};

enum { ADDRESS_TEXT = 64 }; /* room for any address with its port */

/* INVALID_ARGUMENT/BAD_ADDRESS; may ask the resolver when HOST is a name. */
enum code address_resolve(const char *text, struct address *out, struct error *e);
/* "unix:/path", which gRPC takes as well. */
bool address_is_file(const char *text);
/* Whether a server could listen there now, so that one which could not leaves nothing behind; of a
 * file gRPC alone can tell: OK. Who listens later may still be refused. UNAVAILABLE/CANNOT_LISTEN. */
enum code address_try(const char *text, struct error *e);
bool address_is_loopback(const struct address *a);
void address_print(const struct address *a, char out[static ADDRESS_TEXT]);

#endif
