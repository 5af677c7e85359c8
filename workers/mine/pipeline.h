/* A slice of queries through all the stages. */
#ifndef WORKERS_MINE_PIPELINE_H
#define WORKERS_MINE_PIPELINE_H

#include "workers/mine/rounds.h"

/* Makes the slice's results: Pb__MineResult *[n_made]. */
enum code pipeline_run(struct slice *s, struct error *e);

#endif
