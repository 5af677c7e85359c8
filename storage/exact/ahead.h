/*
 * Memory that will be read next, fetched while the processor multiplies. A pass of few queries waits for
 * the codes of each chunk as long as it multiplies them, and processors that fetch ahead by themselves
 * do so for a few lines, and not from one chunk to another.
 *
 * Lines are asked for evenly, over all steps that there are: a processor keeps account of so many at a
 * time, and whoever asks for more waits. Whether and when they come changes no result.
 */
#ifndef STORAGE_EXACT_AHEAD_H
#define STORAGE_EXACT_AHEAD_H

#include <stddef.h>

enum { CACHE_LINE = 64 };

/* Whole lines; or none, all zero. */
struct ahead {
	const unsigned char *at;
	size_t bytes;
};

/* The i-th of n parts. */
static inline struct ahead ahead_part(struct ahead a, size_t i, size_t n)
{
	size_t lines = a.bytes / CACHE_LINE;

	if (!lines)
		return a;
	size_t from = lines * i / n, to = lines * (i + 1) / n;
	return (struct ahead){a.at + from * CACHE_LINE, (to - from) * CACHE_LINE};
}

/* A step asks for two lines, or twice for one. Where there are more, some are left out here and there. */
struct fetch {
	const unsigned char *at;
	size_t pace, second;
};

/* Over so many steps, more than none. */
static inline __attribute__((always_inline)) struct fetch fetch_begin(struct ahead a, size_t steps)
{
	size_t pace = a.bytes / steps;

	return (struct fetch){a.at, pace, pace > CACHE_LINE ? CACHE_LINE : 0};
}

/* To the second level: in the first there is no room for what is read a chunk later. */
static inline __attribute__((always_inline)) void fetch_step(struct fetch *f)
{
	if (!f->pace)
		return;
	__builtin_prefetch(f->at, 0, 2);
	__builtin_prefetch(f->at + f->second, 0, 2);
	f->at += f->pace;
}

#endif
