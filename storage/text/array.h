/*
 * Arrays whose sizes come from input: overflow is a failure like any other, and tests can make each
 * allocation fail. All of them are free()d.
 */
#ifndef STORAGE_TEXT_ARRAY_H
#define STORAGE_TEXT_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* `n` zeroed things; never NULL for want of things: n may be 0. NULL when memory ran out. */
void *array_new(size_t n, size_t size);
/* Makes room for `need` things in *array (a pointer to its pointer), doubling. False, and nothing
 * changed, when memory ran out. */
bool array_grow(void *array, size_t *cap, size_t need, size_t size);
/* Gives back what doubling took too much; keeps the array when that fails. */
void array_trim(void *array, size_t n, size_t size);

#endif
