/*
 * A document that may become a negative, and what the stages found out about it. Stages work on one
 * query's list of these and need no index, so each can be tried on a list written by hand.
 */
#ifndef WORKERS_MINE_CANDIDATE_H
#define WORKERS_MINE_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hardminer/v1/miner.pb-c.h"

enum { N_SOURCES = PB__SOURCE_KIND__SOURCE_KIND_GIVEN + 1, NO_RANK = UINT32_MAX };

/* What became of a candidate. The rejections carry the field numbers of message Rejected, in whose
 * order the reasons apply. */
enum verdict {
	CHOSEN = 0,
	REJECTED_POSITIVE = 1,
	REJECTED_DUPLICATE = 2,
	REJECTED_QUERY_TEXT = 3,
	REJECTED_GROUP = 4,
	REJECTED_UNSCORED = 5,
	REJECTED_MAX_SCORE = 6,
	REJECTED_MIN_SCORE = 7,
	REJECTED_ABSOLUTE_MARGIN = 8,
	REJECTED_RELATIVE_MARGIN = 9,
	REJECTED_SEMI_HARD = 10,
	REJECTED_WINDOW = 11,
	REJECTED_SAMPLING = 12,
	REJECTED_DROPPED = 13,
	N_VERDICTS,
	UNDECIDED = N_VERDICTS /* no stage has objected so far */
};

/* Where a source had it in its own list. */
struct sighting {
	uint32_t rank; /* NO_RANK: it did not find it */
	double score;  /* NaN: the source gives none */
};

struct candidate {
	uint32_t document; /* number */
	uint32_t place;	   /* of its id among all ids: breaks ties */
	double score;	   /* the scorer's; NaN: none */
	double order;	   /* the list is sorted by it, highest first */
	uint32_t rank, rank_negatives, rank_survivors;
	enum verdict verdict;
	struct sighting seen[N_SOURCES];
};

struct list {
	struct candidate *at;
	size_t n;
	size_t unlisted; /* others the source had between these (source.h) */
};

/* "chosen", or the name of the field of Rejected; constant. */
const char *verdict_name(enum verdict v);

#endif
