#include "storage/vectors/scan.h"

#include "storage/progress.h"
#include "storage/vectors/image_private.h"
#include "storage/vectors/top.h"

static enum code scan_block(const struct image *g, const float *queries, struct top *top, size_t n,
	atomic_bool *cancelled, struct error *e)
{
	double norm[SCAN_QUERIES];

	for (size_t i = 0; i < n; i++)
		norm[i] = query_norm(g, queries + i * g->dimension);
	for (uint32_t row = 0; row < g->rows; row++) {
		if (row % 1024 == 0 && check_cancelled(cancelled, e))
			return e->code;
		for (size_t i = 0; i < n; i++)
			top_offer(&top[i], score_row(g, queries + i * g->dimension, norm[i], row));
	}
	return OK;
}

enum code scan_rows(const struct image *g, const uint32_t *order, const float *queries, size_t nq,
	size_t k, atomic_bool *cancelled, struct hit *out, size_t *found, struct error *e)
{
	struct top top[SCAN_QUERIES];

	for (size_t first = 0, n; first < nq; first += n) {
		n = nq - first < SCAN_QUERIES ? nq - first : SCAN_QUERIES;
		for (size_t i = 0; i < n; i++)
			top[i] = (struct top){out + (first + i) * k, 0, k, order};
		if (scan_block(g, queries + first * g->dimension, top, n, cancelled, e))
			return e->code;
		for (size_t i = 0; i < n; i++) {
			top_sort(&top[i]);
			found[first + i] = top[i].n;
		}
	}
	return OK;
}
