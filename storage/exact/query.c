#include "storage/exact/query.h"

void query_take_answer(struct exact_query *q, const struct exact_query *copy)
{
	q->found = copy->found;
	q->ahead = copy->ahead;
}

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

bool query_behind(const struct exact_query *q, const uint32_t *order, const struct hit *h)
{
	const struct hit *limit = q->behind;

	if (!limit)
		return true;
	if (limit->document == NO_LIMIT)
		return h->score < limit->score;
	return hit_before(limit, h, order);
}
