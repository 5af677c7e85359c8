/* The wall clock, as rows record it. */
#ifndef STORAGE_ROWS_NOW_H
#define STORAGE_ROWS_NOW_H

#include <stdint.h>
#include <time.h>

/* Unix time in milliseconds. */
static inline int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#endif
