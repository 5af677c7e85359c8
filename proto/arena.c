#include "proto/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"

enum { FIRST_BLOCK = 4 << 10, BLOCK = 64 << 10, ALIGN = 16 };

struct arena_block {
	struct arena_block *next;
	size_t used, size; /* of data */
	_Alignas(ALIGN) char data[];
};

static void *pb_alloc(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void pb_free(void *arena, void *pointer)
{
	(void)arena, (void)pointer; /* all at once, in arena_free */
}

void arena_init(struct arena *a, size_t limit)
{
	*a = (struct arena){.limit = limit, .pb = {pb_alloc, pb_free, a}};
}

void arena_free(struct arena *a)
{
	while (a->head) {
		struct arena_block *next = a->head->next;
		free(a->head);
		a->head = next;
	}
	a->used = 0;
}

void arena_move(struct arena *to, struct arena *from)
{
	*to = *from;
	to->pb.allocator_data = to;
	from->head = NULL;
	from->used = 0;
}

/* Blocks grow, so that many small arenas take little. */
static size_t next_block(const struct arena *a)
{
	size_t block = a->used < FIRST_BLOCK ? FIRST_BLOCK : a->used;

	return block < BLOCK ? block : BLOCK;
}

/* A block with room for `size`. Large things get a block of their own behind the current one, so
 * that the room left there is not given up. */
static struct arena_block *block_for(struct arena *a, size_t size)
{
	struct arena_block *b = a->head;
	size_t block = next_block(a), room = size > block / 4 ? size : block;

	if (b && b->size - b->used >= size)
		return b;
	if (room > SIZE_MAX - sizeof *b || room + sizeof *b > a->limit - a->used)
		return NULL;
	b = calloc(1, sizeof *b + room);
	if (!b)
		return NULL;
	b->size = room;
	a->used += sizeof *b + room;
	if (a->head && room != block) {
		b->next = a->head->next;
		a->head->next = b;
	} else {
		b->next = a->head;
		a->head = b;
	}
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	if (FAULT() || size > SIZE_MAX - ALIGN)
		return NULL;
	size = size ? (size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
	struct arena_block *b = block_for(a, size);
	if (!b)
		return NULL;
	void *p = b->data + b->used;
	b->used += size;
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	return __builtin_mul_overflow(n, size, &total) ? NULL : arena_alloc(a, total);
}

void *arena_copy(struct arena *a, const void *from, size_t size)
{
	void *p = arena_alloc(a, size);

	return p && size ? memcpy(p, from, size) : p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;

	return p && n ? memcpy(p, s, n) : p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list args, again;

	va_start(args, fmt);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, args);
	char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(args);
	return p;
}
