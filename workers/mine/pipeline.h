/* A round of queries through all the stages. */
#ifndef WORKERS_MINE_PIPELINE_H
#define WORKERS_MINE_PIPELINE_H

#include "workers/mine/rounds.h"

/* Makes the results of each slice: Pb__MineResult *[n_made]. */
enum code pipeline_run(struct round *round, struct error *e);

#endif
