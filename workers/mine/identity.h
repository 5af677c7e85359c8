/*
 * Documents that are no negatives whatever their score: every positive of the query, by id and by
 * what it says, the query's own text, and, where asked for, the groups of the positives and of the
 * query.
 */
#ifndef WORKERS_MINE_IDENTITY_H
#define WORKERS_MINE_IDENTITY_H

#include "workers/mine/candidate.h"
#include "workers/mine/query.h"

struct identity {
	const struct corpus *corpus;
	uint32_t *positives; /* all three rising */
	size_t n_positives;
	struct hash128 *contents;
	size_t n_contents;
	uint32_t *groups;
	size_t n_groups;
	struct hash128 text; /* the query's; {0, 0}: none */
};

enum code identity_of(const Pb__MineNegativesRequest *recipe, const struct corpus *corpus,
	const struct query *q, struct arena *arena, struct identity *out, struct error *e);
/* Why the document is excluded, or UNDECIDED when it is not. */
enum verdict identity_check(const struct identity *id, uint32_t document);
void identity_list(const struct identity *id, struct list *list);

#endif
