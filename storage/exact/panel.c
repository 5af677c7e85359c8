#include "storage/exact/panel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"

enum { STEPS_A_STRETCH = STRETCH / 4, WORD_OF_AMX = 64 };

/* What AVX2 may add up in 16 bits: tile_avx2.c. */
struct most query_most(enum isa isa)
{
	return isa == ISA_AVX2 ? (struct most){.one = 127, .pair = 127, .half = 254} : any_bytes;
}

static uint32_t stretches(uint32_t steps)
{
	return (steps + STEPS_A_STRETCH - 1) / STEPS_A_STRETCH;
}

static bool is_for_amx(void)
{
	return isa_now() == ISA_AMX;
}

static uint32_t word_bytes(void)
{
	return is_for_amx() ? WORD_OF_AMX : 4;
}

static uint32_t words(uint32_t steps)
{
	return is_for_amx() ? (steps + WORD_OF_AMX / 4 - 1) / (WORD_OF_AMX / 4)
			    : steps + stretches(steps);
}

size_t panel_code_bytes(uint32_t steps, uint32_t width)
{
	return (size_t)words(steps) * width * word_bytes();
}

static int8_t *word_at(const struct panel *p, uint32_t i, uint32_t lane)
{
	return p->code + ((size_t)i * p->width + lane) * p->word;
}

/* The widths that tile_avx512.c spells out, and twice eight. */
static uint32_t width_for(size_t n)
{
	static const uint32_t widths[] = {1, 2, 4, 6, 8, 12, PANEL};
	size_t i = 0;

	while (widths[i] < n)
		i++;
	return widths[i];
}

/* Queries have any length a float may have, so it is divided out in double. */
void panel_load(const struct exact_query *q, double length, uint32_t d, uint32_t lane, lanes *x)
{
	for (uint32_t i = 0; i < d; i++)
		x[i][lane] = length > 0 ? (float)(q->vector[i] / length) : 0;
}

static void put_head(struct panel *p, const lanes *x, uint32_t d, uint32_t lane)
{
	int32_t sum = 0;

	for (uint32_t i = 0; i < d; i++) {
		int8_t byte = (int8_t)x[i][lane];
		word_at(p, i / p->word, lane)[i % p->word] = byte;
		sum += byte;
	}
	p->start[lane] = -128 * sum;
}

static void put_tail(struct panel *p, const lanes *x, uint32_t lane)
{
	int8_t *code = p->code + panel_code_bytes(p->steps, p->width) + (size_t)lane * p->tail;
	int32_t sum = 0;

	for (uint32_t i = 0; i < p->tail; i++)
		sum += code[i] = (int8_t)x[i][lane];
	p->tails[lane].code = code;
	p->tails[lane].start = -128 * sum;
}

static void put_stretch(struct panel *p, uint32_t stretch, uint32_t lane)
{
	uint32_t first = stretch * STEPS_A_STRETCH;
	uint16_t half[2] = {0};

	for (uint32_t s = first; s < p->steps && s < first + STEPS_A_STRETCH; s++)
		for (uint32_t i = 0; i < 4; i++)
			half[i / 2] -= (uint16_t)(128 * word_at(p, s, lane)[i]);
	memcpy(word_at(p, p->steps + stretch, lane), half, sizeof half);
}

double sigma_unit(const struct codes *c, double length)
{
	return c->similarity == PB__SIMILARITY__SIMILARITY_L2 ? length : 1;
}

/* In sigma: how far a score summed in double may be from the true one beyond what the margin takes
 * in; only distances have such a thing (query.h): from far away, and where squares are so small that
 * floats have no digits left for them, some of 2^-149. */
double score_blur(const struct codes *c, double length)
{
	double reach = length + c->longest;

	if (c->similarity != PB__SIMILARITY__SIMILARITY_L2)
		return 0;
	return (c->dimension + 8.0) * 0x1p-53 * reach * reach + 0x1p-140;
}

static void put_bounds(struct panel *p, const struct codes *c, const struct encoding *e,
	double length, uint32_t lane)
{
	double size = sigma_unit(c, length), skew = c->rotation.basis.skew;
	/* A query of zeros is exact as it is. */
	float left = length > 0 ? e->slack[lane] : 0;

	p->unit[lane] = (float)(e->scale[lane] * size);
	p->reach[lane] = (float)(size * (1 + 0x1p-22));
	p->tails[lane].reach = (float)(e->tail[lane] * size * (1 + 0x1p-20));
	p->ratio = fmaxf(p->ratio, (float)(left + 0x1p-19 + 2 * skew * (1 + 0x1p-20)));
}

static bool make_code(struct panel *p, const struct codes *c, uint32_t n)
{
	size_t head, all;

	p->n = n;
	p->width = width_for(n);
	p->steps = c->steps;
	p->tail = c->tail;
	p->words = words(p->steps);
	p->word = word_bytes();
	head = panel_code_bytes(p->steps, p->width);
	all = (head + (size_t)n * p->tail + 63) / 64 * 64;
	p->code = FAULT() ? NULL : aligned_alloc(64, all);
	if (p->code)
		memset(p->code, 0, all);
	return p->code;
}

bool panel_init(struct panel *p, const struct codes *c, const struct exact_query *queries,
	const double *length, uint32_t n)
{
	uint32_t d = c->dimension;
	struct most most = query_most(isa_now());
	struct encoding encoding;
	lanes *x = FAULT() ? NULL : aligned_alloc(sizeof *x, d * sizeof *x);

	if (!x || !make_code(p, c, n)) {
		free(x);
		return false;
	}
	memset(x, 0, d * sizeof *x);
	for (uint32_t i = 0; i < n; i++)
		panel_load(&queries[i], length[i], d, i, x);
	encode_group(&c->rotation, x, true, &most, &encoding);
	p->ratio = 0;
	for (uint32_t i = 0; i < n; i++) {
		put_head(p, x, d - c->tail, i);
		put_tail(p, x + (d - c->tail), i);
		for (uint32_t s = 0; s + p->steps < p->words; s++)
			put_stretch(p, s, i);
		put_bounds(p, c, &encoding, length[i], i);
	}
	free(x);
	return true;
}

void panel_free(struct panel *p)
{
	free(p->code);
}

void panel_take_out(const struct panel *p, uint32_t lane, int8_t *code)
{
	for (uint32_t i = 0; i < p->words; i++)
		memcpy(code + (size_t)i * p->word, word_at(p, i, lane), p->word);
}

static void put_in(struct panel *p, uint32_t lane, const int8_t *code)
{
	for (uint32_t i = 0; i < p->words; i++)
		memcpy(word_at(p, i, lane), code + (size_t)i * p->word, p->word);
}

static void copy_bounds(const struct panel *from, uint32_t of, struct panel *to, uint32_t lane)
{
	to->start[lane] = from->start[of];
	to->unit[lane] = from->unit[of];
	to->reach[lane] = from->reach[of];
	to->tails[lane] = from->tails[of];
}

void panel_gather(struct panel *p, const struct panel *panels, const int8_t *codes,
	const uint32_t *query, uint32_t n)
{
	p->n = n;
	p->width = width_for(n);
	p->steps = panels[0].steps;
	p->tail = panels[0].tail;
	p->words = panels[0].words;
	p->word = panels[0].word;
	p->ratio = 0;
	for (uint32_t lane = 0; lane < p->width; lane++) {
		/* Lanes behind the last query have its bytes; nobody looks at their sums. */
		uint32_t i = query[lane < n ? lane : n - 1];
		const struct panel *from = &panels[i / PANEL];
		put_in(p, lane, codes + i * panel_code_bytes(p->steps, 1));
		copy_bounds(from, i % PANEL, p, lane);
		p->ratio = fmaxf(p->ratio, from->ratio);
	}
}
