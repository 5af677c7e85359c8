/*
 * Chance that can be repeated. Every draw comes from a stream named by the request's seed, the
 * query's id, the stage and, where a query is mined once a positive, that positive's id: so it does
 * not matter which queries are neighbours, or which thread comes first.
 *
 * The streams are SplitMix64 from a key hashed of those four. Both, and the numbers of the stages,
 * are a promise: they decide which negatives a seed stands for.
 */
#ifndef WORKERS_MINE_STREAM_H
#define WORKERS_MINE_STREAM_H

#include <stdint.h>

enum stream_stage {
	STREAM_SOURCE = 1,
	STREAM_IN_BATCH = 2,
	STREAM_ANCHOR = 3,
	STREAM_SAMPLE = 4,
	STREAM_FILL = 5
};

struct stream {
	uint64_t state;
};

/* `positive` may be NULL. */
struct stream stream_of(
	uint64_t seed, const char *query, enum stream_stage stage, const char *positive);
uint64_t stream_next(struct stream *r);
/* Uniform in 0 .. n-1, without the bias of a remainder; n above 0. */
uint32_t stream_below(struct stream *r, uint32_t n);

#endif
