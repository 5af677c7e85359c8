/*
 * Threads lent from above: storage starts none of its own. A NULL crew is the calling thread alone.
 */
#ifndef STORAGE_CREW_H
#define STORAGE_CREW_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/error.h"

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

/* Long work of many parts, each of some milliseconds, that may be done in any order. */
struct slices {
	size_t n;
	/* Does the i-th, on any thread; each once, unless one fails. */
	enum code (*each)(void *arg, size_t i, struct error *e);
	/* May be NULL. Now and then, on the calling thread: so many are taken. */
	void (*told)(void *arg, size_t taken);
	void *arg;
};

/* Has all of them done, by the calling thread and by idle ones of the crew, which go as soon as somebody
 * wants their place; the caller, where it has one, gives its own up likewise. When one fails no others
 * are begun, and its error is the answer: of several any. */
enum code crew_slices(const struct crew *crew, const struct slices *s, struct error *e);

#endif
