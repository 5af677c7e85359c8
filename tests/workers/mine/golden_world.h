#ifndef TESTS_WORKERS_MINE_GOLDEN_WORLD_H
#define TESTS_WORKERS_MINE_GOLDEN_WORLD_H

#include "tests/workers/mine/world.h"

/* The golden candidates as documents with vectors, and the query "q" with its vector, a text and
 * the positives p1 and p2: every score is the golden one to its last bit. */
void golden_fill(struct world *w);

#endif
