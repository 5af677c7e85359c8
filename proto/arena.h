/*
 * Everything one request allocates: decoded message, scratch, response. Freed in one call, so
 * nothing inside a request has an owner of its own. NULL comes back when the request would pass
 * its limit: an ordinary, testable failure. One thread at a time.
 */
#ifndef PROTO_ARENA_H
#define PROTO_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <protobuf-c/protobuf-c.h>

struct arena {
	struct arena_block *head;
	size_t used, limit;    /* bytes asked of the system, and the most it may be */
	ProtobufCAllocator pb; /* decode straight into the arena */
};

void arena_init(struct arena *a, size_t limit);
void arena_free(struct arena *a); /* every pointer into it dies; the arena may be used again */
/* What is in `from` is in `to` then, which is not initialised before; `from` is empty. */
void arena_move(struct arena *to, struct arena *from);

/* Zeroed, 16-byte aligned; NULL past the limit. */
void *arena_alloc(struct arena *a, size_t size);
/* The same for `n` things of `size` bytes; NULL also when n * size overflows. */
void *arena_array(struct arena *a, size_t n, size_t size);
void *arena_copy(struct arena *a, const void *from, size_t size);
char *arena_strdup(struct arena *a, const char *s); /* NULL stays NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
