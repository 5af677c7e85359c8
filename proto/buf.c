#include "proto/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"

static void pb_append(ProtobufCBuffer *b, size_t len, const uint8_t *data)
{
	buf_add((struct buf *)b, data, len);
}

void buf_init(struct buf *b)
{
	*b = (struct buf){.pb = {pb_append}};
}

void buf_free(struct buf *b)
{
	free(b->data);
	buf_init(b);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

char *buf_detach(struct buf *b, size_t *len)
{
	char *data = b->data;

	*len = b->len;
	buf_init(b);
	return data;
}

char *buf_room(struct buf *b, size_t len)
{
	if (b->failed || len > SIZE_MAX / 2 - b->len) {
		b->failed = true;
		return NULL;
	}
	if (b->len + len > b->cap) {
		size_t cap = b->cap ? b->cap : 256;
		while (cap < b->len + len)
			cap *= 2;
		char *data = FAULT() ? NULL : realloc(b->data, cap);
		if (!data) {
			b->failed = true;
			return NULL;
		}
		b->data = data;
		b->cap = cap;
	}
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
	char *room = len ? buf_room(b, len) : NULL;

	if (!room)
		return;
	memcpy(room, bytes, len);
	b->len += len;
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args, again;

	va_start(args, fmt);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, args);
	char *room = n < 0 ? NULL : buf_room(b, (size_t)n + 1);
	if (room) {
		vsnprintf(room, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	} else {
		b->failed = true;
	}
	va_end(again);
	va_end(args);
}
