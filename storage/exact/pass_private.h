/* What a pass is made of, shared by its two halves: the scan and the finish. */
#ifndef STORAGE_EXACT_PASS_PRIVATE_H
#define STORAGE_EXACT_PASS_PRIVATE_H

#include "storage/exact/again.h"
#include "storage/exact/guess.h"
#include "storage/exact/lists.h"
#include "storage/exact/panel.h"
#include "storage/exact/pass.h"
#include "storage/exact/wide.h"

struct probing;
struct floats;

struct kernels {
	tile_fn *tile;
	void (*begin)(const struct panel *panel); /* before tiles of one panel, or NULL */
	void (*end)(void);			  /* and behind them, or NULL */
	tails_fn *tails;
};

struct pass {
	const struct exact *x;
	const uint32_t *order;
	struct kernels kernels;
	struct exact_query *queries;
	double *length;		     /* n */
	struct survivors *survivors; /* n */
	size_t n;
	struct panel *panels;
	size_t n_panels, encoded; /* encoded: the first ones of them */
	bool borrowed;		  /* their code is another pass's */
	bool guesses;		  /* thresholds (guess.h) */
	bool shares_chunks;	  /* with other passes: what follows a portion is not known */
	struct seen seen;
	uint32_t stride;
	size_t crowd; /* queries that are crowded (survivors.h), or were */
	/* Of those whose turn to be finished came: */
	struct again again, by_floats;
	struct wide wide;
	struct floats *floats;	 /* of a pass by floats (floats.h), else NULL */
	struct probing *probing; /* of an engine with lists (probing.h), else NULL */
};

/* Of n chunks the i-th to be visited is i times this, modulo n. */
uint32_t pass_stride(uint32_t n);

/* Rows first .. end - 1, one at least and CHUNK_ROWS at most, and what a panel that is compared with them
 * fetches meanwhile. */
struct span {
	uint32_t first, end;
	struct ahead ahead;
};
/* Of a whole chunk, which is CHUNK_BLOCKS blocks or as many as there are; with nothing to fetch. */
struct span chunk_span(const struct codes *c, uint32_t chunk);
/* The blocks of these rows. */
struct ahead span_codes(const struct codes *c, const struct span *s);
/* What of the codes that come `next` one of so many panels fetches, before so many others of them. The
 * last two share it: one alone, where there are others, would ask for more than memory brings so fast,
 * and more than two would be no faster. */
enum { FETCHING_PANELS = 2 };
struct ahead ahead_of_panel(struct ahead next, size_t after, size_t panels);

/* Offers a panel's survivors what it finds among these rows. */
void compare_rows(const struct kernels *k, const struct codes *c, const struct span *s,
	const struct panel *panel);

/* A query from beyond where squares of distances have digits left to tell rows apart by, or floats. */
bool pass_too_far(const struct pass *p, size_t query);

/* A score as a sigma of query.h, for a query of this length; what converting may be off at most; and
 * what the upper of a row reaches whose score is no less. */
double sigma_of(const struct codes *c, double length, double score);
double conversion_error(const struct codes *c, double length, double sigma);
double sigma_needed(const struct codes *c, double length, double score, double blur);

#endif
