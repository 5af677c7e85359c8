/*
 * Growing bytes. A failure sticks: append freely, look at `failed` once at the end. Also a
 * ProtobufCBuffer, so messages pack straight into it.
 */
#ifndef PROTO_BUF_H
#define PROTO_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <protobuf-c/protobuf-c.h>

struct buf {
	ProtobufCBuffer pb; /* first, so that a ProtobufCBuffer * is a struct buf * */
	char *data;	    /* NULL while empty; not NUL-terminated */
	size_t len, cap;
	bool failed; /* memory ran out; what is there is incomplete */
};

void buf_init(struct buf *b);
void buf_free(struct buf *b);		      /* memory gone, may be used again */
void buf_reset(struct buf *b);		      /* empty, memory kept */
char *buf_detach(struct buf *b, size_t *len); /* the bytes are the caller's to free() */

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for `len` more bytes at the end, for the caller to fill and then claim by len +=. NULL when
 * memory ran out. */
char *buf_room(struct buf *b, size_t len);

#endif
