/*
 * A pass for several requests, cut into lots:
 *
 *   many queries   a lot is some of the queries, over all chunks. There is one lot more than the crew
 *                  has threads, mostly, and the one that is behind goes first: whatever keeps a
 *                  thread from its core, all are done at about the same time
 *   few queries    a lot for each thread, of all of the queries, over the chunks that it takes before
 *                  others do; the first lot encodes the queries for all, and absorbs the others
 *                  when all are scanned
 *
 * and a lot is encoded, scanned, then finished, in portions that end by the clock, and are late by a
 * step at most: a panel's encoding, or half a millisecond where the kernels are as fast as is reckoned
 * with, or one chunk for all of its queries, or the scores of some survivors. What a portion takes is
 * what others wait for, and no reckoning holds on every machine, with any number of queries and others
 * on the cores. Answers do not depend on where a portion ends. Nothing here locks: shared.c says who may.
 */
#ifndef STORAGE_EXACT_JOINT_H
#define STORAGE_EXACT_JOINT_H

#include "storage/exact/pass.h"
#include "storage/exact/shared.h"

enum { MOST_LOTS = 64 };

/* A request in its line, and then in a joint pass. */
struct waiting {
	const struct shared_request *request;
	struct waiting *next;
	bool taken, done;
	struct error error;

	size_t first;	  /* of its queries in the joint pass */
	uint64_t dropped; /* lots in which nothing of it is left, by bits */
};

/* To scan. */
struct chunks {
	_Atomic uint32_t next;
	uint32_t end;
};

enum stage { ENCODE, SCAN, FINISH, REST, DONE };

struct lot {
	struct pass *pass;
	size_t first, n;	    /* queries */
	struct chunks own, *chunks; /* chunks: its own or the joint's */
	size_t finished, of;	    /* queries */
	uint64_t took_ns;	    /* its last portion */
	enum stage stage;	    /* of the portion it was chosen for */
	bool busy;
};

struct joint {
	/* set by whoever opens it: requests with the same order, and how many queries they have */
	struct waiting *requests;
	size_t n, hits; /* hits: what they ask for, and exclude, in all */
	const uint32_t *order;
	uint64_t portion_ns; /* how long a portion may go on; one step it does in any case */

	struct exact_query *queries; /* copies; what they point to is the requests' */
	struct lot lots[MOST_LOTS];
	struct chunks chunks; /* of lots of chunks: whoever is at one takes the next */
	size_t n_lots, busy;
	uint32_t step;		  /* chunks between two looks at the clock */
	bool by_chunks, absorbed; /* lots are of chunks; the first has all that they found */
	struct error error;	  /* ends the pass */
};

/* About how many seconds a thread has to scan for them, among others. */
double joint_seconds(const struct exact *x, const struct exact_query *queries, size_t n);
/* Cuts it into lots, for so many threads. What fails is its error. */
void joint_cut(struct joint *j, const struct exact *x, size_t threads);
void joint_free(struct joint *j);

/* A lot that is worth a portion now, chosen for it, or NULL; and how many are. Nobody else may choose or
 * look meanwhile. */
struct lot *joint_lot(struct joint *j);
size_t joint_free_lots(const struct joint *j);
/* Does a portion of a lot that was chosen and is nobody else's meanwhile. */
enum code joint_work(struct joint *j, struct lot *lot, struct error *e);
/* Nobody is at work and nothing is left to do. */
bool joint_is_over(const struct joint *j);
bool joint_all_cancelled(const struct joint *j);
/* Takes the cancelled requests' queries out of all lots that nobody is at. A request of which no lot
 * has any is done: its memory is not touched again. True: there was one. */
bool joint_drop_cancelled(struct joint *j);

#endif
