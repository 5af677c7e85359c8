/*
 * One scan for everyone. Requests on the same generation that wait together become one pass, whose
 * parts are worked off by the very threads that wait for it and by idle ones; nobody waits for
 * company, and nobody's answer depends on it.
 */
#ifndef STORAGE_EXACT_SHARED_H
#define STORAGE_EXACT_SHARED_H

#include <stdatomic.h>

#include "proto/error.h"
#include "storage/crew.h"
#include "storage/exact/query.h"

struct shared;
struct exact;

struct shared *shared_new(const struct exact *x); /* NULL: no memory */
/* Nobody may be searching. NULL is fine. */
void shared_free(struct shared *s);

/* For tests, before anybody searches: a portion ends as soon as it may, whatever the time; and so many
 * queries of a bulk go at once. */
void shared_cut_fine(struct shared *s);
void shared_cut_parts(struct shared *s, size_t queries);

struct shared_request {
	struct exact_query *queries;
	size_t n;
	const uint32_t *order;	 /* of documents' ids, for all of them */
	bool bulk;		 /* part of a large request: others go first */
	atomic_bool *cancelled;	 /* may be NULL */
	const struct crew *crew; /* may be NULL */
};

/* Fills in the queries' answers. CANCELLED at the end of the portions at work, some 20 ms, whoever
 * shares the pass; what the queries point to may then be half filled in, and of a bulk the first may be
 * answered. Any thread. */
enum code shared_search(struct shared *s, const struct shared_request *r, struct error *e);

#endif
