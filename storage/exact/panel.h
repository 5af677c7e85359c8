/*
 * Up to sixteen queries side by side, as bytes: what a tile is compared with. A row of a block is
 * loaded once for all of them.
 */
#ifndef STORAGE_EXACT_PANEL_H
#define STORAGE_EXACT_PANEL_H

#include "storage/exact/ahead.h"
#include "storage/exact/encode.h"
#include "storage/exact/survivors.h"
#include "storage/isa.h"

enum { PANEL = 16 };

struct panel {
	uint32_t n;	      /* queries */
	uint32_t gone;	      /* of them nobody wants any more */
	uint32_t next_look;   /* the pass guesses again, or gives up, after so many chunks */
	uint32_t width;	      /* of `code`: n, or the next width that tiles are made for */
	uint32_t steps, tail; /* as the codes have them (codes.h) */
	/* The head: words x width x word bytes, dimensions going on from word to word, and zeros behind
	 * the last; and, of a panel's own queries, the tails. Aligned to 64.
	 *
	 * Of AMX a word is 64 bytes. Of others it is a step's 4; and behind those of the head there are,
	 * for each stretch (encode.h), 2 halves, in two bytes each: - 128 times the sum of a half's
	 * bytes, modulo 2^16. */
	int8_t *code;
	uint32_t words, word; /* word: its bytes */
	/* width of each; those behind n never find anything */
	int32_t start[PANEL]; /* - 128 times the sum of its bytes: what rows are stored with */
	float unit[PANEL];    /* sigma = unit * scale * sum ... */
	float reach[PANEL];   /* ... + reach * margin: the query's length for l2, else 1 */
	struct panel_tail {
		const int8_t *code; /* tail */
		int32_t start;	    /* - 128 times the sum of its bytes */
		float reach;	    /* the tail may add up to reach * the length of the row's */
	} tails[PANEL];
	float ratio;		     /* the largest of the queries' */
	struct survivors *survivors; /* n */
};

/* Encodes n queries of these lengths; a query of length 0 is not looked at. Leaves `survivors`, `gone` and
 * `next_look` as they are. False: no memory, nothing to free. */
bool panel_init(struct panel *p, const struct codes *c, const struct exact_query *queries,
	const double *length, uint32_t n);
void panel_free(struct panel *p);
/* Puts a query, made one of length 1, into a lane of d dimensions; of length 0, zeros. */
void panel_load(const struct exact_query *q, double length, uint32_t d, uint32_t lane, lanes *x);
/* The bytes that the head's code of so many queries takes, for the kernels of now. */
size_t panel_code_bytes(uint32_t steps, uint32_t width);
/* The head's code of one query without its company's, back to back: panel_code_bytes(steps, 1). */
void panel_take_out(const struct panel *p, uint32_t lane, int8_t *code);
/* The same queries in other company: n of those in `panels`, by their numbers, whose codes were all
 * taken out. Its code has room for a whole panel, and its survivors are set. */
void panel_gather(struct panel *p, const struct panel *panels, const int8_t *codes,
	const uint32_t *query, uint32_t n);

/* The length of a query of this length where sigma (query.h) has its unit. */
double sigma_unit(const struct codes *c, double length);
/* How much more a score may be off than the margin says (blur, survivors.h), for a query of this
 * length. */
double score_blur(const struct codes *c, double length);

/* One block against one panel. */
struct tile {
	float margin[CODE_BLOCK],
		less[CODE_BLOCK];	  /* less: l2's half square, else 0; first: aligned to 64 */
	const float *scale, *tail_length; /* CODE_BLOCK */
	const unsigned char *code;
	const struct panel *panel;
	struct candidates *found; /* panel->n */
	uint32_t first;		  /* row */
	struct ahead ahead;	  /* what a kernel may fetch meanwhile */
} __attribute__((aligned(64)));

/* For each query of the panel: adds the rows to `found` whose uppers reach tau by the head, whatever the
 * tail may add. */
typedef void tile_fn(const struct tile *t);
extern tile_fn tile_portable, tile_avx2, tile_avx512, tile_amx;
/* Between them, and nothing else, stand tiles with AMX, of one panel (tile_amx.c). */
void tiles_begin(const struct panel *panel);
void tiles_end(void);

/* Keeps those candidates of query i whose uppers reach tau by head and tail; those are their uppers
 * then. The codes have a tail. */
typedef void tails_fn(
	const struct codes *c, const struct panel *panel, uint32_t i, struct candidates *found);
extern tails_fn tails_portable, tails_avx2, tails_avx512;

/* What a query's bytes may be, for the kernel of this instruction set. */
struct most query_most(enum isa isa);

#endif
