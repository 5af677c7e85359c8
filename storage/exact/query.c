#include "storage/exact/query.h"

bool query_excludes(const struct exact_query *q, uint32_t document)
{
	size_t low = 0, high = q->n_excluded;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (q->excluded[middle] < document)
			low = middle + 1;
		else
			high = middle;
	}
	return low < q->n_excluded && q->excluded[low] == document;
}

static bool stands_behind(const struct hit *limit, const struct hit *h, const uint32_t *order)
{
	if (!limit)
		return true;
	if (limit->document == NO_LIMIT)
		return h->score < limit->score;
	return hit_before(limit, h, order);
}

bool query_wants(const struct exact_query *q, const uint32_t *order, const struct hit *h)
{
	return h->score >= q->floor && stands_behind(q->behind, h, order);
}
