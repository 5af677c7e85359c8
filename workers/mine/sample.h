/*
 * num_negatives out of what is left. A sampler is a row of the table in sample.c and a function that
 * brings what it draws to the front. To add one: a value of enum Sampling and its row.
 */
#ifndef WORKERS_MINE_SAMPLE_H
#define WORKERS_MINE_SAMPLE_H

#include "proto/arena.h"
#include "proto/error.h"
#include "workers/mine/candidate.h"
#include "workers/mine/stream.h"

/* The drawn become CHOSEN, the other undecided ones REJECTED_SAMPLING. */
enum code sample_list(const Pb__MineNegativesRequest *recipe, struct stream random,
	struct list *list, struct arena *arena, struct error *e);

#endif
