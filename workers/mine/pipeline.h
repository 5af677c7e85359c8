/* A round of queries through all the stages. */
#ifndef WORKERS_MINE_PIPELINE_H
#define WORKERS_MINE_PIPELINE_H

#include "workers/mine/rounds.h"

/* Hands each of the round's results to `take`, as mine_run does to its own. */
enum code pipeline_run(struct round *round, mine_emit take, void *arg, struct error *e);

#endif
