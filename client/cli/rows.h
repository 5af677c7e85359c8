/*
 * Mined results -> lines of training data, by the formats and column names of sentence-transformers:
 *
 *   triplet       anchor, positive, negative               a row a positive and negative
 *   n-tuple       anchor, positive, negative_1 .. n        a row a positive; none when fewer than n
 *   labeled-pair  anchor, positive, label                  a row a positive (1) or negative (0)
 *   labeled-list  anchor, positive: [...], labels: [...]   a row a positive; none without negatives
 *
 * With scores the first two gain `scores` ([positive, negative ...]), `label` becomes `score` and
 * `labels` becomes `scores`. A score that does not exist is null, and counted.
 *
 * A query with several positives gives rows for each, except where the recipe chose its negatives
 * for one of them (anchor = each): then that one alone.
 */
#ifndef CLIENT_CLI_ROWS_H
#define CLIENT_CLI_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/buf.h"

enum row_format { TRIPLET, N_TUPLE, LABELED_PAIR, LABELED_LIST };
extern const char *const row_formats[]; /* "triplet" ..., NULL at the end */

struct rows {
	enum row_format format;
	bool scores;
	bool ids;		/* ids in place of texts */
	bool anchor_only;	/* the recipe's anchor is `each` */
	uint32_t num_negatives; /* n of n-tuple */

	uint64_t written;
	uint64_t left_out; /* positives that gave no row: too few negatives */
	uint64_t failed;   /* queries with an error in place of an answer */
	uint64_t unscored; /* nulls among the scores */
};

/* Appends the rows of one result, each with its newline. */
void rows_write(struct rows *r, const Pb__MineResult *result, struct buf *to);

#endif
