/*
 * Work that may be given up before its end: it says how much it has done and learns, every few
 * milliseconds at most, whether its result is still wanted. Who gives up frees what it made and fails;
 * who started the work tells by `stopped` that memory has not run out.
 */
#ifndef STORAGE_STOP_H
#define STORAGE_STOP_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "proto/error.h"

enum { STOP_EVERY = 1 << 14 /* units: steps of some 10 to 200 ns, as of one posting */ };

/* One thread's. A NULL pointer to it: the work goes on whatever happens. */
struct stop {
	bool (*given_up)(void *arg);
	void *arg;
	size_t done;  /* since it was asked last */
	bool stopped; /* it said so once */
};

/* Asks at once. */
static inline bool stop_now(struct stop *s)
{
	if (!s)
		return false;
	s->done = 0;
	return s->stopped = s->stopped || s->given_up(s->arg);
}

/* Asks when enough was done. */
static inline bool stop_after(struct stop *s, size_t units)
{
	return s && (s->done += units) >= STOP_EVERY && stop_now(s);
}

enum { STOP_SLICE = 1 << 16, STOP_BYTES = 64 /* copied in a unit */ };

/* Copies; false when it was given up on the way. */
static inline bool stop_copy(struct stop *s, void *to, const void *from, size_t bytes)
{
	for (size_t at = 0, n; at < bytes; at += n) {
		n = bytes - at < STOP_SLICE ? bytes - at : STOP_SLICE;
		memcpy((char *)to + at, (const char *)from + at, n);
		if (stop_after(s, n / STOP_BYTES + 1))
			return false;
	}
	return true;
}

/* What a failure was: CANCELLED, or memory that ran out. */
static inline enum code stop_or_memory(const struct stop *s, struct error *e)
{
	if (s && s->stopped)
		return error_set(e, CANCELLED, "CANCELLED", "The request was cancelled.");
	return error_memory(e);
}

#endif
