/* The query's own candidates, in the caller's order. */
#include "workers/mine/source.h"

enum code source_given(const struct mining *m, const struct ask *asks, size_t n,
	struct arena *arena, struct found *out, struct error *e)
{
	(void)m, (void)arena, (void)e;
	for (size_t i = 0; i < n; i++)
		out[i] = (struct found){
			asks[i].query->candidates, asks[i].query->n_candidates, false};
	return OK;
}
