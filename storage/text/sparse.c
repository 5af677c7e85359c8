#include "storage/text/sparse.h"

/* Sixteen floats, wherever they stand; the compiler cuts them to the machine's registers. */
typedef float lanes __attribute__((vector_size(4 * SPARSE_LANES), aligned(4), may_alias));

/* Clones are picked while the program is loaded, before ThreadSanitizer is ready to watch that. */
#ifdef __SANITIZE_THREAD__
#define CLONES
#else
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif

enum { BLOCK = 4 * SPARSE_LANES, AHEAD = 4 };

static inline const lanes *at(const float *p, size_t i)
{
	return (const lanes *)(p + i);
}

/* Column blocks of four vectors stay in registers over all entries. */
CLONES void sparse_gather(
	const struct sparse_entry *entries, size_t n, const float *dense, size_t width, float *out)
{
	size_t j = 0;

	for (; j + BLOCK <= width; j += BLOCK) {
		lanes a = {0}, b = {0}, c = {0}, d = {0};
		for (size_t i = 0; i < n; i++) {
			const float *x = dense + entries[i].row * width + j;
			float w = entries[i].weight;
			a += w * at(x, 0)[0];
			b += w * at(x, SPARSE_LANES)[0];
			c += w * at(x, 2 * SPARSE_LANES)[0];
			d += w * at(x, 3 * SPARSE_LANES)[0];
		}
		*(lanes *)(out + j) = a;
		*(lanes *)(out + j + SPARSE_LANES) = b;
		*(lanes *)(out + j + 2 * SPARSE_LANES) = c;
		*(lanes *)(out + j + 3 * SPARSE_LANES) = d;
	}
	for (; j < width; j += SPARSE_LANES) {
		lanes a = {0};
		for (size_t i = 0; i < n; i++)
			a += entries[i].weight * at(dense + entries[i].row * width, j)[0];
		*(lanes *)(out + j) = a;
	}
}

CLONES void sparse_scatter(
	const struct sparse_entry *entries, size_t n, float *dense, size_t width, const float *in)
{
	for (size_t i = 0; i < n; i++) {
		float *x = dense + entries[i].row * width;
		float w = entries[i].weight;
		for (size_t j = 0; j < width; j += SPARSE_LANES)
			*(lanes *)(x + j) += w * at(in, j)[0];
	}
}
