/*
 * A large array that grows: its address space doubles, and pages that are not touched take no memory.
 * What is there moves without being copied, in pages of 2 MB where the system has them.
 */
#ifndef STORAGE_EXACT_REGION_H
#define STORAGE_EXACT_REGION_H

#include <stdbool.h>
#include <stddef.h>

/* All zero at first. */
struct region {
	unsigned char *at; /* aligned to a page; NULL while there is nothing */
	size_t mapped;	   /* bytes of address space */
};

bool region_reserve(struct region *r, size_t bytes); /* false, and as it was: no memory */
void region_trim(struct region *r, size_t bytes);    /* gives back what is behind them */
void region_free(struct region *r);

#endif
