#include "storage/vectors/scan.h"

#include "storage/exact/score.h"
#include "storage/progress.h"
#include "storage/vectors/image_private.h"

static enum code scan_block(const struct image *g, struct exact_query *queries, struct top *top,
	size_t n, atomic_bool *cancelled, struct error *e)
{
	double length[SCAN_QUERIES];

	for (size_t i = 0; i < n; i++)
		length[i] = vector_length(queries[i].vector, g->dimension);
	for (uint32_t row = 0; row < g->private->documents.count; row++) {
		if (row % 1024 == 0 && check_cancelled(cancelled, e))
			return e->code;
		for (size_t i = 0; i < n; i++)
			score_offer(&g->private->documents, &queries[i], length[i], row, &top[i]);
	}
	return OK;
}

enum code scan_rows(const struct image *g, const struct shared_request *r, struct error *e)
{
	struct top top[SCAN_QUERIES];

	for (size_t first = 0, n; first < r->n; first += n) {
		struct exact_query *queries = r->queries + first;
		n = r->n - first < SCAN_QUERIES ? r->n - first : SCAN_QUERIES;
		for (size_t i = 0; i < n; i++) {
			top[i] = (struct top){queries[i].out, 0, queries[i].k, r->order};
			queries[i].ahead = 0;
		}
		if (scan_block(g, queries, top, n, r->cancelled, e))
			return e->code;
		for (size_t i = 0; i < n; i++) {
			top_sort(&top[i]);
			queries[i].found = top[i].n;
		}
	}
	return OK;
}
