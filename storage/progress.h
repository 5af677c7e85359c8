/* How a long build tells how far it is and learns that it should stop; and who may help it. */
#ifndef STORAGE_PROGRESS_H
#define STORAGE_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"

struct crew;
struct progress { /* all may be NULL */
	void (*report)(
		void *arg, const char *phase, uint64_t done, uint64_t total, const char *unit);
	void *arg;
	atomic_bool *cancelled;
	const struct crew *crew;
};

static inline void progress_report(const struct progress *p, const char *phase, uint64_t done,
	uint64_t total, const char *unit)
{
	if (p && p->report)
		p->report(p->arg, phase, done, total, unit);
}

/* Of an atomic_bool that may be NULL: in this form FAISS asks as well (storage/vectors/faiss.h). */
static inline bool is_cancelled(void *flag)
{
	return flag && atomic_load_explicit((atomic_bool *)flag, memory_order_relaxed);
}

/* The same as an error. */
static inline enum code check_cancelled(atomic_bool *cancelled, struct error *e)
{
	if (is_cancelled(cancelled))
		return error_set(e, CANCELLED, "CANCELLED", "The request was cancelled.");
	return OK;
}

static inline const struct crew *progress_crew(const struct progress *p)
{
	return p ? p->crew : NULL;
}

static inline enum code progress_check(const struct progress *p, struct error *e)
{
	return check_cancelled(p ? p->cancelled : NULL, e);
}

#endif
