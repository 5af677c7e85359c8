/*
 * Rows in lists: each stands in the list of the centroid nearest to it, and a query looks into the
 * lists of the centroids nearest to itself. What it finds is the truth about those lists, by the same
 * bound and with the same scores as everywhere (query.h): a row is missed only with its whole list,
 * and who looks into all lists gets what the exact engine answers.
 *
 * Nearest is as centroids.h says; where similarity is not l2 centroids are of length 1: lists are of
 * directions, however long rows are.
 *
 * Their codes have no tails (basis.h), unless they were made long ago: most rows of a list are so near
 * a query that looks into it that their tails would have to be looked at as well.
 *
 * Codes stand list by list, back to back; a block may have rows of several lists. Long lists are
 * scanned in pieces.
 */
#ifndef STORAGE_EXACT_LISTS_H
#define STORAGE_EXACT_LISTS_H

#include "storage/exact/centroids.h"
#include "storage/progress.h"

struct piece {
	uint32_t first, end; /* codes */
};

struct lists {
	uint32_t n, nprobe; /* nprobe: looked into by who does not say; set by who makes them */
	size_t at_once; /* how many probes a pass keeps at a time, or those of a panel of queries */
	uint32_t *start;     /* n + 1: list i is codes start[i] .. start[i + 1] */
	uint32_t *row;	     /* of each code */
	struct codes *codes; /* of live rows */
	struct piece *piece;
	uint32_t pieces;
	uint32_t *first_piece; /* n + 1: a list's are first_piece[i] .. first_piece[i + 1] */

	struct centroids coarse;
};

/* Lists without rows. Centroids, n x dimension, are copied; of length 1 or 0 unless for l2. The basis is
 * that of the rows' codes, for a query is encoded once for both.
 * 0 < n <= LISTS_MOST. Errors are those of codes_builder_add. */
enum { LISTS_MOST = 1 << 16 };
enum code lists_new(const struct vectors_about *about, const struct basis *basis,
	const float *centroid, uint32_t n, struct lists **out, struct error *e);
void lists_free(struct lists *l); /* NULL is fine */

/* Puts all live rows where they belong; `codes` are the rows' own, in the order of the rows. Reports
 * the phase "index"; the lists are the same whoever helps. CANCELLED. */
enum code lists_fill(struct lists *l, const struct vectors *rows, const struct codes *codes,
	const struct progress *progress, struct error *e);
/* Cuts pieces, once start and codes are there. False: no memory. */
bool lists_cut(struct lists *l);

/* How many lists a query that brings this nprobe (0: none) looks into. */
uint32_t lists_probes(const struct lists *l, uint32_t nprobe);
/* How many rows, its centroids among them, it is compared with, were lists of one length. */
double lists_compared(const struct lists *l, uint32_t nprobe);

#endif
