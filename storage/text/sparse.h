/*
 * One sparse row against a dense matrix: the two loops that fitting `lsa` spends its time in. Every
 * element is summed in the order of the entries, without fused operations, so that the width of the
 * machine's vectors does not show in the result.
 */
#ifndef STORAGE_TEXT_SPARSE_H
#define STORAGE_TEXT_SPARSE_H

#include <stddef.h>
#include <stdint.h>

enum { SPARSE_LANES = 16 }; /* a dense row's length is a multiple of this */

struct sparse_entry {
	uint32_t row; /* of the dense matrix */
	float weight;
};

/* out = sum of weight * dense[row] */
void sparse_gather(
	const struct sparse_entry *entries, size_t n, const float *dense, size_t width, float *out);
/* dense[row] += weight * in, for each entry */
void sparse_scatter(
	const struct sparse_entry *entries, size_t n, float *dense, size_t width, const float *in);

#endif
