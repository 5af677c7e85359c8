/* The tile as it is defined, for any machine. */
#include "storage/exact/panel.h"

static int32_t sum(const struct tile *t, uint32_t query, uint32_t row)
{
	const struct panel *p = t->panel;
	int32_t total = p->start[query];

	for (uint32_t s = 0; s < p->steps; s++) {
		const unsigned char *x = t->code + (s * CODE_BLOCK + row) * 4;
		const int8_t *q = p->code + (s * p->width + query) * 4;
		total += x[0] * q[0] + x[1] * q[1] + x[2] * q[2] + x[3] * q[3];
	}
	return total;
}

void tile_portable(const struct tile *t)
{
	const struct panel *p = t->panel;
	float upper[CODE_BLOCK];

	for (uint32_t i = 0; i < p->n; i++) {
		uint32_t mask = 0;
		for (uint32_t r = 0; r < CODE_BLOCK; r++) {
			float scaled = (float)sum(t, i, r) * t->scale[r];
			upper[r] = scaled * p->unit[i] + (p->reach[i] * t->margin[r] - t->less[r]) +
				   p->tails[i].reach * t->tail_length[r];
			mask |= (uint32_t)(upper[r] >= p->survivors[i].tau) << r;
		}
		candidates_add(&t->found[i], t->first, mask, upper);
	}
}
