/*
 * The tile with AMX, which multiplies 16 queries by 16 rows, 64 dimensions of both, in one instruction,
 * in sixteen cycles: eight times what vpdpbusd does. Registers are
 *
 *   LOW, HIGH            the sums: a line a query, a column one of the block's rows 0 - 15, 16 - 31
 *   QUERIES              a line a query, 64 bytes: a word of the panel's code (panel.h)
 *   ROWS_LOW, ROWS_HIGH  a line a step: of each of 16 rows, 4 bytes. A block's code has its steps one
 *                        after another, 128 bytes each, so that is how it lies in memory
 *   REST, REST_LOW,      the same of the steps that are left when all sixteens are gone: shapes are set
 *   REST_HIGH            once for all registers, so what is shorter has its own
 *
 * Exact as the others are: queries are signed, rows unsigned (value + 128), tdpbsud multiplies them as
 * they are and adds up in 32 bits, and the panel's `start` takes the 128 off afterwards. Sums are whole
 * numbers, the same in any order. How they become uppers is AVX-512's part, for both kernels the same
 * instructions.
 *
 * Shapes are set before a panel goes over its rows, and registers given back behind them, for to set
 * them takes as long as some lines of code do, and while they hold something every switch of threads
 * saves 8 KB more.
 */
#include "storage/exact/tile_avx512.h"

#if defined(__x86_64__)

#define WITH_AMX __attribute__((target(AVX512 ",amx-tile,amx-int8")))

/* Registers are part of an instruction's name. */
#define LOW 0
#define HIGH 1
#define QUERIES 2
#define ROWS_LOW 3
#define ROWS_HIGH 4
#define REST 5
#define REST_LOW 6
#define REST_HIGH 7

enum { LINES = 16, LINE_BYTES = 64, STEPS = LINE_BYTES / 4, STEP_BYTES = CODE_BLOCK * 4 };
_Static_assert(PANEL <= (int)LINES && CODE_BLOCK == 2 * (int)LINES, "two registers of sums");

/* As the processor reads them. */
struct shapes {
	uint8_t palette, start_line, zero[14];
	uint16_t bytes[16]; /* of a line */
	uint8_t lines[16];
};
_Static_assert(sizeof(struct shapes) == 64, "what ldtilecfg reads");

/* A panel's queries times so many steps of rows, into registers of their own. */
static void put_product(
	struct shapes *s, int queries, int low, int high, uint32_t n, uint32_t steps)
{
	s->lines[queries] = (uint8_t)n;
	s->bytes[queries] = (uint16_t)(steps * 4);
	s->lines[low] = s->lines[high] = (uint8_t)steps;
	s->bytes[low] = s->bytes[high] = LINE_BYTES;
}

WITH_AMX void tiles_begin(const struct panel *panel)
{
	struct shapes s = {.palette = 1};
	uint32_t rest = panel->steps % STEPS;

	s.lines[LOW] = s.lines[HIGH] = (uint8_t)panel->n;
	s.bytes[LOW] = s.bytes[HIGH] = LINE_BYTES;
	put_product(&s, QUERIES, ROWS_LOW, ROWS_HIGH, panel->n, STEPS);
	if (rest)
		put_product(&s, REST, REST_LOW, REST_HIGH, panel->n, rest);
	/* GCC 12 has the intrinsic read the first 8 bytes alone. */
	__asm__ volatile("ldtilecfg %0" : : "m"(s));
}

WITH_AMX void tiles_end(void)
{
	_tile_release();
}

#define MULTIPLY_ADD(queries, low, high) \
	{ \
		_tile_loadd(queries, query, LINE_BYTES); \
		_tile_loadd(low, rows, STEP_BYTES); \
		_tile_loadd(high, rows + LINE_BYTES, STEP_BYTES); \
		_tile_dpbsud(LOW, queries, low); \
		_tile_dpbsud(HIGH, queries, high); \
	}

WITH_AMX void tile_amx(const struct tile *t)
{
	const struct panel *p = t->panel;
	const unsigned char *rows = t->code;
	const int8_t *query = p->code;
	int32_t low[LINES][LINES] __attribute__((aligned(64)));
	int32_t high[LINES][LINES] __attribute__((aligned(64)));
	uint32_t left = p->steps;

	_tile_zero(LOW);
	_tile_zero(HIGH);
	for (; left >= STEPS; left -= STEPS) {
		MULTIPLY_ADD(QUERIES, ROWS_LOW, ROWS_HIGH)
		rows += STEPS * STEP_BYTES;
		query += (size_t)p->width * LINE_BYTES;
	}
	if (left)
		MULTIPLY_ADD(REST, REST_LOW, REST_HIGH)
	_tile_stored(LOW, low, LINE_BYTES);
	_tile_stored(HIGH, high, LINE_BYTES);
	const struct bounds b = bounds_of(t);
	for (uint32_t i = 0; i < p->n; i++) {
		__m512i start = _mm512_set1_epi32(p->start[i]);
		finish(t, &b, i, _mm512_add_epi32(start, _mm512_load_si512(low[i])),
			_mm512_add_epi32(start, _mm512_load_si512(high[i])));
	}
}

#else

void tiles_begin(const struct panel *panel)
{
	(void)panel;
}

void tiles_end(void)
{
}

void tile_amx(const struct tile *t)
{
	tile_portable(t);
}

#endif
