#include "server/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum code bad(const char *text, const char *why, struct error *e)
{
	return error_set(e, INVALID_ARGUMENT, "BAD_ADDRESS",
		"\"%s\" is no address to listen on: %s. Write HOST:PORT, as 127.0.0.1:7070 or "
		"[::1]:7070.",
		text, why);
}

/* Splits at the last colon and takes the brackets off an IPv6 host. */
static bool split(const char *text, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!colon || !len || len >= size)
		return false;
	if (text[0] == '[') {
		if (text[len - 1] != ']' || len < 3)
			return false;
		text++, len -= 2;
	} else if (memchr(text, ':', len)) {
		return false;
	}
	memcpy(host, text, len);
	host[len] = 0;
	*port = colon + 1;
	return true;
}

static bool is_port(const char *s)
{
	size_t len = strspn(s, "0123456789");

	return len && len <= 5 && !s[len] && strtoul(s, NULL, 10) <= 65535;
}

enum code address_resolve(const char *text, struct address *out, struct error *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found;
	const char *port;
	char host[256];

	if (!split(text, host, sizeof host, &port))
		return bad(text, "host and port cannot be told apart", e);
	if (!is_port(port))
		return bad(text, "the port is not a number from 0 to 65535", e);
	int failed = getaddrinfo(host, port, &hints, &found);
	if (failed)
		return bad(text, gai_strerror(failed), e);
	memcpy(&out->addr, found->ai_addr, found->ai_addrlen);
	out->len = found->ai_addrlen;
	freeaddrinfo(found);
	return OK;
}

bool address_is_file(const char *text)
{
	return !strncmp(text, "unix:", 5);
}

enum code address_try(const char *text, struct error *e)
{
	struct address a;
	int on = 1;

	if (address_is_file(text))
		return OK;
	if (address_resolve(text, &a, e))
		return e->code;
	int fd = socket(a.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool listens = fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) &&
		       !bind(fd, (struct sockaddr *)&a.addr, a.len) && !listen(fd, 1);
	if (!listens)
		error_set(e, UNAVAILABLE, "CANNOT_LISTEN",
			errno == EADDRINUSE
				? "Cannot listen on %s: %m. Is another daemon running there?"
				: "Cannot listen on %s: %m.",
			text);
	if (fd >= 0)
		close(fd);
	return listens ? OK : e->code;
}

bool address_is_loopback(const struct address *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->addr;

	if (a->addr.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	if (a->addr.ss_family != AF_INET6)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		return v6->sin6_addr.s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

void address_print(const struct address *a, char out[static ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN], port[8];
	bool v6 = a->addr.ss_family == AF_INET6;

	if (getnameinfo((const struct sockaddr *)&a->addr, a->len, host, sizeof host, port,
		    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(out, ADDRESS_TEXT, "?");
	else
		snprintf(out, ADDRESS_TEXT, v6 ? "[%s]:%s" : "%s:%s", host, port);
}
