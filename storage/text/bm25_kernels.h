/* The loops that a BM25 search spends its time in: bm25_scan.c adds and sweeps by them, bm25_bounds.c
 * weighs codes. */
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

enum { CODES = 256 };

/* units[c] = min((base + c * step) * high, 1) * rate, in double, rounded up, of every code c. No factor is
 * negative; the rate is below 65535. */
typedef void (*bm25_weigh)(uint16_t *units, double base, double step, double high, double rate);
bm25_weigh bm25_weigh_for(enum isa isa);

static inline uint16_t bm25_units(double value, double rate)
{
	double units = (value < 1 ? value : 1) * rate;
	int32_t whole = (int32_t)units;

	return (uint16_t)(whole + (whole < units));
}

#endif
