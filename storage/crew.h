/*
 * Threads lent from above: storage starts none of its own. A NULL crew is the calling thread alone.
 */
#ifndef STORAGE_CREW_H
#define STORAGE_CREW_H

#include <stdbool.h>
#include <stddef.h>

/* Embedded in whatever is to be done; whoever is to do it owns it until `run` is called. */
struct job {
	void (*run)(struct job *job);
	struct job *next;
};

struct crew {
	size_t threads; /* that compute at once */
	/* Has an idle thread do it, before anything else that waits; it may be late. */
	void (*send)(void *arg, struct job *job);
	/* The calling thread is about to wait for what others compute, and is back; in between another
	 * may compute in its place. */
	void (*leave)(void *arg);
	void (*back)(void *arg);
	/* Whether somebody would take the place of one that leaves. */
	bool (*wanted)(void *arg);
	void *arg;
};

#endif
