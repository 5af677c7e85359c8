#include "workers/mine/kept.h"

#include <string.h>

#include "proto/copy.h"

enum { FIRST_ROOM = 64 };

enum code kept_add(void *kept, const Pb__MineResult *result, struct error *e)
{
	struct kept *k = kept;

	if (k->n == k->room) {
		size_t room = k->room ? 2 * k->room : FIRST_ROOM;
		Pb__MineResult **more = arena_array(k->arena, room, sizeof *more);
		if (!more)
			return error_memory(e);
		if (k->n)
			memcpy(more, k->results, k->n * sizeof *more);
		k->results = more;
		k->room = room;
	}
	k->results[k->n] = (Pb__MineResult *)message_copy(&result->base, k->arena);
	if (!k->results[k->n])
		return error_memory(e);
	k->n++;
	return OK;
}
