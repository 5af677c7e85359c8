/* The two loops that a BM25 search spends its time in; see bm25_scan.c. */
#ifndef STORAGE_TEXT_BM25_KERNELS_H
#define STORAGE_TEXT_BM25_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "storage/isa.h"

enum { BLOCK = 4096 /* sums that are swept at once */ };

/* sums[place[i]] += weight[code[i]] for n postings of one term: every place once. */
void bm25_add(uint16_t *sums, const uint16_t *place, const uint8_t *code, size_t n,
	const uint16_t *weight);

/* Zeroes sums[0..BLOCK), which starts at a multiple of 64 bytes; before, writes those from low to
 * low + span as position << 16 | sum, by rising position. Returns how many. */
typedef size_t (*bm25_sweep)(uint16_t *sums, uint16_t low, uint16_t span, uint32_t *out);
bm25_sweep bm25_sweep_for(enum isa isa);

#endif
