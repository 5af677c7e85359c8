#include "storage/text/array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"

void *array_new(size_t n, size_t size)
{
	return FAULT() ? NULL : calloc(n ? n : 1, size);
}

bool array_grow(void *array, size_t *cap, size_t need, size_t size)
{
	size_t room = *cap ? *cap : 16, bytes;
	void *old;

	if (need <= *cap)
		return true;
	while (room < need)
		if (__builtin_mul_overflow(room, (size_t)2, &room))
			return false;
	if (__builtin_mul_overflow(room, size, &bytes))
		return false;
	memcpy(&old, array, sizeof old);
	void *grown = FAULT() ? NULL : realloc(old, bytes);
	if (!grown)
		return false;
	memcpy(array, &grown, sizeof grown);
	*cap = room;
	return true;
}

void array_trim(void *array, size_t n, size_t size)
{
	void *old;

	memcpy(&old, array, sizeof old);
	void *trimmed = old ? realloc(old, n ? n * size : size) : NULL;
	if (trimmed)
		memcpy(array, &trimmed, sizeof trimmed);
}
