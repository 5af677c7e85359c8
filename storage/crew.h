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

/* How soon one must be back: in its turn; before those who are IN_TURN; though no place is free. */
enum haste { IN_TURN, FIRST, AT_ONCE };

struct crew {
	size_t threads; /* that compute at once */
	/* Has an idle thread do it, before anything else that waits; it may be late. */
	void (*send)(void *arg, struct job *job);
	/* The calling thread gives its place up, for somebody new before anybody else. Never blocks. */
	void (*leave)(void *arg);
	/* Waits until there is a place again, which others will give up within a portion of work: hold
	 * no lock. AT_ONCE is for who has little left to do. */
	void (*back)(void *arg, enum haste haste);
	/* Whether somebody new would take the place of one that leaves. Never blocks. */
	bool (*wanted)(void *arg);
	/* How many who left wait to be back. Never blocks. */
	size_t (*awaited)(void *arg);
	void *arg;
};

#endif
